"""Everything that is open while the backend is."""

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from s3py_helper.adapters.s3.api.addressing import Endpoint
from s3py_helper.adapters.s3.api.checksums import ChecksumPolicy
from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.adapters.s3.api.sender import RequestSender
from s3py_helper.adapters.s3.api.signing import Credentials, CredentialSource, Signer, StaticCredentials
from s3py_helper.adapters.s3.config import S3Config, S3PerfConfig
from s3py_helper.adapters.s3.http.client import HttpClient
from s3py_helper.adapters.s3.http.dialing import Dialer
from s3py_helper.adapters.s3.http.proxies import proxy_of_environment
from s3py_helper.adapters.s3.http.tls import TlsSettings, tls_settings
from s3py_helper.adapters.s3.upload_memory import UploadMemory
from s3py_helper.application.background import BackgroundCleanUp
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.observing import LoggingObserver
from s3py_helper.application.ports.observer import ConnectionReplaced, Observer, PoolWaited
from s3py_helper.application.ports.pool_use import PoolUse
from s3py_helper.domain.errors import AccessDeniedException, StorageOperationException
from s3py_helper.domain.file_id import Backend

if TYPE_CHECKING:
    from s3py_helper.adapters.s3.sdk.client import Sdk


class S3Session:
    """The session with the service; opened by `async with`, and again after it was closed.

    With keys in the configuration the SDK is not even imported before something rare is asked for: importing it takes
    half a second, and most processes only put, get and delete.
    """

    def __init__(self, config: S3Config, observer: Observer | None = None) -> None:
        self.config = config
        self.observer = observer or LoggingObserver()
        self.perf = config.perf or S3PerfConfig()
        self.endpoint = Endpoint(config.endpoint, config.addressing_style)
        self._proxy = config.proxy or proxy_of_environment(config.endpoint)
        self._client: HttpClient | None = None
        self._objects: ObjectApi | None = None
        self._background: BackgroundCleanUp | None = None
        self._upload_memory: UploadMemory | None = None
        self._sdk: asyncio.Task[Sdk] | None = None

    @property
    def objects(self) -> ObjectApi:
        """The frequent operations; raises `StorageOperationException` unless the backend is open."""
        if self._objects is None:
            raise self._not_open()
        return self._objects

    @property
    def background(self) -> BackgroundCleanUp:
        """Where failed uploads leave their clean-up; raises as `objects` does."""
        if self._background is None:
            raise self._not_open()
        return self._background

    @property
    def upload_memory(self) -> UploadMemory:
        """What uploads share; raises as `objects` does."""
        if self._upload_memory is None:
            raise self._not_open()
        return self._upload_memory

    async def sdk(self) -> "Sdk":
        """The SDK's client, opened when it is asked for first; raises as `objects` does."""
        _ = self.objects
        self._require_owner()
        if self._sdk is None or (self._sdk.done() and (self._sdk.cancelled() or self._sdk.exception())):
            # A task of its own: one caller's cancellation must not spoil it for the others.
            self._sdk = asyncio.ensure_future(self._open_sdk())
        return await asyncio.shield(self._sdk)

    async def __aenter__(self) -> Self:
        # In a thread, because it may read a file.
        client = self._new_client(await asyncio.to_thread(tls_settings, self.config.verify_tls))
        try:
            credentials = await self._credentials()
        except BaseException:  # not opened, so nobody else would close it
            await client.aclose()
            raise
        sender = RequestSender(
            client,
            self.endpoint,
            Signer(self.config.region),
            credentials,
            self.perf,
            self.observer,
            sign_payload=self.config.sign_payload,
        )
        self._client = client
        self._objects = ObjectApi(sender, ChecksumPolicy(self.config.checksum, self.observer))
        self._background = BackgroundCleanUp(self.observer)
        self._upload_memory = UploadMemory(self.perf.upload_memory)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything; works a second time, and in another event loop or process."""
        self._objects = self._upload_memory = None
        client, self._client = self._client, None
        if client is None:
            return
        background, self._background = self._background, None
        sdk, self._sdk = self._sdk, None
        try:
            await completed(client.owner.run(lambda: _close(client, background, sdk), client.sever))
        except TimeoutError as late:
            raise StorageOperationException(
                "the S3 backend cannot be closed: the event loop that it was opened in does nothing "
                f"(S3 at {self.endpoint.url})",
                backend=Backend.S3,
            ) from late

    def pool_use(self) -> PoolUse:
        """How many connections are in use."""
        return PoolUse(0 if self._client is None else self._client.places_in_use, self.perf.max_pool_connections)

    def _not_open(self) -> StorageOperationException:
        return StorageOperationException(
            f"the S3 backend is not open: use it within 'async with' (S3 at {self.endpoint.url})", backend=Backend.S3
        )

    def _require_owner(self) -> None:
        if self._client is not None and asyncio.get_running_loop() is not self._client.owner.loop:
            raise StorageOperationException(
                "the S3 backend was opened in another process or event loop: open one here "
                f"(S3 at {self.endpoint.url})",
                backend=Backend.S3,
            )

    async def _open_sdk(self) -> "Sdk":
        # In a thread, so that the event loop goes on meanwhile.
        sdk = await asyncio.to_thread(self._make_sdk)
        return await sdk.__aenter__()

    def _make_sdk(self) -> "Sdk":
        from s3py_helper.adapters.s3.sdk.client import Sdk  # noqa: PLC0415 - see the class

        return Sdk(self.config, self.endpoint, self._proxy)

    def _new_client(self, tls: TlsSettings) -> HttpClient:
        dialer = Dialer(
            tls,
            self._proxy,
            connect_timeout=self.perf.connect_timeout,
            read_timeout=self.perf.read_timeout,
            # The time that an attempt of a request without a body may take.
            stall_timeout=self.perf.operation_timeout / 2,
        )
        return HttpClient(
            dialer,
            self.perf.max_pool_connections,
            pool_timeout=self.perf.pool_timeout,
            on_waited=self._notify_of_wait,
            on_replaced=self._notify_of_replacement,
        )

    def _notify_of_wait(self, origin: str, seconds: float) -> None:
        self.observer.notify(PoolWaited(Backend.S3, urlsplit(origin).netloc, seconds))

    def _notify_of_replacement(self, origin: str, reason: str) -> None:
        self.observer.notify(ConnectionReplaced(Backend.S3, urlsplit(origin).netloc, reason))

    async def _credentials(self) -> CredentialSource:
        if self.config.access_key_id and self.config.secret_access_key:
            keys = Credentials(self.config.access_key_id, self.config.secret_access_key, self.config.session_token)
            return StaticCredentials(keys)
        from s3py_helper.adapters.s3.sdk.credentials import find_credentials  # noqa: PLC0415 - see the class

        found = await find_credentials(self.config)
        if found is None:
            raise AccessDeniedException(
                "there are no keys for S3: set access_key_id and secret_access_key, or provide them in a way that the "
                "SDK's credential chain finds (AWS_ACCESS_KEY_ID, shared credentials file, instance role, ...)",
                operation="open",
                backend=Backend.S3,
            )
        return found


async def _close(client: HttpClient, background: BackgroundCleanUp | None, sdk: "asyncio.Task[Sdk] | None") -> None:
    try:
        # First of all: it needs the connections.
        if background is not None:
            await background.aclose()
        if sdk is not None:
            await asyncio.wait([sdk])
            if not sdk.cancelled() and sdk.exception() is None:
                await sdk.result().__aexit__(None, None, None)
    finally:
        await client.aclose()
