"""The header `Range` as FastDFS' nginx module reads it, said in the words of RFC 9110."""

import re
from typing import Final

from starlette.types import Scope

from s3py_helper.domain.errors import InvalidArgumentException, InvalidRangeException

_MAX_LENGTH: Final = 63
_MAX_RANGES: Final = 5
_UNIT_LENGTH: Final = len("bytes=")
_RANGE: Final = re.compile(r"[ \t]*\+?([0-9]+)-[ \t]*\+?([0-9]*)|[ \t]*()-([0-9]+)", re.ASCII)


def with_strict_range(scope: Scope) -> Scope:
    """The request with a range that gives what the module would send; without one where there is none.

    The module takes an end or a length of 0 for the end of the file, skips the unit unread, and knows five ranges.

    Raises:
        InvalidArgumentException: The header is longer than the module can read.
        InvalidRangeException: The module does not understand it.
    """
    values = [value for name, value in scope["headers"] if name == b"range"]
    if not values:
        return scope
    others = [(name, value) for name, value in scope["headers"] if name != b"range"]
    said = said_strictly(values[0].decode("latin-1"))
    return {**scope, "headers": [*others, (b"range", said.encode())]}


def said_strictly(value: str) -> str:
    """The value of a header that asks for the same by the rules of RFC 9110."""
    if len(value) > _MAX_LENGTH:
        raise InvalidArgumentException(f"the header Range has {len(value)} characters, {_MAX_LENGTH} are allowed")
    elements = value[_UNIT_LENGTH:].split(",")
    if len(elements) > _MAX_RANGES:
        raise InvalidRangeException(f"{len(elements)} ranges were asked for, {_MAX_RANGES} are allowed", size=None)
    return f"bytes={','.join(map(_said, elements))}"


def _said(element: str) -> str:
    match = _RANGE.fullmatch(element)
    if match is None:
        raise InvalidRangeException(f"not a range: {element!r}", size=None)
    if match[1] is None:
        return f"-{match[4]}" if match[4].strip("0") else "0-"
    first, last = match[1], match[2].lstrip("0")
    if last and (len(last), last) < (len(first.lstrip("0")), first.lstrip("0")):
        raise InvalidRangeException(f"the range {element!r} ends before it begins", size=None)
    return f"{first}-{last}"
