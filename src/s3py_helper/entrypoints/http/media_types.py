"""What is safe to tell a browser about a file that somebody uploaded."""

import re
from typing import Final

from s3py_helper.domain.content_type import OCTET_STREAM

_MEDIA_TYPE: Final = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:[ \t]*;[\x20-\x7e]*)?", re.ASCII)
_CODINGS: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*", re.ASCII)
_INLINE: Final = {"application/pdf", "text/plain"}
_INLINE_KINDS: Final = {"audio", "image", "video"}


def media_type(stored: str | None) -> str:
    """The stored type if it can be sent: uploaders choose it, so it may be anything."""
    return stored if stored is not None and _MEDIA_TYPE.fullmatch(stored) else OCTET_STREAM


def content_codings(stored: str | None) -> str | None:
    """The stored codings if they can be sent; `None` where the bytes are not encoded (RFC 9110, 8.4)."""
    if stored is None or stored.lower() == "identity" or not _CODINGS.fullmatch(stored):
        return None
    return stored


def may_show_inline(content_type: str) -> bool:
    """Whether a browser may show the type in the context of this site: only what cannot run scripts there."""
    essence = content_type.partition(";")[0].strip().lower()
    return essence in _INLINE or (essence.partition("/")[0] in _INLINE_KINDS and essence != "image/svg+xml")
