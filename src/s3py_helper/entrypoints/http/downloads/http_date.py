"""Dates in headers (RFC 9110, 5.6.7)."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY: Final = rf"(?:{'|'.join(_DAYS)})"
_LONG_DAY: Final = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTH: Final = rf"(?P<month>{'|'.join(_MONTHS)})"
_TIME: Final = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"

# The preferred form, that of RFC 850, and that of asctime(): recipients must know all three.
_FORMS: Final = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"{_DAY}, (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT",
        rf"{_LONG_DAY}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} GMT",
        rf"{_DAY} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
    )
)
_LEAP_SECOND: Final = 60
_FAR_FUTURE_YEARS: Final = 50


def http_date(moment: datetime) -> str:
    """The moment in the preferred form; fractions of a second are left out."""
    at = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    # `email.utils.format_datetime` takes ten times as long, and each response has a date.
    return f"{_day(at.toordinal())} {at.isoformat()[11:19]} GMT"


@lru_cache(maxsize=1024)
def _day(ordinal: int) -> str:
    day = date.fromordinal(ordinal)
    return f"{_DAYS[day.weekday()]}, {day.day:02} {_MONTHS[day.month - 1]} {day.year:04}"


def parse_http_date(text: str) -> datetime | None:
    """The moment; `None` where the text has none of the three forms, or names a day that does not exist."""
    for form in _FORMS:
        if match := form.fullmatch(text):
            return _moment(match)
    return None


def _moment(match: re.Match[str]) -> datetime | None:
    year, second = int(match["year"]), int(match["second"])
    if len(match["year"]) == 2:  # noqa: PLR2004 - two digits
        year = _with_century(year)
    try:
        return datetime(
            year,
            _MONTHS.index(match["month"]) + 1,
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            # datetime has no leap seconds.
            59 if second == _LEAP_SECOND else second,
            tzinfo=UTC,
        )
    except ValueError:
        return None


def _with_century(two_digits: int) -> int:
    """The year; one that would be more than 50 years in the future is the last one in the past with these digits."""
    this_year = datetime.now(UTC).year
    year = this_year - this_year % 100 + two_digits
    return year - 100 if year > this_year + _FAR_FUTURE_YEARS else year
