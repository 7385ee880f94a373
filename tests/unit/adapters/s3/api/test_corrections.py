"""What a refusal teaches, and how often."""

from collections.abc import Awaitable, Callable
from email.utils import formatdate

import pytest

from s3py_helper.adapters.s3.api.corrections import Corrections
from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.evidence import stored
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.api.sender import Request
from s3py_helper.adapters.s3.api.signing import Credentials, Signer
from s3py_helper.application.ports.observer import RequestRetried
from s3py_helper.domain.errors import AccessDeniedException
from tests.support.s3.canned import CannedResponse, refusing, stage

pytestmark = [pytest.mark.timeout(10), pytest.mark.usefixtures("now")]

NOW = 1_440_938_160.0
CLOCK_CODES = ["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"]
KEY_CODES = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidToken",
    "InvalidTokenId",
    "TokenRefreshRequired",
]
OLD, NEW = Credentials("old", "s"), Credentials("new", "s")
UP = Request("upload", "PUT", "docs", "a")
FINE = CannedResponse(headers={"etag": '"x"'})


class Chain:
    """Has other keys where `has_new`."""

    def __init__(self, *, has_new: bool = True) -> None:
        self.keys = OLD
        self.refused: list[Credentials] = []
        self.has_new = has_new

    async def current(self) -> Credentials:
        return self.keys

    async def renew(self, refused: Credentials) -> bool:
        self.refused.append(refused)
        self.keys = NEW if self.has_new else OLD
        return self.has_new


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)


def skewed(seconds: float, code: str = "RequestTimeTooSkewed") -> ErrorResponse:
    """The refusal of a service whose clock is that far ahead of this machine's."""
    return ErrorResponse(403, code, headers={"date": formatdate(NOW + seconds, usegmt=True)})


type After = Callable[[Exception], Awaitable[str | None]]


def made(chain: Chain, offset: float = 0.0) -> tuple[Signer, After]:
    signer = Signer("us-east-1")
    signer.clock_offset = offset
    corrections = Corrections(signer, chain)
    return signer, lambda error: corrections.after(error, chain.keys, offset)


@pytest.mark.parametrize("code", CLOCK_CODES)
@pytest.mark.parametrize("seconds", [-3600, -60, 60, 86_400])
async def test_the_clock_is_corrected_once_per_request(code: str, seconds: float) -> None:
    chain = Chain()
    signer, after = made(chain)
    correction = await after(skewed(seconds, code))
    assert correction is not None
    assert f"is {seconds:+.0f} s from this machine's" in correction
    assert signer.clock_offset == seconds
    assert await after(skewed(2 * seconds, code)) is None
    assert (signer.clock_offset, chain.refused) == (seconds, [])


@pytest.mark.parametrize(
    ("offset", "seconds"), [(0.0, 59), (0.0, -59), (3600.0, 3600 - 59), (-600.0, -600 + 59)], ids=str
)
async def test_a_clock_that_is_right_is_not_what_is_refused(offset: float, seconds: float) -> None:
    signer, after = made(Chain(), offset)
    assert await after(skewed(seconds)) is None
    assert signer.clock_offset == offset


async def test_a_clock_that_was_corrected_may_be_corrected_again_for_another_request() -> None:
    signer, after = made(Chain(), 3600.0)
    assert await after(skewed(0)) is not None
    assert signer.clock_offset == 0


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}])
async def test_without_the_time_of_the_service_there_is_nothing_to_correct(headers: dict[str, str]) -> None:
    signer, after = made(Chain())
    assert await after(ErrorResponse(403, "RequestTimeTooSkewed", headers=headers)) is None
    assert signer.clock_offset == 0


@pytest.mark.parametrize("code", KEY_CODES)
async def test_other_keys_are_asked_for_once_per_request(code: str) -> None:
    chain = Chain()
    _, after = made(chain)
    assert await after(ErrorResponse(403, code)) == "the credential chain has given other keys"
    assert await after(ErrorResponse(403, code)) is None
    assert chain.refused == [OLD]


async def test_where_there_are_no_others_nothing_is_corrected() -> None:
    chain = Chain(has_new=False)
    _, after = made(chain)
    assert await after(ErrorResponse(403, "ExpiredToken")) is None
    assert chain.refused == [OLD]


async def test_clock_and_keys_may_both_be_wrong() -> None:
    chain = Chain()
    signer, after = made(chain)
    assert await after(ErrorResponse(403, "ExpiredToken")) is not None
    assert await after(skewed(3600)) is not None
    assert (signer.clock_offset, chain.keys) == (3600, NEW)


@pytest.mark.parametrize(
    "error", [skewed(3600, "AccessDenied"), skewed(3600, "SignatureDoesNotMatch"), skewed(3600, ""), TimeoutError()]
)
async def test_nothing_else_teaches_anything(error: Exception) -> None:
    chain = Chain()
    signer, after = made(chain)
    assert await after(error) is None
    assert (signer.clock_offset, chain.refused) == (0, [])


async def test_a_request_that_was_corrected_is_sent_again_at_once_however_few_retries_there_are() -> None:
    chain, outcome = Chain(), Outcome()
    skew = {"date": formatdate(NOW + 3600, usegmt=True)}
    answers = refusing(403, "RequestTimeTooSkewed", skew), refusing(403, "InvalidAccessKeyId"), FINE
    async with stage(*answers, credentials=chain) as s3:
        await s3.sender.send_whole(UP._replace(once=True, outcome=outcome), stored)
    assert [sent.headers["x-amz-date"] for sent in s3.sent] == ["20150830T123600Z"] + ["20150830T133600Z"] * 2
    assert ["Credential=new/" in sent.headers["authorization"] for sent in s3.sent] == [False, False, True]
    assert [(event.attempt, event.pause) for event in s3.recorder.of(RequestRetried)] == [(1, 0), (2, 0)]
    assert not outcome.uncertain


async def test_a_request_that_is_refused_again_is_refused() -> None:
    async with stage(refusing(403, "ExpiredToken"), refusing(403, "ExpiredToken"), credentials=Chain()) as s3:
        with pytest.raises(AccessDeniedException):
            await s3.sender.send_whole(UP, stored)
