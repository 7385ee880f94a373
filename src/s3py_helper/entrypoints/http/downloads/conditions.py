"""Conditional requests (RFC 9110, section 13)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from enum import Enum, auto
from typing import Final

_ENTITY_TAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_CONDITIONS: Final = ("if-match", "if-unmodified-since", "if-none-match", "if-modified-since", "if-range")


class Verdict(Enum):
    """What the conditions of a GET or HEAD come to."""

    PROCEED = auto()
    NOT_MODIFIED = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one version of a file from another.

    Attributes:
        etag: Entity tag with its quotes; `None` where there is none.
        last_modified: With time zone.
    """

    etag: str | None
    last_modified: datetime | None

    @property
    def http_date(self) -> str | None:
        """The value of `Last-Modified`."""
        return None if self.last_modified is None else format_datetime(self.last_modified.astimezone(UTC), usegmt=True)


def has_conditions(headers: Mapping[str, str]) -> bool:
    """Whether the answer depends on more than the id."""
    return any(name in headers for name in _CONDITIONS)


def judge(headers: Mapping[str, str], current: Validators) -> Verdict:
    """Weigh all conditions but `If-Range`, in the order of RFC 9110, 13.2.2."""
    if (wanted := headers.get("if-match")) is not None:
        if not _lists(wanted, current.etag, strong=True):
            return Verdict.FAILED
    elif _modified_since(headers.get("if-unmodified-since"), current) is True:
        return Verdict.FAILED

    if (known := headers.get("if-none-match")) is not None:
        return Verdict.NOT_MODIFIED if _lists(known, current.etag, strong=False) else Verdict.PROCEED
    return (
        Verdict.NOT_MODIFIED if _modified_since(headers.get("if-modified-since"), current) is False else Verdict.PROCEED
    )


def range_applies(headers: Mapping[str, str], current: Validators) -> bool:
    """Whether `If-Range`, if given, lets the `Range` stand (RFC 9110, 13.1.5): only for exactly the same version."""
    condition = headers.get("if-range")
    if condition is None:
        return True
    condition = condition.strip()
    if condition.endswith('"'):
        return _lists(condition, current.etag, strong=True) and condition != "*"
    return current.last_modified is not None and _date(condition) == current.last_modified.replace(microsecond=0)


def _lists(condition: str, etag: str | None, *, strong: bool) -> bool:
    if condition.strip() == "*":
        return True
    if etag is None:
        return False
    listed = _ENTITY_TAG.findall(condition)
    if strong:
        return not etag.startswith("W/") and etag in listed
    return etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in listed}


def _modified_since(condition: str | None, current: Validators) -> bool | None:
    """`None` where the condition is missing, is no date, or cannot be judged: it is then to be ignored."""
    if condition is None or current.last_modified is None or (since := _date(condition)) is None:
        return None
    # HTTP dates have no fractions of a second.
    return current.last_modified.replace(microsecond=0) > since


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
