"""Dates as servers write them, parsed leniently: they only describe."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache


@lru_cache(maxsize=256)  # reading one costs as much as a tenth of a request, and files of one batch share their second
def moment_of(text: str) -> datetime | None:
    """The moment, always with a time zone; `None` for anything that is not a date.

    Understands the three forms of RFC 9110, 5.6.7, their variants with a numeric zone, and ISO 8601, which XML uses and
    some servers write in headers as well. A date without a zone is in UTC.
    """
    text = text.strip()
    try:
        # Only ISO 8601 begins with the year.
        moment = datetime.fromisoformat(text) if text[:4].isdecimal() else parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
