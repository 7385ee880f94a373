"""Tokens that clients of FastDFS in several languages make, and those that nobody made."""

from datetime import timedelta

import pytest

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.fastdfs_token import TokenVerdict, check_fastdfs_token, fastdfs_token, moment_for

SECRET = "FastDFS1234567890"
MASTER = "M00/00/00/fwAFA2sHTw6ASkvmAAADhM27pd8047.jpg"
SLAVE = "M00/00/00/fwAFA2sHTw6ASkvmAAADhM27pd8047_150x150.jpg"
NOW = 2_000_000_000


def _verdict(
    name: str, token: str | None, moment: str | None, *, secret: str = SECRET, now: float = NOW, ttl: float = 900
) -> TokenVerdict:
    return check_fastdfs_token(name, secret, token, moment, ttl=ttl, now=now)


@pytest.mark.parametrize(
    ("name", "moment", "token"),
    [
        # Made by the C function fdfs_http_gen_token, and accepted by the nginx module.
        ("M00/00/00/fwAAAmsCvSWAZvKkAAAABTYQpoY966.txt", 1_700_000_000, "86ce6fb25da6f48264f29ede714e5585"),
        (MASTER, 2_000_000_000, "2f2f8d6dc5f52b72a0e7776a6c03acd5"),
        (SLAVE, 0, "5c565436db6b787c4fb2e9fe8cf4f746"),
    ],
)
def test_a_token_is_that_of_the_c_client(name: str, moment: int, token: str) -> None:
    assert fastdfs_token(name, SECRET, moment) == token
    assert _verdict(name, token, str(moment), now=moment) is TokenVerdict.VALID


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (NOW, TokenVerdict.VALID),
        (NOW - 900, TokenVerdict.VALID),
        (NOW - 901, TokenVerdict.WRONG),
        (NOW + 10**6, TokenVerdict.VALID),
        (1, TokenVerdict.WRONG),
        (0, TokenVerdict.VALID),
        (4_000_000_000, TokenVerdict.VALID),
    ],
)
def test_a_link_works_until_its_moment_is_past_by_the_time_to_live(moment: int, expected: TokenVerdict) -> None:
    assert _verdict(MASTER, fastdfs_token(MASTER, SECRET, moment), str(moment)) is expected


@pytest.mark.parametrize("moment", ["", "abc", "+0", "00", "0x", "-1", "1.5", " 0", "0 ", "٠", "1" * 13])
def test_a_moment_that_no_client_writes_is_refused(moment: str) -> None:
    for signed in (0, 1, -1, 5):
        assert _verdict(MASTER, fastdfs_token(MASTER, SECRET, signed), moment) is TokenVerdict.WRONG


@pytest.mark.parametrize(
    "token",
    [
        fastdfs_token(MASTER, SECRET, NOW).upper(),
        fastdfs_token(f"group1/{MASTER}", SECRET, NOW),
        fastdfs_token(MASTER, "another", NOW),
        fastdfs_token(SLAVE, SECRET, NOW),
        fastdfs_token(MASTER, SECRET, NOW + 1),
        fastdfs_token(MASTER, SECRET, NOW)[:31],
        fastdfs_token(MASTER, SECRET, NOW) + "0",
        "",
        "é" * 32,
    ],
)
def test_a_token_made_for_something_else_is_refused(token: str) -> None:
    assert _verdict(MASTER, token, str(NOW)) is TokenVerdict.WRONG


@pytest.mark.parametrize(("token", "moment"), [(None, "0"), ("x", None), (None, None)])
def test_what_is_missing_is_not_wrong(token: str | None, moment: str | None) -> None:
    assert _verdict(MASTER, token, moment) is TokenVerdict.MISSING


def test_a_link_may_live_longer_or_shorter_than_the_server_grants_from_its_moment() -> None:
    for lifetime in (timedelta(seconds=1), timedelta(minutes=15), timedelta(days=30)):
        moment = moment_for(lifetime, ttl=900, now=NOW)
        token, seconds = fastdfs_token(MASTER, SECRET, moment), lifetime.total_seconds()
        assert _verdict(MASTER, token, str(moment), now=NOW + seconds) is TokenVerdict.VALID
        assert _verdict(MASTER, token, str(moment), now=NOW + seconds + 1) is TokenVerdict.WRONG
    assert moment_for(None, ttl=900, now=NOW) == 0
    assert moment_for(timedelta(seconds=5), ttl=10**12, now=NOW) == 1, "0 would be for ever"


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(seconds=-1)])
def test_a_link_that_has_expired_already_is_refused(lifetime: timedelta) -> None:
    with pytest.raises(InvalidArgumentException, match="1 second or more"):
        moment_for(lifetime, ttl=900, now=NOW)
