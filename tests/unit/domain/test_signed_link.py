"""Links that carry their own permission."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.domain.errors import InvalidArgumentException, LinkNotValidException
from s3py_helper.domain.signed_link import READ, WRITE, LinkKey, LinkKeys

NOW = 1_800_000_000.0
OLD, NEW = LinkKey("old", "o" * 32), LinkKey("new", "n" * 40)
HOUR = timedelta(hours=1)


def _keys(*keys: LinkKey, now: float = NOW) -> LinkKeys:
    return LinkKeys(keys or (NEW, OLD), clock=lambda: now)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(subject=TEXT, claims=st.dictionaries(st.sampled_from(["name", "type", "folder", "inline", "max"]), TEXT))
def test_what_was_signed_is_what_is_read(subject: str, claims: dict[str, str]) -> None:
    query = _keys().signed(READ, subject, HOUR, {**claims, "nothing": None})
    assert dict(_keys().claims_of(READ, subject, query)) == claims


def test_the_newest_key_signs_and_all_that_are_in_use_verify() -> None:
    old = _keys(OLD).signed(READ, "a", HOUR, {})
    new = _keys(NEW, OLD).signed(READ, "a", HOUR, {})
    assert "kid=new" in new
    for query in (old, new):
        assert _keys(NEW, OLD).claims_of(READ, "a", query) == {}
    with pytest.raises(LinkNotValidException):
        _keys(NEW).claims_of(READ, "a", old)


def test_a_key_ends_with_its_time() -> None:
    ending = LinkKey("ending", "e" * 32, datetime.fromtimestamp(NOW + 60, UTC))
    query = _keys(ending, OLD).signed(READ, "a", HOUR, {})
    assert "kid=ending" in query
    assert "kid=ending" in _keys(ending, OLD, now=NOW + 59).signed(READ, "a", HOUR, {})
    assert "kid=old" in _keys(ending, OLD, now=NOW + 60).signed(READ, "a", HOUR, {})
    with pytest.raises(LinkNotValidException):
        _keys(ending, OLD, now=NOW + 60).claims_of(READ, "a", query)
    with pytest.raises(LinkNotValidException):
        _keys(ending, now=NOW + 60).signed(READ, "a", HOUR, {})


def test_a_link_ends_with_its_time() -> None:
    query = _keys().signed(READ, "a", timedelta(seconds=10), {})
    _keys(now=NOW + 9).claims_of(READ, "a", query)
    with pytest.raises(LinkNotValidException):
        _keys(now=NOW + 10).claims_of(READ, "a", query)


QUERY = _keys().signed(READ, "fs:files/a", HOUR, {"name": "b.txt", "max": "5"})


def _changed(**fields: str | None) -> str:
    return urlencode({name: value for name, value in (dict(parse_qsl(QUERY)) | fields).items() if value is not None})


@pytest.mark.parametrize(
    "query",
    [
        "",
        "sig=",
        QUERY[:-1],
        QUERY[:-1] + ("0" if QUERY[-1] != "0" else "1"),
        QUERY.upper(),
        QUERY + "&name=c.txt",
        "name=c.txt&" + QUERY,
        QUERY + "&other=1",
        QUERY + "&sig=" + "0" * 64,
        QUERY.replace("name=b.txt", "name=c.txt"),
        _changed(exp="9999999999"),
        _changed(exp=None),
        _changed(exp="x"),
        _changed(kid="old"),
        _changed(kid="unknown"),
        _changed(kid=None),
        _changed(max=None),
        _changed(sig="ü"),
        _changed(sig=None),
    ],
)
def test_every_failure_is_the_same(query: str) -> None:
    with pytest.raises(LinkNotValidException) as refused:
        _keys().claims_of(READ, "fs:files/a", query)
    assert (str(refused.value), refused.value.detail) == ("this link is not valid, or not any more",) * 2


def test_a_link_is_good_for_one_thing_only() -> None:
    assert _keys().claims_of(READ, "fs:files/a", QUERY) == {"name": "b.txt", "max": "5"}
    for permission, subject in ((WRITE, "fs:files/a"), (READ, "fs:files/b"), (READ, "fs:files/a\n")):
        with pytest.raises(LinkNotValidException):
            _keys().claims_of(permission, subject, QUERY)


@pytest.mark.parametrize("lifetime", [timedelta(), timedelta(seconds=-1), timedelta(days=7, seconds=1)])
def test_no_link_works_for_ever(lifetime: timedelta) -> None:
    with pytest.raises(InvalidArgumentException, match="a link works from 1 s to 7 days"):
        _keys().signed(READ, "a", lifetime, {})


@pytest.mark.parametrize(
    ("name", "secret", "problem"),
    [
        ("", "s" * 32, "is called"),
        ("a b", "s" * 32, "is called"),
        ("x" * 33, "s" * 32, "is called"),
        ("ü", "s" * 32, "is called"),
        ("a", "s" * 31, "fewer"),
    ],
)
def test_a_key_that_protects_nothing_is_refused(name: str, secret: str, problem: str) -> None:
    with pytest.raises(InvalidArgumentException, match=problem) as refused:
        LinkKey(name, secret)
    assert secret not in str(refused.value)
    assert "s" * 32 not in repr(LinkKey("a", "s" * 32))


@pytest.mark.parametrize("name", ["a", "-", "_", "Key-1_z", "x" * 32])
def test_a_key_has_such_a_name_and_32_characters(name: str) -> None:
    assert LinkKey(name, "s" * 32).id == name


def test_a_link_works_as_long_as_is_permitted_and_no_longer() -> None:
    _keys().signed(READ, "a", timedelta(days=7), {})
    _keys().signed(READ, "a", timedelta(seconds=1), {})
    keys = LinkKeys([OLD], max_lifetime=HOUR, clock=lambda: NOW)
    assert keys.claims_of(READ, "a", keys.signed(READ, "a", HOUR, {})) == {}
    with pytest.raises(InvalidArgumentException, match="from 1 s to 1:00:00"):
        keys.signed(READ, "a", HOUR + timedelta(microseconds=1), {})


def test_keys_have_different_names() -> None:
    for keys in ([], [OLD, LinkKey("old", "x" * 32)]):
        with pytest.raises(InvalidArgumentException, match="different names"):
            LinkKeys(keys)


def test_keys_may_come_from_anywhere() -> None:
    query = LinkKeys(iter([OLD]), clock=lambda: 1_700_000_000.0).signed(READ, "a", timedelta(hours=1), {})  # type: ignore[arg-type]  # callers need not have a list
    assert LinkKeys([OLD], clock=lambda: 1_700_000_000.0).claims_of(READ, "a", query) == {}
    with pytest.raises(InvalidArgumentException, match="keys"):
        LinkKeys(5)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("lifetime", [timedelta(), timedelta(seconds=-1)])
def test_links_that_could_not_work_at_all_are_refused(lifetime: timedelta) -> None:
    with pytest.raises(InvalidArgumentException, match="max_lifetime is above 0"):
        LinkKeys([OLD], max_lifetime=lifetime)
