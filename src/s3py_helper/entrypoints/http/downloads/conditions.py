"""Conditional requests (RFC 9110, section 13)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum, auto
from typing import Final, NamedTuple

from s3py_helper.entrypoints.http.downloads.entity_tags import parse_entity_tags, same_strongly, same_weakly
from s3py_helper.entrypoints.http.downloads.http_date import http_date, parse_http_date

_CONDITIONS: Final = frozenset({"if-match", "if-unmodified-since", "if-none-match", "if-modified-since", "if-range"})


class Verdict(Enum):
    """What the conditions of a GET or HEAD come to."""

    PROCEED = auto()
    NOT_MODIFIED = auto()
    FAILED = auto()


class Validators(NamedTuple):
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
        return None if self.last_modified is None else http_date(self.last_modified)


def has_conditions(headers: Mapping[str, str]) -> bool:
    """Whether the response depends on more than the id."""
    return not _CONDITIONS.isdisjoint(headers)


def judge(headers: Mapping[str, str], current: Validators) -> Verdict:
    """Evaluate all conditions but `If-Range`, in the order of RFC 9110, 13.2.2."""
    if (wanted := headers.get("if-match")) is not None:
        if not _lists(wanted, current.etag, same_strongly):
            return Verdict.FAILED
    elif _modified_since(headers.get("if-unmodified-since"), current) is True:
        return Verdict.FAILED

    if (known := headers.get("if-none-match")) is not None:
        return Verdict.NOT_MODIFIED if _lists(known, current.etag, same_weakly) else Verdict.PROCEED
    return (
        Verdict.NOT_MODIFIED if _modified_since(headers.get("if-modified-since"), current) is False else Verdict.PROCEED
    )


def range_applies(headers: Mapping[str, str], current: Validators) -> bool:
    """Whether `If-Range`, if given, lets the `Range` stand (RFC 9110, 13.1.5): only for exactly the same version.

    What is neither one entity tag nor a date lets nothing stand: the whole file is never wrong.
    """
    condition = headers.get("if-range")
    if condition is None:
        return True
    if tags := parse_entity_tags(condition):
        return len(tags) == 1 and current.etag is not None and same_strongly(tags[0], current.etag)
    return current.last_modified is not None and parse_http_date(condition) == _whole_seconds(current.last_modified)


def _lists(condition: str, etag: str | None, same: Callable[[str, str], bool]) -> bool:
    """Whether the condition names the version; one that is malformed names none (RFC 9110, 13.1.1 and 13.1.2)."""
    if condition == "*":
        return True
    return etag is not None and any(same(tag, etag) for tag in parse_entity_tags(condition))


def _modified_since(condition: str | None, current: Validators) -> bool | None:
    """`None` where the condition is missing, is no date, or cannot be judged: it is then to be ignored."""
    if condition is None or current.last_modified is None or (since := parse_http_date(condition)) is None:
        return None
    return _whole_seconds(current.last_modified) > since


def _whole_seconds(moment: datetime) -> datetime:
    # HTTP dates have no fractions of a second.
    return moment.replace(microsecond=0)
