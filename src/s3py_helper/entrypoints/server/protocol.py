"""One connection to the service: uvicorn's protocol on httptools, and what hostile or broken clients make necessary.

uvicorn leaves to a proxy: heads without end, connections that say nothing, those that are closed but never emptied, and
some of what RFC 9112 demands of a server so that no two parties read one request differently.
"""

import asyncio
import re
from asyncio import TimerHandle
from functools import partial
from typing import Any, Final, NoReturn, cast, override

import httptools
from uvicorn.protocols.utils import is_ssl

from s3py_helper.application.ports.region import Region
from s3py_helper.entrypoints.http.downloads.sourced_response import REGION_EXTENSION, UNSENT_EXTENSION
from s3py_helper.entrypoints.http.exchange import LINGER_SECONDS
from s3py_helper.entrypoints.http.problems.response import ProblemResponse
from s3py_helper.entrypoints.http.problems.table import Problem
from s3py_helper.entrypoints.server.cycling import CyclingProtocol
from s3py_helper.entrypoints.server.refusals import (
    HEAD_TIMED_OUT,
    HEAD_TOO_LARGE,
    MALFORMED,
    UNKNOWN_CODING,
    UNKNOWN_METHOD,
    UNKNOWN_VERSION,
)
from s3py_helper.entrypoints.server.response_cycle import ResponseCycle
from s3py_helper.entrypoints.server.socket_sender import SocketSender
from s3py_helper.entrypoints.server.unsent import unsent_bytes

MAX_HEAD_BYTES: Final = 64 * 1024
"""Most bytes of a request line with its headers, and of anything else that is no content, between two pieces of it."""

_FRAMING_HEADERS: Final = frozenset({b"content-length", b"transfer-encoding"})

_ABSOLUTE_TARGET: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")

_REQUEST_LINE: Final = re.compile(rb"(?:\r\n)*[!#$%&'*+.^_`|~0-9A-Za-z-]+ [!-\xff]+ HTTP/1\.[01]\r?\n")
"""RFC 9112, 3: any token may be a method."""

_LOOKS_PER_TIMEOUT: Final = 4


class HttpProtocol(CyclingProtocol):
    """See the module.

    Attributes:
        idle_timeout: Seconds in which the head of a request must have come whole, counted from the opening of the
            connection or from its first byte, and in which a client must take something of what is left for it when
            its connection is closed.
    """

    idle_timeout: float = 60.0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._running: ResponseCycle | None = None
        self._in_head = True
        self._head_began: float | None = self.loop.time()
        self._head_bytes = 0
        # Bytes in a row that brought nothing: parts of a header, a trailer or a chunk's extension, perhaps endless.
        self._barren_bytes = 0
        self._brought_something = False
        self._refusal: tuple[Problem, str] | None = None
        self._refused = False
        self._declining = False
        self._lingering: TimerHandle | None = None
        self._unsent_before: int | None = None
        # The same for all requests of a connection.
        self._extensions: dict[str, dict[object, object]] = {}
        self._sender: SocketSender | None = None
        # One timer that looks now and then: setting several for each request would cost all requests.
        self._timer = self.loop.call_later(self.idle_timeout / _LOOKS_PER_TIMEOUT, self._look)

    # The connection

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._extensions = {UNSENT_EXTENSION: {"bytes": partial(unsent_bytes, transport), "gone": transport.is_closing}}
        if not is_ssl(transport):
            self._sender = SocketSender(self.loop, transport, self.flow)
            self._extensions[REGION_EXTENSION] = {"send": self._send_region}

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        if self._sender is not None:
            self._sender.connection_lost()
        self._stop_lingering()
        # uvicorn tells only the last of several pipelined requests, which has not even begun.
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._in_head and self._head_began is None and self._idle:
            self._head_began = self.loop.time()
        self._pause_began = None
        self._brought_something = False
        try:
            self._feed(data)
        except httptools.HttpParserInvalidMethodError as error:
            unknown = _REQUEST_LINE.match(data)
            self._refuse(UNKNOWN_METHOD if unknown else MALFORMED, f"malformed request: {error}")
            return
        except httptools.HttpParserError as error:
            self._refuse(*(self._refusal or (MALFORMED, f"malformed request: {error}")))
            return
        self._barren_bytes = 0 if self._brought_something else self._barren_bytes + len(data)
        if self._barren_bytes > MAX_HEAD_BYTES:
            self._refuse(HEAD_TOO_LARGE, _TOO_LARGE)

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)  # pyright: ignore[reportOptionalMemberAccess]  # the connection is open
        except httptools.HttpParserUpgrade as offer:
            self._decline_upgrade()
            self._feed(data[offer.args[0] :])

    def _decline_upgrade(self) -> None:
        """Go on in HTTP/1.1 with a client that offers another protocol (RFC 9110, 7.8), as Java's does with h2c.

        httptools takes what follows the head for that protocol's. A fresh parser is told where the body ends.
        """
        framing = [header for header in self.headers if header[0] in _FRAMING_HEADERS]
        self._declining = True
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(b"%b: %b\r\n" % header for header in framing))
        self._declining = False

    @property
    def _idle(self) -> bool:
        """No response is on its way."""
        return self._running is None or self._running.response_complete

    def _look(self) -> None:
        """End what has taken too long."""
        self._timer = self.loop.call_later(self.idle_timeout / _LOOKS_PER_TIMEOUT, self._look)
        if self.transport.is_closing():
            self._abort_unless_it_moves()
        elif self._head_began is not None and self._idle and self.loop.time() - self._head_began >= self.idle_timeout:
            if self._barren_bytes or self._head_bytes:
                self._refuse(HEAD_TIMED_OUT, f"the headers have not come within {self.idle_timeout:g} s")
            else:
                self.transport.close()

    def _abort_unless_it_moves(self) -> None:
        # asyncio closes a connection when all has been sent, however long the other end does not take it.
        unsent = unsent_bytes(self.transport)
        if self._unsent_before is not None and unsent >= self._unsent_before:
            self.transport.abort()
        self._unsent_before = unsent

    # Requests

    @override
    def on_message_begin(self) -> None:
        if self._declining:
            return
        super().on_message_begin()
        self._head_bytes = 0
        self.forwarded = False
        if self._head_began is None:
            self._head_began = self.loop.time()
        self.scope["extensions"] = self._extensions

    @override
    def on_url(self, url: bytes) -> None:
        if self._declining:
            return
        self._head_bytes += len(url)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse_head()
        super().on_url(url)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        # A request has a dozen of them, so that nothing is called here that need not be.
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse_head()
        # Trailers are headers to httptools, and would end up among those that the request was let in by.
        if self._in_head and not self._declining:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            elif name.startswith(b"x-forwarded-"):
                self.forwarded = True
            self.headers.append((name, value))

    def _refuse_head(self) -> NoReturn:
        self._refusal = HEAD_TOO_LARGE, _TOO_LARGE
        raise _RefusedError

    @override
    def on_headers_complete(self) -> None:
        if self._declining:
            return
        self._brought_something = True
        self._in_head = False
        self._head_began = None
        self._head_bytes = 0
        self._refusal = self._framing_problem()
        if self._refusal is not None:
            raise _RefusedError
        if not self.url.startswith(b"/"):
            self._take_host_from_target()
        idle = self._running is None or self._running.response_complete
        super().on_headers_complete()
        if idle:
            self._running = self.latest

    def _framing_problem(self) -> tuple[Problem, str] | None:
        """What could let others see another end of the body than this server does (RFC 9112, 6.1).

        httptools itself refuses lengths that contradict each other, or a transfer coding.
        """
        version = self.parser.get_http_version()  # pyright: ignore[reportOptionalMemberAccess]  # it is calling us
        if version not in {"1.0", "1.1"}:
            return UNKNOWN_VERSION, f"HTTP/{version} is not spoken here"
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        if codings and version == "1.0":
            return MALFORMED, "'Transfer-Encoding' is for HTTP/1.1"
        if codings not in ([], [b"chunked"]):
            return UNKNOWN_CODING, "the only transfer coding known here is 'chunked'"
        return None

    def _take_host_from_target(self) -> None:
        """`GET http://host/path` names the host that counts, whatever the header says (RFC 9112, 3.2.2)."""
        if target := _ABSOLUTE_TARGET.match(self.url):
            self.headers[:] = [(name, target[1] if name == b"host" else value) for name, value in self.headers]

    @override
    def on_body(self, body: bytes) -> None:
        self._brought_something = True
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():  # pyright: ignore[reportOptionalMemberAccess]  # it is calling us
            return  # see `_decline_upgrade`
        super().on_message_complete()
        if self._lingering is not None:
            self._stop_lingering()
        self._brought_something = True
        self._in_head = True

    # Responses

    async def _send_region(self, region: Region) -> bool:
        """Send a part of the body of the response that is on its way; whether that took waiting."""
        running = self._running
        if running is None or running.disconnected or self._sender is None:
            return False
        running.write_head()
        running.expected_content_length -= region.size
        return await self._sender.send(region)

    @override
    def on_response_complete(self) -> None:
        if self.cycle is self._running and self.cycle.more_body:
            # What comes of the body is dropped, but not for ever.
            self._linger()
        if self.pipeline:
            self._running = cast("ResponseCycle", self.pipeline[-1][0])
        super().on_response_complete()

    def _refuse(self, problem: Problem, detail: str) -> None:
        """Take nothing more from the client, answer with a problem if that can be told apart, and close.

        What the client still sends is dropped for a while: closing under it could destroy the response on its way.
        """
        self._refused = True
        self.logger.info("%s: %s", self.client and self.client[0], detail)
        running = self._running
        if running is not None and not running.response_complete:
            if not running.more_body:
                # The request was whole, and what is wrong came after it.
                self.pipeline.clear()
                running.keep_alive = False
                return
            running.disconnected = True
            running.message_event.set()
            self.flow.resume_writing()
            if running.response_started:
                self.transport.close()
                return
        response = ProblemResponse(problem, detail, headers={"Connection": "close"})
        headers = [*self.server_state.default_headers, *response.raw_headers]
        head = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(b"HTTP/1.1 %d \r\n%b\r\n%b" % (response.status_code, head, bytes(response.body)))
        self.transport.write_eof()
        self._linger()

    def _linger(self) -> None:
        self._stop_lingering()
        self._lingering = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _stop_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None


_TOO_LARGE: Final = f"the headers have more than {MAX_HEAD_BYTES} bytes"


class _RefusedError(Exception):
    """Leaves the parser; the reason is in `_refusal`."""


def http_protocol(idle_timeout: float) -> type[HttpProtocol]:
    """The protocol with this timeout, as uvicorn wants it."""
    return type("ConfiguredHttpProtocol", (HttpProtocol,), {"idle_timeout": idle_timeout})
