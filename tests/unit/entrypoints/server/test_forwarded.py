"""What a proxy says of its client counts, where the proxy is trusted."""

import asyncio

import pytest

from tests.unit.entrypoints.server.connecting import PEER, Connection

pytestmark = pytest.mark.timeout(30)


async def test_headers_of_a_proxy_count_for_the_request_that_has_them() -> None:
    connection = Connection()
    await connection.ask("X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https")
    await connection.ask()
    await connection.ask("x-forwarded-proto: https")
    told = [(scope["client"], scope["scheme"]) for scope in connection.scopes]
    assert told == [(("192.0.2.7", 0), "https"), (PEER, "http"), (PEER, "https")]
    connection.protocol.connection_lost(None)


async def test_each_of_pipelined_requests_has_its_own() -> None:
    connection = Connection()
    forwarded = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.%d\r\n\r\n"
    connection.protocol.data_received(forwarded % 1 + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + forwarded % 2)
    async with asyncio.timeout(10):
        while len(connection.scopes) < 3:
            await asyncio.sleep(0)
    assert [scope["client"][0] for scope in connection.scopes] == ["192.0.2.1", PEER[0], "192.0.2.2"]
    connection.protocol.connection_lost(None)


async def test_headers_of_others_do_not_count() -> None:
    connection = Connection(trusted="192.0.2.1")
    await connection.ask("X-Forwarded-For: 192.0.2.7")
    assert connection.scopes[0]["client"] == PEER
    connection.protocol.connection_lost(None)
