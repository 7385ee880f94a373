"""Times of modification as zip archives hold them."""

import struct
from datetime import UTC, datetime
from typing import Final

_EXTENDED_TIMESTAMP: Final = struct.Struct("<HHBi")
_FIELD: Final = 0x5455
_MODIFICATION_TIME_ONLY: Final = 1
_FIRST_YEAR: Final = 1980
_LAST_YEAR: Final = 2107
_INT32: Final = 1 << 31


def dos_date_time(moment: datetime | None) -> tuple[int, int]:
    """Date and time in MS-DOS' format (APPNOTE 4.4.6): UTC, to two seconds, 1980 to 2107.

    The format has no time zone and no "unknown": without a time it is the earliest that can be written.
    """
    utc = moment.astimezone(UTC) if moment is not None else datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
    if utc.year < _FIRST_YEAR:
        utc = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
    elif utc.year > _LAST_YEAR:
        utc = datetime(_LAST_YEAR, 12, 31, 23, 59, 58, tzinfo=UTC)
    date = (utc.year - _FIRST_YEAR) << 9 | utc.month << 5 | utc.day
    time = utc.hour << 11 | utc.minute << 5 | utc.second // 2
    return date, time


def extended_timestamp(moment: datetime | None) -> bytes:
    """Info-ZIP's extra field with the time to the second, explicitly in UTC; empty where it cannot hold the time.

    The field has the same form in both headers when it holds nothing but the time of modification (Info-ZIP's
    proginfo/extrafld.txt); its seconds are a signed number of 32 bits.
    """
    if moment is None:
        return b""
    seconds = int(moment.timestamp())
    if not -_INT32 <= seconds < _INT32:
        return b""
    return _EXTENDED_TIMESTAMP.pack(_FIELD, _EXTENDED_TIMESTAMP.size - 4, _MODIFICATION_TIME_ONLY, seconds)
