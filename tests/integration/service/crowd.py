"""Many clients at once that take their time, and how long a client in a hurry waits meanwhile."""

import asyncio
import contextlib
import json
import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from tests.integration.service.raw import FORM_END, connected, part, upload_head

SLOW_READERS = 200
STALLED_UPLOADS = 64
STALLED_LISTS = 20
CLIENTS = 40
"""Addresses that the crowd comes from."""


@dataclass
class Waits:
    """How long each kind of short request took, in seconds."""

    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def all(self) -> list[float]:
        return [seconds for several in self.seconds.values() for seconds in several]

    @property
    def longest(self) -> float:
        return max(self.all)

    @property
    def median(self) -> float:
        return statistics.median(self.all)

    def __str__(self) -> str:
        return ", ".join(f"{kind} {max(several):.3f}" for kind, several in self.seconds.items())


def _address(number: int) -> str:
    return f"127.0.1.{number % CLIENTS + 1}"


async def _read_slowly(url: str, path: str, address: str) -> None:
    """About 80 kB/s; a reader that is refused comes back, as browsers do."""
    while True:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            async with connected(url, from_address=address) as client:
                await client.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                while await client.reader.read(8192):
                    await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)


async def _stall(url: str, sent: list[bytes], address: str) -> None:
    """Begin a request, and say nothing more until the server has enough; then begin another one."""
    while True:
        with contextlib.suppress(ConnectionError):
            async with connected(url, from_address=address) as client:
                await client.send(*sent)
                await client.closed()
        await asyncio.sleep(0.5)


@contextlib.asynccontextmanager
async def crowd(url: str, large: str) -> AsyncGenerator[None]:
    """All of them, while the context lasts."""
    list_head = (
        b"POST /files/download-zip HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: 30000000\r\n\r\n"
    )
    stalled_upload = [upload_head(length=50_000_000), part(bytes(1_000_000))]
    stalled_list = [list_head, b"[" + b" " * 5_000_000]
    tasks = [
        *(asyncio.create_task(_read_slowly(url, large, _address(number))) for number in range(SLOW_READERS)),
        *(asyncio.create_task(_stall(url, stalled_upload, _address(number))) for number in range(STALLED_UPLOADS)),
        *(asyncio.create_task(_stall(url, stalled_list, _address(number))) for number in range(STALLED_LISTS)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def storm(url: str, *, uploads: int, size: int) -> tuple[list[str], int]:
    """So many uploads at the same moment; gives the ids of those that were stored, and how many were told to wait."""
    content = bytes(size)
    file = part(content) + FORM_END

    async def upload(number: int) -> str | None:
        async with connected(url, from_address=_address(number)) as client:
            await client.send(upload_head(length=len(file)), file)
            response = await client.response()
            if response.status == 503:
                assert "retry-after" in response.headers, "refused without a word on when to come back"
                return None
            file_id: str = json.loads(response.body)["file_id"]
            return file_id

    outcomes = await asyncio.gather(*(upload(number) for number in range(uploads)))
    stored = [file_id for file_id in outcomes if file_id is not None]
    return stored, uploads - len(stored)


async def measured(
    url: str, requests: dict[str, Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]], *, seconds: float
) -> Waits:
    """Send each kind of request again and again, from an address of its own, each on a fresh connection."""
    waits = Waits({kind: [] for kind in requests})
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for kind, request in requests.items():
            transport = httpx.AsyncHTTPTransport(local_address="127.0.2.1")
            async with httpx.AsyncClient(base_url=url, transport=transport, timeout=60) as client:
                began = time.monotonic()
                response = await request(client)
                waits.seconds[kind].append(time.monotonic() - began)
            assert response.status_code < 500, (kind, response.status_code, response.text)
        await asyncio.sleep(0.05)
    return waits
