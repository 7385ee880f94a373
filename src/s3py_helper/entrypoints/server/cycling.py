"""uvicorn's protocol on httptools, which has our cycles, and one timer for all pauses between requests."""

import asyncio
from typing import TYPE_CHECKING, Any, cast, override
from urllib.parse import unquote

import httptools
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from s3py_helper.entrypoints.server.response_cycle import ResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application


class CyclingProtocol(HttpToolsProtocol):
    """uvicorn does not let its users choose the class of cycles.

    Attributes:
        latest: The cycle that began last; the same as `cycle`.
        forwarded: Whether the request that is being received has headers of a proxy.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.latest: ResponseCycle | None = None
        self.forwarded = False
        # What a proxy says of its client is read by a middleware, which nobody else needs.
        self._behind_proxy = cast("ASGI3Application", self.app)
        self._direct = self.app.app if isinstance(self.app, ProxyHeadersMiddleware) else self._behind_proxy
        self._pause_began: float | None = None

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    @override
    def on_headers_complete(self) -> None:
        """As uvicorn's, without upgrades, its limit of connections and its log of requests."""
        parser, scope = self.parser, self.scope
        app = self._behind_proxy if self.forwarded else self._direct
        assert parser is not None  # noqa: S101 - it is calling us
        version, target = parser.get_http_version(), httptools.parse_url(self.url)
        path = target.path.decode("ascii")
        scope["method"] = parser.get_method().decode("ascii")
        scope["http_version"] = version
        scope["path"] = self.root_path + (unquote(path) if "%" in path else path)
        scope["raw_path"] = self.root_path.encode("ascii") + target.path
        scope["query_string"] = target.query or b""
        before = self.latest
        self.cycle = self.latest = ResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start(self.latest, app)
        else:
            # Pipelined: it waits for the responses before its own.
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, app))

    def _start(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    @override
    def on_response_complete(self) -> None:
        """As uvicorn's, but for the timer of the pause that begins now: most pauses end long before it would."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline:
            self._start(*self.pipeline.pop())
            return
        self._pause_began = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._time_pause(self.timeout_keep_alive)

    @override
    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._pause_began is None:
            return
        left = self._pause_began + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._time_pause(left)
        else:
            super().timeout_keep_alive_handler()

    def _time_pause(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    @override
    def _unset_keepalive_if_required(self) -> None:
        """The pause is over."""
        self._pause_began = None
