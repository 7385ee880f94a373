"""Several parts of a file at once, as HTTP asks for them (RFC 9110, section 14)."""

from collections.abc import Iterable, Sequence
from typing import Final

from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.errors import InvalidRangeException

MAX_RANGES: Final = 64
"""Ranges that one request may ask for; one with more is answered with the whole file (RFC 9110, 14.2)."""

SMALL_GAP: Final = 128
"""Bytes between two parts that are sent with them: another part would cost about as many (RFC 9110, 15.3.7.2)."""


def parse_range_set(header: str) -> tuple[ByteRange, ...] | None:
    """Read the value of a `Range` header; the ranges in the order in which they were asked for.

    `None` means that the header is to be ignored, as RFC 9110, 14.2 permits for other units, malformed values, and more
    ranges than `MAX_RANGES`.
    """
    unit, equals, listed = header.partition("=")
    if not equals or unit.strip(" \t").lower() != "bytes":
        return None
    # The range set is a list, which may have empty elements (RFC 9110, 5.6.1.2).
    elements = [element for element in listed.split(",") if element.strip(" \t")]
    if len(elements) > MAX_RANGES:
        return None
    ranges = [ByteRange.parse(f"bytes={element}") for element in elements]
    valid = tuple(byte_range for byte_range in ranges if byte_range is not None)
    return valid if valid and len(valid) == len(ranges) else None


def spans_of(ranges: Sequence[ByteRange], size: int) -> list[Span]:
    """What a file of `size` bytes has of the ranges, in ascending order.

    No byte comes twice, small gaps come with what they separate, and ranges that the file has no byte of are left out.

    Raises:
        InvalidRangeException: The file has no byte of any of them.
    """
    spans = sorted(_satisfiable(ranges, size), key=lambda span: span.start)
    if not spans:
        raise InvalidRangeException(f"none of the ranges has a byte in a file of {size} bytes", size=size)
    merged = [spans[0]]
    for span in spans[1:]:
        if span.start - merged[-1].stop <= SMALL_GAP:
            merged[-1] = Span(merged[-1].start, max(merged[-1].stop, span.stop))
        else:
            merged.append(span)
    return merged


def _satisfiable(ranges: Iterable[ByteRange], size: int) -> Iterable[Span]:
    for byte_range in ranges:
        try:
            yield byte_range.resolve(size)
        except InvalidRangeException:
            continue
