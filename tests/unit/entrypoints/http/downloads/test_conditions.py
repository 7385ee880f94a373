"""Conditional requests, by the tables of RFC 9110."""

from datetime import UTC, datetime

import pytest

from s3py_helper.entrypoints.http.downloads.conditions import Validators, Verdict, has_conditions, judge, range_applies

MODIFIED = datetime(2026, 11, 23, 10, 0, 0, 654321, UTC)
AT = "Mon, 23 Nov 2026 10:00:00 GMT"
BEFORE = "Mon, 23 Nov 2026 09:59:59 GMT"
AFTER = "Mon, 23 Nov 2026 10:00:01 GMT"
FILE = Validators('"v1"', MODIFIED)
WEAK = Validators('W/"v1"', MODIFIED)
UNKNOWN = Validators(None, None)


def test_the_http_date_has_whole_seconds_and_is_gmt() -> None:
    assert FILE.http_date == AT
    assert UNKNOWN.http_date is None


@pytest.mark.parametrize("current", [FILE, WEAK, UNKNOWN])
def test_without_conditions_the_file_is_sent(current: Validators) -> None:
    assert judge({"range": "bytes=0-1"}, current) is Verdict.PROCEED
    assert not has_conditions({"range": "bytes=0-1"})


@pytest.mark.parametrize(
    ("condition", "current", "verdict"),
    [
        ('"v1"', FILE, Verdict.NOT_MODIFIED),
        ('W/"v1"', FILE, Verdict.NOT_MODIFIED),
        ('"v1"', WEAK, Verdict.NOT_MODIFIED),
        ('"v0", "v1"', FILE, Verdict.NOT_MODIFIED),
        ('"v0","a,b" , W/"v1"', FILE, Verdict.NOT_MODIFIED),
        ("*", FILE, Verdict.NOT_MODIFIED),
        ("*", UNKNOWN, Verdict.NOT_MODIFIED),
        (', ,"v0",,"v1",', FILE, Verdict.NOT_MODIFIED),
        ('junk "v1"', FILE, Verdict.PROCEED),
        ('"v1" junk', FILE, Verdict.PROCEED),
        ('"v0" "v1"', FILE, Verdict.PROCEED),
        ('"v1", v2', FILE, Verdict.PROCEED),
        ('w/"v1"', FILE, Verdict.PROCEED),
        ('*, "v0"', FILE, Verdict.PROCEED),
        ('"v0"', FILE, Verdict.PROCEED),
        ("v1", FILE, Verdict.PROCEED),
        ("", FILE, Verdict.PROCEED),
        ('"v1"', UNKNOWN, Verdict.PROCEED),
    ],
)
def test_if_none_match_compares_weakly(condition: str, current: Validators, verdict: Verdict) -> None:
    assert judge({"if-none-match": condition}, current) is verdict


@pytest.mark.parametrize(
    ("condition", "current", "verdict"),
    [
        ('"v1"', FILE, Verdict.PROCEED),
        ('"v0", "v1"', FILE, Verdict.PROCEED),
        ("*", FILE, Verdict.PROCEED),
        ('"v0" , "v1",', FILE, Verdict.PROCEED),
        ('"v0"', FILE, Verdict.FAILED),
        ('junk"v1"', FILE, Verdict.FAILED),
        ('"v1"junk', FILE, Verdict.FAILED),
        ('"v0""v1"', FILE, Verdict.FAILED),
        ('*, "v1"', FILE, Verdict.FAILED),
        ("", FILE, Verdict.FAILED),
        ('W/"v1"', FILE, Verdict.FAILED),
        ('"v1"', WEAK, Verdict.FAILED),
        ('W/"v1"', WEAK, Verdict.FAILED),
        ('"v1"', UNKNOWN, Verdict.FAILED),
    ],
)
def test_if_match_compares_strongly(condition: str, current: Validators, verdict: Verdict) -> None:
    assert judge({"if-match": condition}, current) is verdict


@pytest.mark.parametrize(
    ("since", "verdict"),
    [
        (AT, Verdict.NOT_MODIFIED),
        (AFTER, Verdict.NOT_MODIFIED),
        (BEFORE, Verdict.PROCEED),
        ("yesterday", Verdict.PROCEED),
        ("Monday, 23-Nov-26 10:00:00 GMT", Verdict.NOT_MODIFIED),
        ("Mon Nov 23 10:00:00 2026", Verdict.NOT_MODIFIED),
        ("Mon, 99 Nov 2026 10:00:00 GMT", Verdict.PROCEED),
        (f"{AT}, {AT}", Verdict.PROCEED),
    ],
)
def test_if_modified_since_compares_whole_seconds(since: str, verdict: Verdict) -> None:
    assert judge({"if-modified-since": since}, FILE) is verdict
    assert judge({"if-modified-since": since}, UNKNOWN) is Verdict.PROCEED


@pytest.mark.parametrize(
    ("since", "verdict"),
    [(AT, Verdict.PROCEED), (AFTER, Verdict.PROCEED), (BEFORE, Verdict.FAILED), ("soon", Verdict.PROCEED)],
)
def test_if_unmodified_since_is_the_opposite(since: str, verdict: Verdict) -> None:
    assert judge({"if-unmodified-since": since}, FILE) is verdict


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        # If-Match makes If-Unmodified-Since void, and If-None-Match makes If-Modified-Since void.
        ({"if-match": '"v1"', "if-unmodified-since": BEFORE}, Verdict.PROCEED),
        ({"if-none-match": '"v0"', "if-modified-since": AFTER}, Verdict.PROCEED),
        # What fails first decides.
        ({"if-match": '"v0"', "if-none-match": '"v1"'}, Verdict.FAILED),
        ({"if-unmodified-since": BEFORE, "if-none-match": '"v1"'}, Verdict.FAILED),
        ({"if-match": '"v1"', "if-none-match": '"v1"'}, Verdict.NOT_MODIFIED),
        ({"if-match": '"v1"', "if-modified-since": AFTER}, Verdict.NOT_MODIFIED),
    ],
)
def test_conditions_are_weighed_in_the_order_of_the_rfc(headers: dict[str, str], verdict: Verdict) -> None:
    assert judge(headers, FILE) is verdict


@pytest.mark.parametrize(
    ("condition", "current", "applies"),
    [
        ('"v1"', FILE, True),
        ('"v0"', FILE, False),
        ('W/"v1"', FILE, False),
        ('"v1"', WEAK, False),
        ('"v1"', UNKNOWN, False),
        (AT, FILE, True),
        (BEFORE, FILE, False),
        (AFTER, FILE, False),
        (AT, UNKNOWN, False),
        ("*", FILE, False),
        ("nonsense", FILE, False),
        ('junk "v1"', FILE, False),
        ('"v1" junk', FILE, False),
        ('"v1", "v1"', FILE, False),
        ('"v0", "v1"', FILE, False),
        (f"junk {AT}", FILE, False),
        ("", UNKNOWN, False),
    ],
)
def test_if_range_holds_for_exactly_the_same_version(condition: str, current: Validators, *, applies: bool) -> None:
    assert range_applies({"if-range": condition}, current) is applies
    assert has_conditions({"if-range": condition})


def test_without_if_range_the_range_stands() -> None:
    assert range_applies({}, UNKNOWN)
