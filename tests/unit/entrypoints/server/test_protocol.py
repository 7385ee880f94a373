"""What a connection takes, and what is written to it: bytes in, bytes out, on a loop whose clock is ours."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any, override

import pytest
import uvicorn
from uvicorn.server import ServerState

from s3py_helper.entrypoints.http.downloads.sourced_response import REGION_EXTENSION, UNSENT_EXTENSION
from s3py_helper.entrypoints.http.exchange import LINGER_SECONDS
from s3py_helper.entrypoints.server.protocol import MAX_HEAD_BYTES, HttpProtocol, http_protocol

pytestmark = pytest.mark.timeout(20)

GET = b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: 127.0.0.1\r\n"


class Wire(asyncio.Transport):
    """A connection without TLS; it closes as asyncio's does, when all has been taken."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, tls: bool = False) -> None:
        super().__init__({"peername": ("127.0.0.5", 1), "sockname": ("127.0.0.1", 2), "sslcontext": tls or None})
        self.written = b""
        self.unsent = 0
        self.closing = self.aborted = False
        self.ended = 0
        self.reading = True
        self.socket: socket.socket | None = None
        self._loop = loop

    @override
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.socket if name == "socket" else super().get_extra_info(name, default)

    @override
    def write(self, data: Any) -> None:
        assert not self.closing, "what is written after closing is lost"
        self.written += bytes(data)

    @override
    def write_eof(self) -> None:
        self.ended += 1

    @override
    def get_write_buffer_size(self) -> int:
        return self.unsent

    @override
    def is_closing(self) -> bool:
        return self.closing

    @override
    def close(self) -> None:
        self.closing = True

    @override
    def abort(self) -> None:
        self.closing = self.aborted = True

    @override
    def pause_reading(self) -> None:
        self.reading = False

    @override
    def resume_reading(self) -> None:
        self.reading = True


class Clock:
    """The timers of the protocol, run when a test says that it is their time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Timer]] = []

    def call_later(self, seconds: float, callback: Callable[..., object], *given: object) -> "Timer":
        timer = Timer(callback, given)
        self.timers.append((self.now + seconds, timer))
        return timer

    def pass_(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.now + seconds
        while due := sorted((at for at, timer in self.timers if at <= end and not timer.over)):
            self.now = due[0]
            for at, timer in list(self.timers):
                if at <= self.now and not timer.over:
                    timer.over = True
                    timer.callback(*timer.given)
        self.now = end

    @property
    def waiting(self) -> int:
        return sum(not timer.over for _, timer in self.timers)


class Timer:
    def __init__(self, callback: Callable[..., object], given: tuple[object, ...]) -> None:
        self.callback = callback
        self.given = given
        self.over = False

    def cancel(self) -> None:
        self.over = True


type App = Callable[[Any, Any, Any], Awaitable[None]]


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Responds with what it understood, once the body has come."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    else:
        return
    headers = [f"{name.decode()}={value.decode()}" for name, value in scope["headers"]]
    target = f"{scope['path']}?{scope['query_string'].decode()}"
    text = f"{scope['method']} {target} {scope['http_version']} {' '.join(headers)} {body.decode()}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


class Connection:
    """One connection to an application."""

    def __init__(self, app: App = echo, *, idle_timeout: float = 8, root_path: str = "", tls: bool = False) -> None:
        config = uvicorn.Config(app, ws="none", log_config=None, root_path=root_path, timeout_keep_alive=10_000)
        config.load()
        config.loaded_app = app
        self.state = ServerState()
        self.clock = Clock()
        loop = asyncio.get_running_loop()
        kind = http_protocol(idle_timeout)

        clock, state = self.clock, self.state

        class Timed(kind):  # type: ignore[misc,valid-type]  # its base is made by a function
            def __init__(self) -> None:
                class Loop:
                    """The running one with a clock of ours."""

                    time = staticmethod(lambda: clock.now)
                    call_later = staticmethod(clock.call_later)

                    def __getattr__(self, name: str) -> Any:
                        return getattr(loop, name)

                super().__init__(config, state, {}, _loop=Loop())

        self.protocol: HttpProtocol = Timed()
        self.wire = Wire(loop, tls=tls)
        self.protocol.connection_made(self.wire)

    async def takes(self, *pieces: bytes) -> bytes:
        """What is written when these have come, one after another."""
        before = len(self.wire.written)
        for piece in pieces:
            self.protocol.data_received(piece)
            await settled()
        return self.wire.written[before:]

    async def lost(self) -> None:
        self.protocol.connection_lost(None)
        await settled()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def ok(text: str) -> bytes:
    body = text.encode()
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


HOST = "host=127.0.0.1"


@pytest.mark.parametrize(
    ("sent", "understood"),
    [
        (GET + b"\r\n", f"GET /a? 1.1 {HOST} "),
        (b"GET /%C3%A9%2F/x?a=b%20c#d HTTP/1.1\r\n\r\n", "GET /é//x?a=b%20c 1.1  "),
        (
            b"GET http://other.example:81/a?b HTTP/1.1\r\nX: y\r\nHost: 127.0.0.1\r\n\r\n",
            "GET /a?b 1.1 x=y host=other.example:81 ",
        ),
        (b"\r\n" + GET + b"\r\n", f"GET /a? 1.1 {HOST} "),
        (POST + b"Content-Length: 3\r\n\r\nabc", f"POST /a? 1.1 {HOST} content-length=3 abc"),
        (
            POST + b"Transfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-Late: no\r\n\r\n",
            f"POST /a? 1.1 {HOST} transfer-encoding=Chunked abc",
        ),
        (
            POST + b"Upgrade: h2c\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            f"POST /a? 1.1 {HOST} upgrade=h2c connection=Upgrade transfer-encoding=chunked abc",
        ),
        (
            POST + b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 3\r\n\r\nabc",
            f"POST /a? 1.1 {HOST} upgrade=h2c connection=Upgrade content-length=3 abc",
        ),
    ],
)
async def test_a_request_is_understood_however_it_comes(sent: bytes, understood: str) -> None:
    whole, dripping = Connection(), Connection()
    responses = [await whole.takes(sent), await dripping.takes(*(sent[at : at + 1] for at in range(len(sent))))]
    for connection, response in zip((whole, dripping), responses, strict=True):
        assert response == ok(understood)
        assert await connection.takes(GET + b"\r\n") == ok(f"GET /a? 1.1 {HOST} "), "the connection is kept"
        assert not connection.wire.is_closing()


async def test_a_path_below_another_is_told_whole() -> None:
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        seen.append({name: scope[name] for name in ("path", "raw_path", "query_string", "method", "scheme")})
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    connection = Connection(app, root_path="/files")
    assert await connection.takes(b"GET /a%20b?c HTTP/1.1\r\n\r\n") == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert seen == [
        {"path": "/files/a b", "raw_path": b"/files/a%20b", "query_string": b"c", "method": "GET", "scheme": "http"}
    ]


@pytest.mark.parametrize(
    "head",
    [b"GET /a HTTP/1.0\r\n", b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n", GET + b"Connection: close\r\n"],
)
async def test_a_client_may_end_its_connection(head: bytes) -> None:
    connection = Connection()
    response = await connection.takes(head + b"\r\n")
    assert b"\r\nconnection: close\r\n" in response
    assert connection.wire.is_closing()


REFUSED = [
    (b"GET /a HTTP/2.0\r\n\r\n", 505, "unknown-http-version", "HTTP/2.0 is not spoken here"),
    (b"GET /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "malformed-request",
     "'Transfer-Encoding' is for HTTP/1.1"),
    (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "unknown-transfer-coding",
     "the only transfer coding known here is 'chunked'"),
    (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "malformed-request", None),
    (b"BREW /pot HTTP/1.1\r\n\r\n", 501, "unknown-method", "malformed request: Invalid method encountered"),
    (b"\r\n\r\nBREW /pot HTTP/1.1\r\n\r\n", 501, "unknown-method", "malformed request: Invalid method encountered"),
    (b"BREW /" + b"x" * 2 * MAX_HEAD_BYTES + b" HTTP/1.1\r\n\r\n", 501, "unknown-method", "malformed request: "),
    (b"BR(W /pot HTTP/1.1\r\n\r\n", 400, "malformed-request", "malformed request: Invalid method encountered"),
    (b"BREW /pot HTTP/3\r\n\r\n", 400, "malformed-request", "malformed request: Invalid method encountered"),
    (b"GET /a HTTP/1.1\r\nno header\r\n\r\n", 400, "malformed-request", None),
    (GET + b"X-Long: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n", 431, "headers-too-large",
     f"the headers have more than {MAX_HEAD_BYTES} bytes"),
    (b"GET /" + b"x" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n\r\n", 431, "headers-too-large",
     f"the headers have more than {MAX_HEAD_BYTES} bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "status", "kind", "detail"), REFUSED)
async def test_what_is_no_request_is_refused_once(
    sent: bytes, status: int, kind: str, detail: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "uvicorn.error")
    connection = Connection()
    connection.state.default_headers = [(b"date", b"today")]
    response = await connection.takes(sent)
    head, _, body = response.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    told = json.loads(body)
    assert lines[0] == f"HTTP/1.1 {told['status']} "
    assert "date: today" in lines
    assert "connection: close" in [line.lower() for line in lines]
    assert f"content-length: {len(body)}" in lines
    assert (told["status"], told["type"]) == (status, f"urn:problem-type:s3py-helper:{kind}")
    assert detail is None or told["detail"].startswith(detail)
    assert (connection.wire.ended, connection.wire.is_closing()) == (1, False)
    assert [record.getMessage() for record in caplog.records] == [f"127.0.0.5: {told['detail']}"]
    assert await connection.takes(b"more of it", GET + b"\r\n") == b"", "what still comes is dropped"
    connection.clock.pass_(LINGER_SECONDS - 0.01)
    assert not connection.wire.is_closing()
    connection.clock.pass_(0.01)
    assert connection.wire.is_closing()
    await connection.lost()
    assert connection.clock.waiting == 0
    assert connection.state.tasks == set()


async def test_a_head_of_just_the_size_allowed_is_taken() -> None:
    used = len("/a") + len("host127.0.0.1") + len("x-long")
    value = b"x" * (MAX_HEAD_BYTES - used)
    connection = Connection()
    for _ in range(2):
        assert (await connection.takes(GET + b"X-Long: " + value + b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
    assert (await connection.takes(GET + b"X-Long: " + value + b"x\r\n\r\n")).startswith(b"HTTP/1.1 431 ")


async def test_trailers_have_a_limit_of_their_own() -> None:
    chunked = (
        POST + b"Transfer-Encoding: chunked\r\nX-Long: " + b"x" * (MAX_HEAD_BYTES - 100) + b"\r\n\r\n1\r\na\r\n0\r\n"
    )
    connection = Connection()
    long = b"X-Long: " + b"x" * (MAX_HEAD_BYTES - len("x-long"))
    assert (await connection.takes(chunked + long + b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
    assert (await connection.takes(chunked + long + b"x\r\n\r\n")).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("endless", [b"\r\n", b"x"])
async def test_what_brings_nothing_does_not_go_on_for_ever(endless: bytes) -> None:
    begun = b"" if endless == b"\r\n" else POST + b"Transfer-Encoding: chunked\r\n\r\n1;"
    connection = Connection()
    await connection.takes(begun)
    piece = endless * (MAX_HEAD_BYTES // 2 // len(endless))
    assert await connection.takes(piece, piece) == b""
    assert (await connection.takes(endless)).startswith(b"HTTP/1.1 431 ")
    assert connection.state.tasks == set()


async def test_chunks_reset_the_count_of_what_brought_nothing() -> None:
    connection = Connection()
    extension = b"1;" + b"x" * (MAX_HEAD_BYTES - 10)
    await connection.takes(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    response = await connection.takes(extension, b"\r\na\r\n", extension, b"\r\na\r\n", b"0\r\n\r\n")
    assert response == ok(f"POST /a? 1.1 {HOST} transfer-encoding=chunked aa")


async def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    connection = Connection(idle_timeout=8)
    connection.clock.pass_(7.9)
    assert not connection.wire.is_closing()
    connection.clock.pass_(0.2)
    assert (connection.wire.is_closing(), connection.wire.written) == (True, b"")


@pytest.mark.parametrize("begun", [GET, b"G", b"GET /a"])
async def test_a_head_has_its_time(begun: bytes) -> None:
    connection = Connection(idle_timeout=8)
    connection.clock.pass_(4)
    await connection.takes(begun)
    connection.clock.pass_(3.9)
    assert connection.wire.written == b""
    connection.clock.pass_(2)
    assert connection.wire.written.startswith(b"HTTP/1.1 408 ")
    assert b"the headers have not come within 8 s" in connection.wire.written


async def test_the_time_of_the_next_head_begins_with_its_first_byte() -> None:
    connection = Connection(idle_timeout=8)
    connection.clock.pass_(6)
    await connection.takes(GET + b"\r\n")
    written = len(connection.wire.written)
    connection.clock.pass_(100)
    assert (len(connection.wire.written), connection.wire.is_closing()) == (written, False)
    await connection.takes(b"G")
    connection.clock.pass_(7.9)
    assert len(connection.wire.written) == written
    connection.clock.pass_(2.1)
    assert connection.wire.written[written:].startswith(b"HTTP/1.1 408 ")


async def test_empty_lines_are_no_reason_to_wait() -> None:
    connection = Connection(idle_timeout=8)
    await connection.takes(GET + b"\r\n")
    connection.clock.pass_(100)
    await connection.takes(b"\r\n")
    connection.clock.pass_(4)
    await connection.takes(b"\r\n")
    assert connection.wire.written.count(b"HTTP/1.1 ") == 1
    connection.clock.pass_(6)
    assert b"HTTP/1.1 408 " in connection.wire.written


async def test_a_request_whose_response_takes_its_time_is_not_idle() -> None:
    may_end = asyncio.Event()

    async def slow(_scope: Any, _receive: Any, send: Any) -> None:
        await may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    connection = Connection(slow, idle_timeout=8)
    await connection.takes(GET + b"\r\n", b"GET /half")
    connection.clock.pass_(100)
    assert (connection.wire.written, connection.wire.is_closing()) == (b"", False)
    may_end.set()
    await settled()
    assert connection.wire.written == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


async def test_a_client_that_takes_nothing_of_what_is_left_is_cut_off() -> None:
    connection = Connection(idle_timeout=8)
    connection.wire.unsent = 1000
    connection.wire.closing = True
    for left in (1000, 900, 900):
        connection.wire.unsent = left
        assert not connection.wire.aborted
        connection.clock.pass_(2)
    assert connection.wire.aborted


async def test_responses_come_in_the_order_of_their_requests() -> None:
    begun: list[str] = []
    may_end = {"/1": asyncio.Event(), "/2": asyncio.Event()}

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        path = scope["path"]
        begun.append(path)
        if path in may_end:
            await may_end[path].wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": path.encode()})

    connection = Connection(app)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
    await connection.takes(b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % number for number in (1, 2, 3)))
    assert (begun, connection.wire.reading) == (["/1"], False)
    may_end["/1"].set()
    await settled()
    assert (begun, connection.wire.written) == (["/1", "/2"], head + b"/1")
    may_end["/2"].set()
    await settled()
    assert connection.wire.written == head + b"/1" + head + b"/2" + head + b"/3"
    assert connection.wire.reading
    assert connection.state.tasks == set()


class Watching:
    """An application that has begun to respond, or not, and learns whether its client has left."""

    def __init__(self, *, responds: bool) -> None:
        self.heard: list[str] = []
        self._responds = responds

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        if self._responds:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        while not self.heard or self.heard[-1] != "http.disconnect":
            self.heard.append((await receive())["type"])


@pytest.mark.parametrize("responds", [False, True])
async def test_whoever_serves_a_request_that_breaks_is_told(responds: bool) -> None:
    app = Watching(responds=responds)
    connection = Connection(app)
    await connection.takes(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    response = await connection.takes(b"nonsense\r\n")
    assert app.heard[-1] == "http.disconnect"
    if responds:
        assert (response, connection.wire.is_closing()) == (b"", True), "its head is on its way already"
    else:
        assert response.startswith(b"HTTP/1.1 400 ")
    assert connection.state.tasks == set()


async def test_garbage_behind_a_request_ends_the_connection_behind_its_response() -> None:
    may_end = asyncio.Event()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    connection = Connection(app)
    await connection.takes(GET + b"\r\n" + GET + b"\r\n", b"nonsense\r\n\r\n")
    assert connection.wire.written == b""
    may_end.set()
    await settled()
    assert connection.wire.written == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    assert connection.wire.is_closing()


async def test_garbage_while_a_later_request_is_served_waits_for_that_response() -> None:
    may_end = {"/1": asyncio.Event(), "/2": asyncio.Event()}

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        await may_end[scope["path"]].wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    connection = Connection(app)
    await connection.takes(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
    may_end["/1"].set()
    await settled()
    first = connection.wire.written
    assert first.endswith(b"/1")
    assert await connection.takes(b"nonsense\r\n\r\n") == b""
    may_end["/2"].set()
    await settled()
    assert connection.wire.written[len(first) :] == (
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n/2"
    )
    assert connection.wire.is_closing()


async def test_the_first_of_several_requests_hears_that_its_client_has_left() -> None:
    app = Watching(responds=False)
    connection = Connection(app)
    await connection.takes(GET + b"\r\n" + GET + b"\r\n")
    await connection.lost()
    assert app.heard[-1] == "http.disconnect"
    assert (connection.clock.waiting, connection.state.tasks, connection.state.connections) == (0, set(), set())


async def test_what_nobody_reads_of_a_body_is_dropped_but_not_for_ever() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    for comes_whole in (False, True):
        connection = Connection(app, idle_timeout=LINGER_SECONDS / 2)
        assert await connection.takes(POST + b"Content-Length: 5\r\n\r\nab") == (
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
        )
        written = connection.wire.written
        connection.clock.pass_(0.1)
        await connection.takes(b"")
        connection.clock.pass_(LINGER_SECONDS - 0.2)
        assert (connection.wire.is_closing(), connection.wire.written) == (False, written)
        await connection.takes(b"cde" if comes_whole else b"c")
        connection.clock.pass_(0.2)
        assert connection.wire.is_closing() is not comes_whole


@pytest.mark.parametrize("tls", [False, True])
async def test_regions_are_sent_past_connections_without_tls_alone(tls: bool) -> None:
    seen: list[set[str]] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        seen.append(set(scope["extensions"]))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    connection = Connection(app, tls=tls)
    await connection.takes(GET + b"\r\n")
    assert seen == [{UNSENT_EXTENSION} | (set() if tls else {REGION_EXTENSION})]


class Stuck:
    """A region that a client takes nothing of."""

    size = 5

    def send(self, _descriptor: int, _sent: int) -> int:
        raise BlockingIOError


async def test_a_region_does_not_outlive_its_connection() -> None:
    told: list[bool] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        told.append(await scope["extensions"][REGION_EXTENSION]["send"](Stuck()))
        told.append(await scope["extensions"][REGION_EXTENSION]["send"](Stuck()))

    first, second = socket.socketpair()
    with first, second:
        first.setblocking(False)
        while True:
            try:
                first.send(bytes(100_000))
            except BlockingIOError:
                break
        connection = Connection(app)
        connection.wire.socket = first
        assert await connection.takes(GET + b"\r\n") == b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
        assert told == []
        await connection.lost()
        assert told == [True, False], "the second finds nobody"
    assert connection.state.tasks == set()


async def test_how_much_is_unsent_and_whether_the_client_is_gone_can_be_asked() -> None:
    told: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        extension = scope["extensions"][UNSENT_EXTENSION]
        told.append((extension["bytes"](), extension["gone"]()))
        await asyncio.Event().wait()

    connection = Connection(app)
    connection.wire.unsent = 7
    await connection.takes(GET + b"\r\n")
    connection.wire.closing = True
    assert told == [(7, False)]
    for task in connection.state.tasks:
        task.cancel()
    await settled()
