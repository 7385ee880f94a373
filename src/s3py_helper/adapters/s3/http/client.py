"""Requests over a pool of connections."""

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from s3py_helper.adapters.s3.http.connection import HttpConnection
from s3py_helper.adapters.s3.http.dialing import Dialer
from s3py_helper.adapters.s3.http.faults import Disconnected
from s3py_helper.adapters.s3.http.payload import Payload
from s3py_helper.adapters.s3.http.pool import ConnectionPool

# Compression by a proxy on the way would change sizes and checksums.
_COMMON_HEADERS: Final = "accept-encoding: identity\r\nuser-agent: s3py-helper\r\n"
_WITH_BODY: Final = frozenset({"PUT", "POST"})
_NOT_IDEMPOTENT: Final = frozenset({"POST"})


class Response:
    """An answer whose head has come; `close` it after the last byte or before.

    Attributes:
        status: Status code.
        headers: By name in lower case.
    """

    __slots__ = ("_connection", "_origin", "_pool", "headers", "status")

    def __init__(
        self, status: int, headers: Mapping[str, str], pool: ConnectionPool, origin: str, connection: HttpConnection
    ) -> None:
        self.status = status
        self.headers = headers
        self._pool = pool
        self._origin = origin
        self._connection: HttpConnection | None = connection

    async def read(self) -> bytes:
        """The next bytes of the body, none at its end.

        Raises:
            HttpFault: It broke off.
        """
        return b"" if self._connection is None else await self._connection.read()

    def close(self) -> None:
        """Release the connection at once: for the next request when nothing is left of the body, else by closing it."""
        if self._connection is not None:
            self._pool.release(self._origin, self._connection)
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class HttpClient:
    """Sends requests; to be made in a running event loop and closed with `aclose`.

    Args:
        dialer: Makes the connections.
        limit: Most of them at once.
    """

    def __init__(self, dialer: Dialer, limit: int) -> None:
        self._dialer = dialer
        self._pool = ConnectionPool(dialer.dial, limit)

    @property
    def closed(self) -> bool:
        """Whether `aclose` was called."""
        return self._pool.closed

    async def send(self, method: str, origin: str, target: str, headers: Mapping[str, str], body: Payload) -> Response:
        """The answer as soon as its head is there.

        A kept connection that turns out to be closed is replaced by a fresh one (RFC 9112, 9.3.1), unless the request
        might have been carried out and must not be twice.

        Args:
            method: HTTP method.
            origin: Scheme, host and port.
            target: Encoded path and query.
            headers: Names in lower case, `host` among them; the length of the body is added.
            body: The body.

        Raises:
            HttpFault: No answer came.
            OSError: The network, or TLS, failed.
        """
        head = self._head(method, origin, target, headers, body.size)
        connection = await self._pool.acquire(origin)
        was_used = connection.exchanges > 0
        try:
            return await self._exchange(connection, origin, method, head, body)
        except (Disconnected, ConnectionError):
            if not was_used or method in _NOT_IDEMPOTENT:
                raise
        return await self._exchange(await self._pool.acquire(origin, fresh=True), origin, method, head, body)

    async def aclose(self) -> None:
        """Close all connections; requests under way fail."""
        await self._pool.aclose()

    async def _exchange(
        self, connection: HttpConnection, origin: str, method: str, head: bytes, body: Payload
    ) -> Response:
        try:
            response = await connection.ask(head, body, bodyless=method == "HEAD")
        except BaseException:  # no answer owns the connection: it goes back, and is closed there
            self._pool.release(origin, connection)
            raise
        return Response(response.status, response.headers, self._pool, origin, connection)

    def _head(self, method: str, origin: str, target: str, headers: Mapping[str, str], size: int) -> bytes:
        if self._dialer.names_origin_in_requests(origin):
            target = f"{origin}{target}"
            headers = {**headers, **self._dialer.proxy_headers}
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if fields.count("\n") != len(headers) or fields.count("\r") != len(headers):
            raise ValueError("a header has a line break")
        length = f"content-length: {size}\r\n" if method in _WITH_BODY else ""
        return f"{method} {target} HTTP/1.1\r\n{fields}{_COMMON_HEADERS}{length}\r\n".encode()
