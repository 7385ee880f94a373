"""Many clients that ask for the same file again and again, with little work: it is done beside the server's."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import override
from urllib.parse import urlsplit

_WARM_UP = 0.5
_COOL_DOWN = 0.2
"""Seconds for the responses that are still on their way."""


class _Client(asyncio.Protocol):
    def __init__(self, request: bytes, size: int) -> None:
        self.latencies: list[float] = []
        self.stopping = False
        self.wrong = b""
        self._request = request
        self._size = size
        self._head = b""
        self._left: int | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self.transport.write(self._request)  # type: ignore[attr-defined]  # it is the transport of a socket

    @override
    def data_received(self, data: bytes) -> None:
        if self._left is None:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._head.startswith(b"HTTP/1.1 200 "):
                self.wrong = self._head
                return
            self._left, data = self._size, self._head[end + 4 :]
            self._head = b""
        self._left -= len(data)
        if self._left <= 0:
            self.latencies.append(time.perf_counter() - self._asked)
            self._left = None
            if self.stopping:
                self.transport.close()
            else:
                self._ask()


async def load(
    url: str, size: int, connections: int, seconds: float, warmed_up: Callable[[], None] = lambda: None
) -> list[float]:
    """Seconds that each of the requests took that were answered in the time; `warmed_up` is called when that begins."""
    target = urlsplit(url)
    request = f"GET {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    clients = [_Client(request, size) for _ in range(connections)]
    assert target.hostname
    assert target.port
    for client in clients:
        await loop.create_connection(partial(_same, client), target.hostname, target.port)
    await asyncio.sleep(_WARM_UP)
    for client in clients:
        client.latencies.clear()
    warmed_up()
    await asyncio.sleep(seconds)
    taken = [latency for client in clients for latency in client.latencies]
    for client in clients:
        client.stopping = True
        if client.wrong:
            raise ValueError(f"a response was {client.wrong[:200]!r}")
    await asyncio.sleep(_COOL_DOWN)
    return taken


def _same(client: _Client) -> _Client:
    return client
