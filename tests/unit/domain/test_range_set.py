"""Several ranges by RFC 9110, section 14."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.errors import InvalidRangeException
from s3py_helper.domain.range_set import MAX_RANGES, SMALL_GAP, parse_range_set, spans_of


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-4", (ByteRange(0, 4),)),
        ("bytes=0-0,-1", (ByteRange(0, 0), ByteRange(None, 1))),
        ("Bytes = 0-1 , , 5-6,", (ByteRange(0, 1), ByteRange(5, 6))),
        ("bytes=9-9,0-0", (ByteRange(9, 9), ByteRange(0, 0))),
        ("bytes=0-1,9-5", None),
        ("bytes=0-1,x", None),
        ("bytes=0-1;5-6", None),
        ("bytes=,", None),
        ("lines=0-1,5-6", None),
        ("bytes", None),
        ("", None),
        ("bytes=" + ",".join(["0-0"] * MAX_RANGES), (ByteRange(0, 0),) * MAX_RANGES),
        ("bytes=" + ",".join(["0-0"] * (MAX_RANGES + 1)), None),
    ],
)
def test_a_range_set_is_read_or_ignored(header: str, expected: tuple[ByteRange, ...] | None) -> None:
    assert parse_range_set(header) == expected


@given(st.text(alphabet="bytes=0123456789-, \t", max_size=60) | st.text(max_size=30))
def test_no_header_is_an_error_and_one_range_is_read_as_ever(header: str) -> None:
    for text in (header, f"bytes={header}"):
        found = parse_range_set(text)
        assert found is None or len(found) > 1 or found == (ByteRange.parse(text),)
        assert found is not None or ByteRange.parse(text) is None


@pytest.mark.parametrize(
    ("ranges", "spans"),
    [
        ([ByteRange(0, 9), ByteRange(5000, 5009)], [Span(0, 10), Span(5000, 5010)]),
        ([ByteRange(5000, 5009), ByteRange(0, 9)], [Span(0, 10), Span(5000, 5010)]),
        ([ByteRange(0, 9), ByteRange(5, 19)], [Span(0, 20)]),
        ([ByteRange(0, 9), ByteRange(10, 19)], [Span(0, 20)]),
        ([ByteRange(0, 99), ByteRange(20, 29)], [Span(0, 100)]),
        ([ByteRange(0, 9), ByteRange(10 + SMALL_GAP, 999)], [Span(0, 1000)]),
        ([ByteRange(0, 9), ByteRange(11 + SMALL_GAP, 999)], [Span(0, 10), Span(11 + SMALL_GAP, 1000)]),
        ([ByteRange(0, 9), ByteRange(10_000, None)], [Span(0, 10)]),
        ([ByteRange(0, 9), ByteRange(None, 10)], [Span(0, 10), Span(9990, 10_000)]),
    ],
)
def test_ranges_become_parts_in_order_without_overlap(ranges: list[ByteRange], spans: list[Span]) -> None:
    assert spans_of(ranges, 10_000) == spans


def test_ranges_of_which_the_file_has_no_byte_are_refused() -> None:
    with pytest.raises(InvalidRangeException) as refused:
        spans_of([ByteRange(10, None), ByteRange(None, 0)], 10)
    assert refused.value.size == 10


_RANGES = st.lists(st.tuples(st.integers(0, 600), st.integers(0, 300)), min_size=1, max_size=8)


@given(ranges=_RANGES, size=st.integers(1, 700))
def test_every_byte_that_was_asked_for_comes_once(ranges: list[tuple[int, int]], size: int) -> None:
    wanted = {at for first, more in ranges for at in range(first, first + more + 1) if at < size}
    try:
        spans = spans_of([ByteRange(first, first + more) for first, more in ranges], size)
    except InvalidRangeException:
        assert not wanted
        return
    sent = [at for span in spans for at in range(span.start, span.stop)]
    assert len(sent) == len(set(sent))
    assert wanted <= set(sent)
    gaps = set(sent) - wanted
    assert all(any(at - back in wanted for back in range(1, SMALL_GAP + 1)) for at in gaps)
