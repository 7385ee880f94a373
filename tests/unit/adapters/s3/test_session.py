"""What a session hands on from its settings, and what it closes, in which order."""

import asyncio
from collections.abc import Callable
from typing import Any, Self, override

# It ships no types.
import aioboto3  # type: ignore[import-untyped]
import pytest
from botocore.exceptions import (  # type: ignore[import-untyped]  # it ships no types
    CredentialRetrievalError,
    PartialCredentialsError,
)

from s3py_helper.adapters.s3 import session as session_module
from s3py_helper.adapters.s3.config import S3Config, S3PerfConfig
from s3py_helper.adapters.s3.health import S3Health
from s3py_helper.adapters.s3.http.client import HttpClient
from s3py_helper.adapters.s3.http.dialing import Dialer
from s3py_helper.adapters.s3.http.faults import Disconnected
from s3py_helper.adapters.s3.http.payload import payload_of
from s3py_helper.adapters.s3.http.tls import TlsSettings
from s3py_helper.adapters.s3.sdk import client as client_module
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.upload_memory import UploadMemory
from s3py_helper.application.observing import LoggingObserver
from s3py_helper.application.ports.observer import ConnectionReplaced, PoolWaited
from s3py_helper.domain.errors import (
    AccessDeniedException,
    InvalidArgumentException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from tests.support.recorder import Recorder
from tests.support.s3.canned import CannedResponse, open_stage

pytestmark = pytest.mark.timeout(20)

ENDPOINT = "http://127.0.0.1:9000"
KEYS = {"access_key_id": "a", "secret_access_key": "b"}


class Noting(S3Session):
    """Shows the client that it makes."""

    client: HttpClient

    @override
    def _new_client(self, tls: TlsSettings) -> HttpClient:
        self.client = super()._new_client(tls)
        return self.client


class Opening:
    """An SDK."""

    def __init__(self, error: Exception | None = None) -> None:
        self.closed = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self._error = error

    async def __aenter__(self) -> Self:
        await self.go_on.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed += 1
        if self._error is not None:
            raise self._error


class Found:
    def __init__(self, access_key: str, error: Exception | None = None) -> None:
        self.access_key, self.secret_key, self.token = access_key, "b", None
        self._error = error

    async def get_frozen_credentials(self) -> Self:
        if self._error is not None:
            raise self._error
        return self


class TestOpening:
    @pytest.mark.parametrize(
        ("found", "kind", "says"),
        [
            (None, AccessDeniedException, "there are no keys for S3"),
            (Found("a b"), InvalidArgumentException, "keys that cannot be used"),
            (PartialCredentialsError(provider="p", cred_var="v"), AccessDeniedException, "no usable keys"),
            (
                Found("a", CredentialRetrievalError(provider="p", error_msg="m")),
                AccessDeniedException,
                "no usable keys",
            ),
        ],
        ids=["none", "odd", "partial", "unavailable"],
    )
    async def test_without_usable_keys_nothing_stays_open(
        self, monkeypatch: pytest.MonkeyPatch, found: Any, kind: type[StorageException], says: str
    ) -> None:
        class Chain:
            def __init__(self, *, region_name: str) -> None:
                assert region_name == "eu"

            async def get_credentials(self) -> Found | None:
                if isinstance(found, Exception):
                    raise found
                return found  # type: ignore[no-any-return]  # one of the above

        monkeypatch.setattr(aioboto3, "Session", Chain)
        session = Noting(S3Config(endpoint=ENDPOINT, region="eu"))
        with pytest.raises(kind, match=says) as refused:
            await session.__aenter__()
        assert refused.value.backend == "s3"
        assert refused.value.operation in {"open", "asking for keys"}
        assert session.client.closed
        with pytest.raises(StorageOperationException, match="not open"):
            _ = session.objects

    async def test_nor_when_it_is_cancelled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Chain:
            def __init__(self, **_: object) -> None: ...

            async def get_credentials(self) -> None:
                raise asyncio.CancelledError

        monkeypatch.setattr(aioboto3, "Session", Chain)
        session = Noting(S3Config(endpoint=ENDPOINT))
        with pytest.raises(asyncio.CancelledError):
            await session.__aenter__()
        assert session.client.closed

    async def test_keys_that_the_chain_finds_are_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Chain:
            def __init__(self, **_: object) -> None: ...

            async def get_credentials(self) -> Found:
                return Found("of-the-chain")

        monkeypatch.setattr(aioboto3, "Session", Chain)
        stored = CannedResponse(200, {"etag": '"x"'})
        async with open_stage(stored, access_key_id=None, secret_access_key=None) as s3:
            await s3.session.objects.put_object("docs", "k", payload_of(b"12345"), {})
        assert "Credential=of-the-chain/" in s3.sent[0].headers["authorization"]

    def test_what_happens_is_logged_where_nobody_observes(self) -> None:
        session = S3Session(S3Config.model_validate({"endpoint": ENDPOINT, **KEYS}))
        assert isinstance(session.observer, LoggingObserver)

    async def test_requests_go_where_the_settings_say(self) -> None:
        stored = CannedResponse(200, {"etag": '"x"'})
        endpoint = "http://s3.localhost:9000"
        async with open_stage(stored, endpoint=endpoint, addressing_style="virtual", region="eu-west-9") as s3:
            await s3.session.objects.put_object("docs", "k", payload_of(b"12345"), {})
        assert s3.lines == ["PUT http://docs.s3.localhost:9000/k"]
        assert "/eu-west-9/s3/aws4_request" in s3.sent[0].headers["authorization"]

    async def test_a_token_and_the_signature_of_bodies_are_sent(self) -> None:
        stored = CannedResponse(200, {"etag": '"x"'})
        async with open_stage(stored, session_token="t", sign_payload=True) as s3:
            await s3.session.objects.put_object("docs", "k", payload_of(b"12345"), {})
        assert s3.sent[0].headers["x-amz-security-token"] == "t"
        assert len(s3.sent[0].headers["x-amz-content-sha256"]) == 64

    async def test_a_bundle_is_read_at_once(self) -> None:
        config = S3Config.model_validate({"endpoint": ENDPOINT, "verify_tls": "/none/ca.pem", **KEYS})
        with pytest.raises(InvalidArgumentException, match=r"'/none/ca\.pem'"):
            await S3Session(config).__aenter__()

    @pytest.mark.parametrize(
        ("configured", "proxy"), [(None, "http://127.0.0.1:3128"), ("http://127.0.0.1:1", "http://127.0.0.1:1")]
    )
    async def test_requests_and_the_sdk_take_the_same_proxy(
        self, monkeypatch: pytest.MonkeyPatch, configured: str | None, proxy: str
    ) -> None:
        given: list[object] = []

        class NotedDialer(Dialer):
            def __init__(self, tls: TlsSettings, proxy: str | None, **named: Any) -> None:
                given.append(proxy)
                super().__init__(tls, proxy, **named)

        def sdk(_config: object, _endpoint: object, proxy: str | None) -> Opening:
            given.append(proxy)
            return Opening()

        monkeypatch.setenv("http_proxy", "127.0.0.1:3128")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(session_module, "Dialer", NotedDialer)
        monkeypatch.setattr(client_module, "Sdk", sdk)
        async with S3Session(S3Config.model_validate({"endpoint": ENDPOINT, "proxy": configured, **KEYS})) as session:
            await session.sdk()
        assert given == [proxy, proxy]

    async def test_every_setting_goes_where_it_belongs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given: dict[str, Any] = {}
        dialer, client, memory = Dialer.__init__, HttpClient.__init__, UploadMemory.__init__

        def noting(real: Callable[..., None]) -> Callable[..., None]:
            def note(made: object, *arguments: object, **named: object) -> None:
                given.update(named)
                given[type(made).__name__] = [it for it in arguments if isinstance(it, int | str)]
                real(made, *arguments, **named)

            return note

        monkeypatch.setattr(Dialer, "__init__", noting(dialer))
        monkeypatch.setattr(HttpClient, "__init__", noting(client))
        monkeypatch.setattr(UploadMemory, "__init__", noting(memory))
        perf = S3PerfConfig(
            connect_timeout=1,
            read_timeout=2,
            operation_timeout=6,
            pool_timeout=4,
            max_pool_connections=5,
            upload_memory=7_000_000,
        )
        config = S3Config(
            endpoint="http://127.0.0.1:9",
            access_key_id="a",
            secret_access_key="b",
            proxy="http://127.0.0.1:1",
            perf=perf,
        )
        recorder = Recorder()
        async with S3Session(config, recorder):
            given["on_waited"]("http://127.0.0.1:9", 0.5)
            given["on_replaced"]("http://b.127.0.0.1:9", "it was closed")
        assert recorder.events == [
            PoolWaited("s3", "127.0.0.1:9", 0.5),
            ConnectionReplaced("s3", "b.127.0.0.1:9", "it was closed"),
        ]
        named = {name: value for name, value in given.items() if name.endswith("timeout")}
        assert named == {"connect_timeout": 1, "read_timeout": 2, "stall_timeout": 3, "pool_timeout": 4}
        positional = [given[name] for name in ("Dialer", "HttpClient", "UploadMemory")]
        assert positional == [["http://127.0.0.1:1"], [5], [7_000_000]]


class TestClosing:
    async def test_it_may_be_done_twice_and_before_it_was_opened(self) -> None:
        session = S3Session(S3Config.model_validate({"endpoint": ENDPOINT, **KEYS}))
        await session.__aexit__(None, None, None)
        async with session:
            await session.__aexit__(None, None, None)
        with pytest.raises(StorageOperationException, match="not open"):
            _ = session.objects

    async def test_clean_up_has_the_connections_until_it_is_done(self) -> None:
        seen: list[bool] = []
        session = Noting(S3Config.model_validate({"endpoint": ENDPOINT, **KEYS}))
        async with session:

            async def work() -> None:
                await asyncio.sleep(0)
                seen.append(session.client.closed)

            session.background.later(3600, "s3", "an object", work)
        assert seen == [False]
        assert session.client.closed

    async def test_an_sdk_that_is_being_opened_is_closed_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        opening = Opening()
        opening.go_on.clear()
        async with open_stage() as s3:
            monkeypatch.setattr(s3.session, "_make_sdk", lambda: opening)
            waiting = asyncio.ensure_future(s3.session.sdk())
            asyncio.get_running_loop().call_later(0.01, opening.go_on.set)
            await asyncio.sleep(0)
        assert opening.closed == 1
        assert await waiting is opening  # type: ignore[comparison-overlap]  # it stands in for one

    async def test_an_sdk_whose_opening_was_cancelled_is_opened_anew_or_closed_as_none(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Cancelled(Opening):
            async def __aenter__(self) -> Self:
                raise asyncio.CancelledError

        good = Opening()
        made = [Cancelled(), good, Cancelled()]
        session = Noting(S3Config.model_validate({"endpoint": ENDPOINT, **KEYS}))
        monkeypatch.setattr(session, "_make_sdk", lambda: made.pop(0))
        async with session:
            with pytest.raises(asyncio.CancelledError):
                await session.sdk()
            await session.sdk()
        async with session:
            with pytest.raises(asyncio.CancelledError):
                await session.sdk()
        assert session.client.closed
        assert good.closed == 1

    async def test_an_sdk_that_cannot_be_closed_keeps_no_connections_open(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = Noting(S3Config.model_validate({"endpoint": ENDPOINT, **KEYS}))
        monkeypatch.setattr(session, "_make_sdk", lambda: Opening(KeyError()))
        await session.__aenter__()
        await session.sdk()
        with pytest.raises(KeyError):
            await session.__aexit__(None, None, None)
        assert session.client.closed

    async def test_opened_again_it_takes_another_sdk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[Opening] = []

        def make() -> Opening:
            made.append(Opening())
            return made[-1]

        session = S3Session(S3Config.model_validate({"endpoint": ENDPOINT, **KEYS}))
        monkeypatch.setattr(session, "_make_sdk", make)
        for _ in range(2):
            async with session:
                assert await session.sdk() is await session.sdk()
        assert [opening.closed for opening in made] == [1, 1]

    async def test_another_event_loop_gets_no_sdk(self) -> None:
        async with open_stage() as s3:
            with pytest.raises(StorageOperationException, match="another process or event loop") as refused:
                await asyncio.to_thread(lambda: asyncio.run(s3.session.sdk()))
        assert refused.value.backend == "s3"

    async def test_a_loop_that_does_nothing_is_an_error_of_ours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        session = Noting(S3Config.model_validate({"endpoint": ENDPOINT, **KEYS}))
        await session.__aenter__()

        async def late(*_: object) -> None:
            raise TimeoutError

        with monkeypatch.context() as patched:
            patched.setattr(session.client.owner, "run", late)
            with pytest.raises(StorageOperationException, match=r"cannot be closed.*127\.0\.0\.1:9000") as refused:
                await session.__aexit__(None, None, None)
        assert refused.value.backend == "s3"
        await session.client.aclose()

    async def test_what_has_been_learned_ends_with_it(self) -> None:
        async with open_stage(Disconnected()) as s3:
            with pytest.raises(StorageUnavailableException):
                await S3Health(s3.session).check()
            for use in (lambda: s3.session.objects, lambda: s3.session.background, lambda: s3.session.upload_memory):
                assert use() is use()
        for use in (lambda: s3.session.objects, lambda: s3.session.background, lambda: s3.session.upload_memory):
            with pytest.raises(StorageOperationException, match=r"not open.*127\.0\.0\.1:9000") as refused:
                use()
            assert refused.value.backend == "s3"
