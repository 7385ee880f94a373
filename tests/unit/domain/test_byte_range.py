"""Byte ranges by RFC 9110, section 14."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.domain.byte_range import ByteRange, Span, span_of
from s3py_helper.domain.errors import InvalidArgumentException, InvalidRangeException

positions = st.integers(min_value=0, max_value=40)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-499", ByteRange(0, 499)),
        ("bytes=500-", ByteRange(500, None)),
        ("bytes=-500", ByteRange(None, 500)),
        ("BYTES = 0-0", ByteRange(0, 0)),
        ("bytes=0-0,-1", None),
        ("bytes=-", None),
        ("bytes=5-2", None),
        ("bytes=a-b", None),
        ("bytes=١-٢", None),
        ("items=0-5", None),
        ("", None),
        ("bytes=,, 3-7 , ,", ByteRange(3, 7)),
        ("bytes=,", None),
        ("bytes=0-1,,4-5", None),
        ("bytes=007-0010", ByteRange(7, 10)),
        ("bytes=-0", ByteRange(None, 0)),
        ("bytes=0-9223372036854775807", ByteRange(0, 2**63 - 2)),
        ("bytes=0-18446744073709551616", ByteRange(0, 2**63 - 2)),
        ("bytes=5-" + "9" * 60_000, ByteRange(5, 2**63 - 2)),
        ("bytes=-" + "9" * 60_000, ByteRange(None, 2**63 - 2)),
        ("bytes=" + "9" * 60_000 + "-", ByteRange(2**63 - 2, None)),
        ("bytes=" + "0" * 60_000 + "5-6", ByteRange(5, 6)),
        ("bytes=" + "9" * 30 + "-" + "9" * 29, None),
        ("bytes=" + "9" * 30 + "-5", None),
    ],
)
def test_a_range_header_is_read_or_ignored(header: str, expected: ByteRange | None) -> None:
    assert ByteRange.parse(header) == expected


@given(st.text(alphabet="bytes=0123456789-, \t", max_size=60) | st.text(max_size=30))
def test_no_header_is_an_error(header: str) -> None:
    for text in (header, f"bytes={header}"):
        parsed = ByteRange.parse(text)
        if parsed is not None:
            assert max(parsed.first or 0, parsed.last or 0) < 2**63


@pytest.mark.parametrize(
    ("byte_range", "span"),
    [
        (ByteRange(0, 0), Span(0, 1)),
        (ByteRange(2, 5), Span(2, 6)),
        (ByteRange(2, 99), Span(2, 10)),
        (ByteRange(9, None), Span(9, 10)),
        (ByteRange(None, 3), Span(7, 10)),
        (ByteRange(None, 99), Span(0, 10)),
    ],
)
def test_a_range_is_clipped_to_the_file(byte_range: ByteRange, span: Span) -> None:
    assert byte_range.resolve(10) == span_of(byte_range, 10) == span


@pytest.mark.parametrize("byte_range", [ByteRange(10, None), ByteRange(10, 20), ByteRange(None, 0)])
def test_a_range_without_a_byte_names_the_size(byte_range: ByteRange) -> None:
    with pytest.raises(InvalidRangeException, match="10 bytes") as caught:
        byte_range.resolve(10)
    assert caught.value.size == 10


def test_an_empty_file_has_no_satisfiable_range_but_can_be_read_whole() -> None:
    with pytest.raises(InvalidRangeException):
        ByteRange(0, None).resolve(0)
    assert span_of(None, 0) == Span(0, 0)


@pytest.mark.parametrize(("first", "last"), [(None, None), (-1, None), (None, -1), (3, 2)])
def test_an_impossible_range_cannot_be_made(first: int | None, last: int | None) -> None:
    with pytest.raises(InvalidArgumentException):
        ByteRange(first, last)


@given(positions, positions, positions)
def test_a_resolved_range_holds_exactly_the_bytes_asked_for(first: int, length: int, size: int) -> None:
    content = bytes(range(size))
    wanted = content[first : first + length + 1]
    byte_range = ByteRange(first, first + length)
    if not wanted:
        with pytest.raises(InvalidRangeException):
            byte_range.resolve(size)
        return
    span = byte_range.resolve(size)
    assert content[span.start : span.stop] == wanted
    assert len(span) == len(wanted)


@given(positions, positions)
def test_a_range_reads_back_from_its_header(first: int, length: int) -> None:
    for byte_range in (ByteRange(first, first + length), ByteRange(first, None), ByteRange(None, first)):
        assert ByteRange.parse(str(byte_range)) == byte_range
