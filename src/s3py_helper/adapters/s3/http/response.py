"""A response whose head has come."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from s3py_helper.adapters.s3.http.connection import HttpConnection
from s3py_helper.adapters.s3.http.parsing import ResponseParser
from s3py_helper.adapters.s3.http.places import Place
from s3py_helper.adapters.s3.http.pool import ConnectionPool


class Response:
    """`close` it after the last byte or before.

    It holds its connection, and the place it may have been given, until its last byte has come, not until that has been
    read: what waits for a slow reader then is in memory, half a MiB and one read of the event loop's at most.

    Attributes:
        status: Status code.
        headers: By name in lower case.
    """

    __slots__ = ("_connection", "_origin", "_parser", "_place", "_pool", "headers", "status")

    def __init__(self, parser: ResponseParser, pool: ConnectionPool, origin: str, connection: HttpConnection) -> None:
        self.status = parser.status
        self.headers: Mapping[str, str] = parser.headers
        self._parser = parser
        self._pool = pool
        self._origin = origin
        self._place: Place | None = None
        self._connection: HttpConnection | None = None
        if parser.complete:
            pool.release(origin, connection)
        else:
            self._connection = connection
            connection.on_complete = self._let_go

    def adopt(self, place: Place) -> None:
        """Own the place: it is released with the connection."""
        if self._connection is None:
            place.release()
        else:
            self._place = place

    def detach(self) -> Place | None:
        """As `close`, but give an adopted place back, for another attempt; `None` when it has been released already."""
        place, self._place = self._place, None
        self.close()
        return place

    async def read(self) -> bytes:
        """The next bytes of the body, none at its end.

        Raises:
            HttpFault: It broke off.
        """
        while not (data := self._parser.take()):
            if self._connection is None:
                return b""
            await self._connection.receive()
        if self._connection is not None:
            self._connection.relieve()
        return data

    def close(self) -> None:
        """Read no more, and release connection and place at once."""
        if self._parser.held:
            self._parser.drop(0)
        self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        place, self._place = self._place, None
        if connection is not None:
            self._pool.release(self._origin, connection, place)
        elif place is not None:
            place.release()
