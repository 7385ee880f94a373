"""Parts of a file, as HTTP asks for them (RFC 9110, section 14)."""

import re
from dataclasses import dataclass
from typing import Final, Self

from s3py_helper.domain.errors import InvalidArgumentException, InvalidRangeException

_SINGLE_RANGE: Final = re.compile(r"[ \t]*bytes[ \t]*=[ \t]*(\d*)-(\d*)[ \t]*", re.ASCII | re.IGNORECASE)
_MAX_DIGITS: Final = 20


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `stop - 1` of a file whose size is known."""

    start: int
    stop: int

    def __len__(self) -> int:
        """Number of bytes."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class ByteRange:
    """One range of a file whose size need not be known yet.

    `ByteRange(2, 5)` are four bytes, `ByteRange(2, None)` all from the third on, `ByteRange(None, 5)` the last five.
    """

    first: int | None
    last: int | None

    def __post_init__(self) -> None:
        if self.first is None and self.last is None:
            raise InvalidArgumentException("a byte range needs a first or a last position")
        if min(self.first or 0, self.last or 0) < 0:
            raise InvalidArgumentException(f"byte positions are not negative, got {self.first} and {self.last}")
        if self.first is not None and self.last is not None and self.last < self.first:
            raise InvalidArgumentException(f"a byte range does not end ({self.last}) before it begins ({self.first})")

    @classmethod
    def parse(cls, header: str) -> Self | None:
        """Read the value of a `Range` header with one range.

        `None` means that the header is to be ignored, as RFC 9110, 14.2 permits for other units, malformed values and
        lists of several ranges.
        """
        match = _SINGLE_RANGE.fullmatch(header)
        if match is None or max(map(len, match.groups())) > _MAX_DIGITS:
            return None
        first, last = (int(digits) if digits else None for digits in match.groups())
        if first is None and last is None:
            return None
        if first is not None and last is not None and last < first:
            return None
        return cls(first, last)

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
