"""Requests over a pool of connections, and their responses."""

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic
from types import TracebackType
from typing import Final, Self

from s3py_helper.adapters.s3.http.connection import HttpConnection
from s3py_helper.adapters.s3.http.dialing import Dialer
from s3py_helper.adapters.s3.http.faults import ClientClosed, Disconnected
from s3py_helper.adapters.s3.http.owner import Owner
from s3py_helper.adapters.s3.http.parsing import ResponseParser
from s3py_helper.adapters.s3.http.payload import Payload
from s3py_helper.adapters.s3.http.places import Hold, Place, Places
from s3py_helper.adapters.s3.http.pool import ConnectionPool, Replaced

# Compression by a proxy on the way would change sizes and checksums.
_COMMON_HEADERS: Final = "accept-encoding: identity\r\nuser-agent: s3py-helper\r\n"
_WITH_BODY: Final = frozenset({"PUT", "POST"})
_NOT_IDEMPOTENT: Final = frozenset({"POST"})

type Waited = Callable[[str, float], None]
"""Called with the name of the server and seconds when a request had to wait for a place."""


def _nobody_listens(_origin: str, _fact: object) -> None:
    pass


class Response:
    """`close` it after the last byte or before.

    It holds its connection, and the place it may have been given, until its last byte has arrived, not until that has
    been read: what then waits for a slow reader is in memory, at most half a MiB and one read of the event loop's.

    Attributes:
        status: Status code.
        headers: By name in lower case.
        is_empty: Whether it ended with its head, so that there is nothing to read or close.
    """

    __slots__ = ("_connection", "_origin", "_parser", "_place", "_pool", "headers", "is_empty", "status")

    def __init__(self, parser: ResponseParser, pool: ConnectionPool, origin: str, connection: HttpConnection) -> None:
        self.status = parser.status
        self.headers: Mapping[str, str] = parser.headers
        self._parser = parser
        self._pool = pool
        self._origin = origin
        self._place: Place | None = None
        self._connection: HttpConnection | None = None
        self.is_empty = parser.complete and not parser.held
        if parser.complete:
            pool.release(origin, connection)
        else:
            self._connection = connection
            connection.on_complete = self._let_go

    def adopt(self, place: Place) -> None:
        """Take over the place: it is released with the connection."""
        if self._connection is None:
            place.release()
        else:
            self._place = place

    def detach(self) -> Place | None:
        """As `close`, but hand back the adopted place for another attempt; `None` where it was already released."""
        place, self._place = self._place, None
        self.close()
        return place

    def take(self) -> bytes:
        """Bytes of the body that have already arrived; empty when there are none yet, or no more."""
        data = self._parser.take()
        if data and self._connection is not None:
            self._connection.relieve()
        return data

    async def read(self) -> bytes:
        """The next bytes of the body, empty at its end.

        Raises:
            HttpFault: It broke off.
        """
        while not (data := self.take()):
            if self._connection is None:
                return b""
            await self._connection.receive()
        return data

    def close(self) -> None:
        """Read no more, and release connection and place at once."""
        if self._parser.held:
            self._parser.drop(0)
        if self._connection is not None:
            self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        place, self._place = self._place, None  # held only as long as the connection is
        if connection is not None:
            self._pool.release(self._origin, connection, place)


class HttpClient:
    """Sends requests; to be made in a running event loop and closed with `aclose`.

    Args:
        dialer: Makes the connections.
        limit: The most connections at once.
        pool_timeout: Seconds that a request waits for a place while all are held.
        on_waited: Called for each request that had to wait for a place.
        on_replaced: Called for each connection that was replaced.

    Attributes:
        owner: Where it may be used.
    """

    def __init__(
        self,
        dialer: Dialer,
        limit: int,
        *,
        pool_timeout: float = 30.0,
        on_waited: Waited = _nobody_listens,
        on_replaced: Replaced = _nobody_listens,
    ) -> None:
        self.owner = Owner()
        self._dialer = dialer
        self._places = Places(limit)
        self._pool = ConnectionPool(dialer.dial, limit, on_replaced)
        self._pool_timeout = pool_timeout
        self._on_waited = on_waited
        self._on_replaced = on_replaced

    @property
    def closed(self) -> bool:
        """Whether `aclose` was called."""
        return self._pool.closed

    @property
    def places_in_use(self) -> int:
        """How many places are held by requests and responses."""
        return self._places.in_use

    @property
    def connections(self) -> int:
        """How many connections are open, including those that are kept."""
        return self._pool.open

    @property
    def idle_connections(self) -> int:
        """How many of them are kept for the next request."""
        return self._pool.idle_ones

    def take_place(self, hold: Hold) -> Place | None:
        """A place for a request, to be released by the caller: it outlasts failed attempts.

        Args:
            hold: How long the place will be held.

        Returns:
            The place, or `None` where there is none now; `wait_for_place` waits, or says why that is no use.
        """
        return self._places.take(hold) if asyncio.get_running_loop() is self.owner.loop else None

    async def wait_for_place(self, hold: Hold, server: str) -> Place:
        """A place as soon as one is free, where `take_place` gave none.

        Args:
            hold: As there.
            server: Where the request will go, for the observer of the wait.

        Raises:
            NoPlaceInTime: All stayed in use for `pool_timeout` seconds.
            ClientClosed: `aclose` was called.
            ForeignClient: The client belongs to another process or event loop.
        """
        self.owner.check()
        if self.closed:
            raise ClientClosed
        began = monotonic()
        try:
            return await self._places.wait(hold, self._pool_timeout)
        finally:
            self._on_waited(server, monotonic() - began)

    async def send(self, method: str, origin: str, target: str, headers: Mapping[str, str], body: Payload) -> Response:
        """The response as soon as its head is there.

        The caller holds a place, which carries one exchange at a time: see `take_place`, and `Response.adopt`.

        A kept connection that turns out to be closed is replaced by a fresh one (RFC 9112, 9.3.1), unless the request
        might have been carried out and must not be repeated.

        Args:
            method: HTTP method.
            origin: Scheme, host and port.
            target: Encoded path and query.
            headers: Names in lower case, `host` among them; the length of the body is added.
            body: The body.

        Raises:
            HttpFault: No response came.
            OSError: The network, or TLS, failed.
        """
        message = self._head(method, origin, target, headers, body.size)
        kept = self._pool.idle(origin)
        while True:
            connection = kept or await self._pool.connect(origin)
            try:
                parser = await connection.ask(message, body, bodyless=method == "HEAD")
            except BaseException as error:  # no response owns the connection: the pool takes it back and closes it
                self._pool.release(origin, connection)
                if kept is None or method in _NOT_IDEMPOTENT or not isinstance(error, Disconnected | ConnectionError):
                    raise
                self._on_replaced(origin, str(error) or "it was closed")
                kept = None
            else:
                return Response(parser, self._pool, origin, connection)

    async def aclose(self) -> None:
        """Close all connections; requests under way, and those that wait for a place, fail.

        May be called again, and from elsewhere. Where the client's event loop is gone, or in a process that was forked
        off, it closes the sockets, and nothing else.
        """
        await self.owner.run(self._close, self.sever)

    def sever(self) -> None:
        """Close the sockets of a client whose event loop cannot do it."""
        self._pool.sever(abort=self.owner.has_loop)

    async def _close(self) -> None:
        self._places.close()
        await self._pool.aclose()

    def _head(self, method: str, origin: str, target: str, headers: Mapping[str, str], size: int) -> bytes:
        if self._dialer.has_proxy and origin.startswith("http:"):
            # The proxy has to be told where the request goes (RFC 9112, 3.2.2); through TLS it goes there anyway.
            target = f"{origin}{target}"
            headers = {**headers, **self._dialer.proxy_headers}
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if fields.count("\n") != len(headers) or fields.count("\r") != len(headers):
            raise ValueError("a header has a line break")
        length = f"content-length: {size}\r\n" if method in _WITH_BODY else ""
        return f"{method} {target} HTTP/1.1\r\n{fields}{_COMMON_HEADERS}{length}\r\n".encode()
