"""Parts of a file, as HTTP asks for them (RFC 9110, section 14)."""

import re
from dataclasses import dataclass
from typing import Final, Self

from s3py_helper.domain.arguments import require_optional_number
from s3py_helper.domain.errors import InvalidArgumentException, InvalidRangeException

# The range set is a list, which may have empty elements (RFC 9110, 5.6.1.2).
_SINGLE_RANGE: Final = re.compile(r"[ \t]*bytes[ \t]*=[ \t,]*(\d*)-(\d*)[ \t,]*", re.ASCII | re.IGNORECASE)

_MAX_POSITION: Final = 2**63 - 2
"""Servers and systems count bytes in signed 64 bits; no file has a byte at this position."""

_ENOUGH_DIGITS: Final = len(str(_MAX_POSITION)) + 1
"""A number with this many digits, or more, is larger."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file whose size is known.

    Attributes:
        start: Offset of the first one.
        stop: Offset behind the last one.
    """

    start: int
    stop: int

    def __len__(self) -> int:
        """Number of bytes."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class ByteRange:
    """One range of a file whose size need not be known yet.

    `ByteRange(2, 5)` are four bytes, `ByteRange(2, None)` all from the third on, `ByteRange(None, 5)` the last five.

    Attributes:
        first: Offset of the first byte; `None` when `last` counts from the end.
        last: Offset of the last byte, `None` for all that follow; without `first` the number of bytes at the end.
    """

    first: int | None
    last: int | None

    def __post_init__(self) -> None:
        if self.first is None and self.last is None:
            raise InvalidArgumentException("a byte range needs a first or a last position")
        require_optional_number(self.first, "the first position of a byte range")
        require_optional_number(self.last, "the last position of a byte range")
        if self.first is not None and self.last is not None and self.last < self.first:
            raise InvalidArgumentException(f"a byte range does not end ({self.last}) before it begins ({self.first})")

    @classmethod
    def parse(cls, header: str) -> Self | None:
        """Read the value of a `Range` header with one range.

        `None` means that the header is to be ignored, as RFC 9110, 14.2 permits for other units, malformed values and
        lists of several ranges. Positions may have any number of digits (RFC 9110, 14.1.2 sets no limit): those beyond
        64 bits are all the same to a file.
        """
        match = _SINGLE_RANGE.fullmatch(header)
        if match is None:
            return None
        first, last = (digits.lstrip("0") or digits[:1] for digits in match.groups())
        if not first and not last:
            return None
        # By length first: Python refuses to make a number of thousands of digits.
        if first and last and (len(last), last) < (len(first), first):
            return None
        return cls(_position(first), _position(last))

    def resolve(self, size: int) -> Span:
        """The bytes that a file of `size` bytes has in this range, clipped at its end.

        Raises:
            InvalidRangeException: There is none (RFC 9110, 14.1.2: not satisfiable).
        """
        if self.first is None:
            start, stop = max(0, size - (self.last or 0)), size
        else:
            start, stop = self.first, size if self.last is None else min(self.last + 1, size)
        if start >= stop:
            raise InvalidRangeException(f"the range {self} has no byte in a file of {size} bytes", size=size)
        return Span(start, stop)

    def __str__(self) -> str:
        """The value of a `Range` header."""
        return f"bytes={'' if self.first is None else self.first}-{'' if self.last is None else self.last}"


def span_of(byte_range: ByteRange | None, size: int) -> Span:
    """The whole file when no range is asked for, else what the range has of it."""
    return Span(0, size) if byte_range is None else byte_range.resolve(size)


def _position(digits: str) -> int | None:
    return min(int(digits[:_ENOUGH_DIGITS]), _MAX_POSITION) if digits else None
