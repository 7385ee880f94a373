"""Tokens in links to FastDFS files, as FastDFS' nginx module checks them and its clients make them.

The token is the MD5 of the id without its group, a secret that both sides know, and a moment in Unix seconds, written
one behind the other; a link carries it as `token`, and the moment as `ts`. Checked against `fdfs_http_gen_token` of
FastDFS' C client, and against the module 1.27 (`http.anti_steal` in its http.conf).
"""

import hashlib
import hmac
import re
from datetime import timedelta
from enum import Enum, auto
from typing import Final

from s3py_helper.domain.errors import InvalidArgumentException

NEVER_EXPIRES: Final = 0
"""The moment of a link that works for ever."""

DEFAULT_TTL: Final = timedelta(seconds=900)
"""What the module's sample configuration grants."""

_MOMENT: Final = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)
"""Decimal, as clients write it. The module reads `+5`, `005` and `5x` as well, which no client writes."""


class TokenVerdict(Enum):
    """What a link's token is worth."""

    VALID = auto()
    MISSING = auto()
    """The link has no `token`, or no `ts`."""
    WRONG = auto()
    """Made for another file or with another secret, or expired: which of these is not told."""


def fastdfs_token(name: str, secret: str, moment: int) -> str:
    """The token of a file.

    Args:
        name: The file's id without the group (`M00/00/00/...`).
        secret: What both sides know.
        moment: Unix seconds from which the time to live counts; 0 for a link that never expires.
    """
    # The algorithm is that of the links that are out there; it is no choice of ours.
    return hashlib.md5(f"{name}{secret}{moment}".encode(), usedforsecurity=False).hexdigest()


def check_fastdfs_token(
    name: str, secret: str, token: str | None, moment: str | None, *, ttl: float, now: float
) -> TokenVerdict:
    """Judge a link's token; the time it takes tells nothing about the right one.

    Args:
        name: The file's id without the group, as the link has it.
        secret: What both sides know.
        token: The parameter `token`.
        moment: The parameter `ts`.
        ttl: Seconds for which a link works from its moment on. A moment in the future is none the worse: such links
            work until then and for the time to live, and 0 works for ever.
        now: The present in Unix seconds.
    """
    if token is None or moment is None:
        return TokenVerdict.MISSING
    if not _MOMENT.fullmatch(moment):
        return TokenVerdict.WRONG
    seconds = int(moment)
    expected = fastdfs_token(name, secret, seconds)
    right = hmac.compare_digest(token.encode(), expected.encode())
    alive = seconds == NEVER_EXPIRES or int(now) - seconds <= ttl
    return TokenVerdict.VALID if right and alive else TokenVerdict.WRONG


def moment_for(expires_in: timedelta | None, *, ttl: float, now: float) -> int:
    """The moment that makes a link expire so much later, however long the server lets links live.

    Args:
        expires_in: How long the link works; `None` for ever.
        ttl: Seconds for which the server lets a link work from its moment on.
        now: The present in Unix seconds.

    Raises:
        InvalidArgumentException: The link would have expired before it could be used.
    """
    if expires_in is None:
        return NEVER_EXPIRES
    if expires_in.total_seconds() < 1:
        raise InvalidArgumentException(f"a link is valid for 1 second or more, got {expires_in}", operation="link")
    return max(1, int(now + expires_in.total_seconds() - ttl))
