"""How a browser is told to treat a download (RFC 6266), and what is safe to tell."""

import re
from typing import Final
from urllib.parse import quote

OCTET_STREAM: Final = "application/octet-stream"

_MEDIA_TYPE: Final = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:[ \t]*;[\x20-\x7e]*)?", re.ASCII)
_INLINE: Final = {"application/pdf", "text/plain"}
_INLINE_KINDS: Final = {"audio", "image", "video"}
# RFC 8187, `attr-char`, besides letters and digits, which `quote` never touches.
_ATTR_CHARS: Final = "!#$&+-.^_`|~"


def media_type(stored: str | None) -> str:
    """The stored type if it can be sent: uploaders choose it, so it may be anything."""
    return stored if stored is not None and _MEDIA_TYPE.fullmatch(stored) else OCTET_STREAM


def may_show_inline(content_type: str) -> bool:
    """Whether a browser may show the type in the context of this site: only what cannot run scripts there."""
    essence = content_type.partition(";")[0].strip().lower()
    return essence in _INLINE or (essence.partition("/")[0] in _INLINE_KINDS and essence != "image/svg+xml")


def content_disposition(file_name: str | None, *, inline: bool = False) -> str:
    """The value of `Content-Disposition`.

    A name beyond plain ASCII goes into `filename*` (RFC 8187); clients that do not know it find a likeness in
    `filename`, without the characters that they are known to misread (RFC 6266, appendix D).
    """
    kind = "inline" if inline else "attachment"
    if not file_name:
        return kind
    plain = re.sub(r'[^\x20-\x7e]|["\\%/]', "_", file_name)
    if plain == file_name:
        return f'{kind}; filename="{plain}"'
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe=_ATTR_CHARS, errors='replace')}"
