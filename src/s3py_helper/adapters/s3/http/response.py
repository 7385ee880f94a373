"""A response whose head has come."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from s3py_helper.adapters.s3.http.connection import HttpConnection
from s3py_helper.adapters.s3.http.places import Place
from s3py_helper.adapters.s3.http.pool import ConnectionPool


class Response:
    """`close` it after the last byte or before.

    Attributes:
        status: Status code.
        headers: By name in lower case.
    """

    __slots__ = ("_connection", "_origin", "_place", "_pool", "headers", "status")

    def __init__(
        self, status: int, headers: Mapping[str, str], pool: ConnectionPool, origin: str, connection: HttpConnection
    ) -> None:
        self.status = status
        self.headers = headers
        self._pool = pool
        self._origin = origin
        self._connection: HttpConnection | None = connection
        self._place: Place | None = None

    def adopt(self, place: Place) -> None:
        """From now on `close` releases the place as well."""
        self._place = place

    def detach(self) -> Place | None:
        """As `close`, but hand an adopted place back: another attempt needs it."""
        place, self._place = self._place, None
        self.close()
        return place

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
        if self._place is not None:
            self._place.release()
            self._place = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
