"""Dates as servers write them."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.s3.api.dates import moment_of

MOMENT = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 10:49:37 +0200",
        "06 Nov 1994 08:49:37 -0000",
        "1994-11-06T08:49:37Z",
        "1994-11-06T08:49:37.000Z",
        "1994-11-06T10:49:37+02:00",
        "1994-11-06 08:49:37",
        " 1994-11-06T08:49:37Z ",
        "  Sun, 06 Nov 1994 08:49:37 GMT ",
    ],
)
def test_every_usual_form_is_understood(text: str) -> None:
    moment = moment_of(text)
    assert moment == MOMENT
    assert moment is not None
    assert moment.utcoffset() is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "0",
        "1994",
        "784111777",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "9999999999-01-01T00:00:00Z",
        "\x00",
        "Sun, 06 Nov 1994 08:49:37 +99999999999999999999",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert moment_of(text) is None


@given(st.text(max_size=60))
def test_no_text_is_an_error(text: str) -> None:
    moment = moment_of(text)
    assert moment is None or moment.utcoffset() is not None


def test_a_date_without_a_zone_is_not_in_this_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        moment_of.cache_clear()
        assert moment_of("1994-11-06 08:49:37") == MOMENT
    finally:
        monkeypatch.undo()
        time.tzset()
