"""Headers as FastDFS' nginx module reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.domain.errors import InvalidArgumentException, InvalidRangeException
from s3py_helper.domain.range_set import parse_range_set
from s3py_helper.entrypoints.http.fastdfs_links.strict_ranges import said_strictly, with_strict_range


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("bytes=0-99", "bytes=0-99"),
        ("bytes=5-", "bytes=5-"),
        ("bytes=-5", "bytes=-5"),
        ("bytes=0-0", "bytes=0-"),
        ("bytes=7-00", "bytes=7-"),
        ("bytes=-0", "bytes=0-"),
        ("bytes=-000", "bytes=0-"),
        ("items=1-2", "bytes=1-2"),
        ("bytes 1-2", "bytes=1-2"),
        ("bytes= 1-9", "bytes=1-9"),
        ("bytes=1- 9", "bytes=1-9"),
        ("bytes=+5-10", "bytes=5-10"),
        ("bytes=0-0,5-9,-0", "bytes=0-,5-9,0-"),
        ("bytes=1-2,3-4,5-6,7-8,9-10", "bytes=1-2,3-4,5-6,7-8,9-10"),
    ],
)
def test_an_end_of_zero_is_the_end_of_the_file(value: str, said: str) -> None:
    assert said_strictly(value) == said


@pytest.mark.parametrize(
    "value",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5",
        "bytes=9-5",
        "bytes=abc",
        "bytes=--5",
        "seconds=0-9",
        "b=0-9",
        "bytes=0-9,",
        "bytes=,0-9",
        "bytes=0-9,abc",
        "bytes = 1-9",
        "bytes=1-1,2-2,3-3,4-4,5-5,6-6",
        "bytes=٠-٩",
    ],
)
def test_the_rest_is_not_understood(value: str) -> None:
    with pytest.raises(InvalidRangeException):
        said_strictly(value)


def test_there_is_room_for_63_characters() -> None:
    assert said_strictly("bytes=" + "0" * 53 + "1-10") == "bytes=" + "0" * 53 + "1-10"
    with pytest.raises(InvalidArgumentException, match="64 characters"):
        said_strictly("bytes=" + "0" * 54 + "1-10")


def test_a_request_without_a_range_stays_as_it_is() -> None:
    scope = {"type": "http", "headers": [(b"host", b"127.0.0.1")]}
    assert with_strict_range(scope) is scope
    ranged = {"type": "http", "headers": [(b"range", b"bytes=0-0"), (b"range", b"bytes=5-9"), (b"host", b"x")]}
    assert with_strict_range(ranged)["headers"] == [(b"host", b"x"), (b"range", b"bytes=0-")]


@given(st.text("bytes=0123456789-+, ", max_size=70))
def test_what_is_said_is_understood(value: str) -> None:
    try:
        said = said_strictly(value)
    except InvalidRangeException:
        return
    except InvalidArgumentException:
        assert len(value) > 63
        return
    assert parse_range_set(said) is not None
