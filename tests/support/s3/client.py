"""The HTTP client of the adapter by itself, watched for leaks."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

from s3py_helper.adapters.s3.http.client import HttpClient, Response
from s3py_helper.adapters.s3.http.dialing import Dialer
from s3py_helper.adapters.s3.http.payload import payload_of
from s3py_helper.adapters.s3.http.places import Hold
from s3py_helper.adapters.s3.http.resolving import Resolver
from s3py_helper.adapters.s3.http.tls import tls_settings
from s3py_helper.testing import leak_guard
from tests.support.s3.certificate import Certificate
from tests.support.s3.raw_server import RawServer


@asynccontextmanager
async def http_client(
    *,
    limit: int = 4,
    read_timeout: float = 5.0,
    stall_timeout: float | None = None,
    pool_timeout: float = 5.0,
    tls: Certificate | None = None,
    proxy: str | None = None,
    resolver: Resolver | None = None,
) -> AsyncIterator[HttpClient]:
    """A client that must have released every place, connection, socket and task in the end."""
    dialer = Dialer(
        tls_settings(True if tls is None else tls.path),
        proxy,
        connect_timeout=5.0,
        read_timeout=read_timeout,
        stall_timeout=read_timeout if stall_timeout is None else stall_timeout,
        resolver=resolver,
    )
    client = HttpClient(dialer, limit, pool_timeout=pool_timeout)
    async with leak_guard():
        try:
            yield client
        finally:
            await client.aclose()
    assert (client.places_in_use, client.connections) == (0, 0)


async def opened(
    client: HttpClient,
    server: RawServer,
    method: str = "GET",
    body: bytes = b"",
    hold: Hold = Hold.BRIEF,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """A response that holds its place until it is closed."""
    headers = {"host": f"127.0.0.1:{server.port}", **headers}
    place = client.take_place(hold) or await client.wait_for_place(hold, server.origin)
    try:
        response = await client.send(method, server.origin, "/", headers, payload_of(body))
    except BaseException:
        place.release()
        raise
    response.adopt(place)
    return response


async def ask(client: HttpClient, server: RawServer, method: str = "GET", body: bytes = b"") -> int:
    with await opened(client, server, method, body) as response:
        return response.status


async def whole(client: HttpClient, server: RawServer, method: str = "GET") -> bytes:
    """The body of a response."""
    body = b""
    with await opened(client, server, method) as response:
        while data := await response.read():
            body += data
    return body
