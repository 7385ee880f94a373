"""The requests of S3 without a network: what was sent, who held a place, and whether each response was let go."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from s3py_helper.adapters.s3.api.addressing import Endpoint
from s3py_helper.adapters.s3.api.checksums import ChecksumPolicy, ChecksumSetting
from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.adapters.s3.api.sender import RequestSender
from s3py_helper.adapters.s3.api.signing import Credentials, CredentialSource, Signer, StaticCredentials
from s3py_helper.adapters.s3.config import S3Config, S3PerfConfig
from s3py_helper.adapters.s3.http.client import HttpClient, Response
from s3py_helper.adapters.s3.http.dialing import Dialer
from s3py_helper.adapters.s3.http.payload import Payload
from s3py_helper.adapters.s3.http.places import Hold, Place
from s3py_helper.adapters.s3.http.tls import TlsSettings, tls_settings
from s3py_helper.adapters.s3.session import S3Session
from tests.support.recorder import Recorder

ENDPOINT: Final = "http://127.0.0.1:9000"
KEYS: Final = Credentials("ak", "the-secret")
_OF_EVERY_REQUEST: Final = frozenset({"host", "x-amz-date", "x-amz-content-sha256", "authorization"})


class CannedResponse(Response):
    """A response that was prepared; `fault` is raised behind its body."""

    def __init__(
        self,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        fault: Exception | None = None,
    ) -> None:
        self.status = status
        self.headers = headers or {}
        self.is_empty = not body and fault is None
        self.has_ended = self.is_empty
        self._rest = body
        self._fault = fault
        self._held: Place | None = None

    def adopt(self, place: Place) -> None:
        self._held = place
        if self.has_ended:
            self.close()

    def detach(self) -> Place | None:
        held, self._held = self._held, None
        self.close()
        return held

    def take(self) -> bytes:
        rest, self._rest = self._rest, b""
        return rest

    async def read(self) -> bytes:
        if rest := self.take():
            return rest
        if self._fault is not None:
            raise self._fault
        self.close()
        return b""

    def close(self) -> None:
        self.has_ended = True
        place, self._held = self._held, None
        if place is not None:
            place.release()


def xml(text: str, headers: Mapping[str, str] | None = None) -> CannedResponse:
    return CannedResponse(200, headers, text.encode())


def refusing(status: int, code: str = "", headers: Mapping[str, str] | None = None) -> CannedResponse:
    return CannedResponse(status, headers, f"<Error><Code>{code}</Code></Error>".encode() if code else b"")


@dataclass(frozen=True)
class Sent:
    """A request that went out."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    holds: tuple[Hold, ...]

    @property
    def own_headers(self) -> dict[str, str]:
        """Those that not every request has."""
        return {name: text for name, text in self.headers.items() if name not in _OF_EVERY_REQUEST}

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


class CannedClient(HttpClient):
    """Gives one prepared response after the other, or raises it; places are real.

    Methods in `whenever` always get the same one: clean-up in the background comes in no certain order.
    """

    def __init__(
        self,
        answers: Sequence[CannedResponse | Exception],
        limit: int,
        whenever: Mapping[str, CannedResponse] = MappingProxyType({}),
    ) -> None:
        dialer = Dialer(tls_settings(verify_tls=False), None, connect_timeout=1, read_timeout=1, stall_timeout=1)
        super().__init__(dialer, limit, pool_timeout=0.01)
        self.sent: list[Sent] = []
        self.given: list[CannedResponse] = []
        self.answered = 0
        self.answers = list(answers)
        self._whenever = whenever
        self._holds: list[Hold] = []

    def turn(self, whenever: Mapping[str, CannedResponse]) -> None:
        """Answer differently from now on."""
        self._whenever = whenever

    def take_place(self, hold: Hold) -> Place | None:
        self._holds.append(hold)
        return super().take_place(hold)

    async def send(self, method: str, origin: str, target: str, headers: Mapping[str, str], body: Payload) -> Response:
        assert self.places_in_use, "without a place"
        holds = tuple(self._holds)
        self._holds.clear()
        self.sent.append(Sent(method, f"{origin}{target}", dict(headers), b"".join(body.chunks), holds))
        answer = self._whenever.get(method) or (self.answers.pop(0) if self.answers else None)
        assert answer is not None, "one request too many"
        self.answered += 1
        if isinstance(answer, Exception):
            raise answer
        self.given.append(copy(answer))  # as it was prepared, however often a test uses it
        return self.given[-1]


class _Sending:
    """What was sent through a client."""

    client: CannedClient

    @property
    def sent(self) -> list[Sent]:
        return self.client.sent

    @property
    def lines(self) -> list[str]:
        """The requests without the front that all URLs have."""
        return [str(sent).replace(ENDPOINT, "") for sent in self.sent]


@dataclass
class Stage(_Sending):
    """Everything between the adapter's ports and HTTP."""

    client: CannedClient
    signer: Signer
    sender: RequestSender
    objects: ObjectApi
    recorder: Recorder


@asynccontextmanager
async def stage(
    *answers: CannedResponse | Exception,
    perf: S3PerfConfig | None = None,
    endpoint: str = ENDPOINT,
    credentials: CredentialSource | None = None,
    checksum: ChecksumSetting = "auto",
    sign_payload: bool = False,
    limit: int = 16,
) -> AsyncIterator[Stage]:
    """All responses must have been asked for, and have ended or been closed; no place stays in use."""
    recorder, signer = Recorder(), Signer("us-east-1")
    client = CannedClient(answers, limit)
    sender = RequestSender(
        client,
        Endpoint(endpoint),
        signer,
        credentials or StaticCredentials(KEYS),
        perf or S3PerfConfig(max_retries=0),
        recorder,
        sign_payload=sign_payload,
    )
    try:
        yield Stage(client, signer, sender, ObjectApi(sender, ChecksumPolicy(checksum, recorder)), recorder)
    finally:
        await client.aclose()
    _require_all_given_back(client)


def _require_all_given_back(client: CannedClient) -> None:
    assert not client.answers, "not asked for"
    assert len(client.sent) == client.answered, "one request too many"
    assert all(given.has_ended for given in client.given), "neither read to the end nor closed"
    assert client.places_in_use == 0


class _CannedSession(S3Session):
    """A session over a client whose responses are prepared."""

    def __init__(
        self,
        config: S3Config,
        recorder: Recorder,
        answers: Sequence[CannedResponse | Exception],
        whenever: Mapping[str, CannedResponse],
    ) -> None:
        super().__init__(config, recorder)
        self._answers = answers
        self._whenever = whenever
        self.canned: CannedClient | None = None

    def _new_client(self, tls: TlsSettings) -> HttpClient:
        self.canned = CannedClient(self._answers, self.perf.max_pool_connections, self._whenever)
        return self.canned


@dataclass
class OpenStage(_Sending):
    """An open session, and what has gone on."""

    session: S3Session
    client: CannedClient
    recorder: Recorder


@asynccontextmanager
async def open_stage(
    *answers: CannedResponse | Exception,
    whenever: Mapping[str, CannedResponse] = MappingProxyType({}),
    **settings: object,
) -> AsyncIterator[OpenStage]:
    """As `stage`, up to the ports; at the end no clean-up is under way, and nothing of any upload in memory."""
    given = {
        "endpoint": ENDPOINT,
        "access_key_id": KEYS.access_key,
        "secret_access_key": KEYS.secret_key,
        "default_bucket": "docs",
        "perf": S3PerfConfig(max_retries=0),
    }
    recorder = Recorder()
    session = _CannedSession(S3Config.model_validate(given | settings), recorder, answers, whenever)
    async with session:
        assert session.canned is not None
        yield OpenStage(session, session.canned, recorder)
        memory = session.upload_memory
    assert memory.admits(session.perf.upload_memory, 0), "parts are still counted"
    _require_all_given_back(session.canned)
