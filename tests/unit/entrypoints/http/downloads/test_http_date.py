"""The three forms of dates in headers, and nothing else."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.entrypoints.http.downloads.http_date import http_date, parse_http_date

MOMENT = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_each_form_is_understood(text: str) -> None:
    assert parse_http_date(text) == MOMENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "junk Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
        "Sun, 06 Nov ١٩٩٤ 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    assert parse_http_date(text) is None


def test_a_leap_second_is_the_second_before() -> None:
    assert parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_two_digits_name_no_year_more_than_fifty_years_ahead() -> None:
    this_year = datetime.now(UTC).year
    for ahead, expected in ((0, this_year), (49, this_year + 49), (51, this_year - 49)):
        parsed = parse_http_date(f"Sunday, 01-Jan-{(this_year + ahead) % 100:02} 00:00:00 GMT")
        assert parsed is not None
        assert parsed.year == expected


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(timezone(timedelta(hours=2)))))  # noqa: DTZ001 - hypothesis adds the zone
def test_what_is_written_reads_back_in_whole_seconds(moment: datetime) -> None:
    assert parse_http_date(http_date(moment)) == moment.replace(microsecond=0)


@given(st.text(max_size=40))
def test_no_text_is_an_error(text: str) -> None:
    parse_http_date(text)
