"""Clients that leave at any moment, by the hundred, leave the service as it was."""

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from tests.integration.service.process import Process, serving
from tests.integration.service.raw import RawClient, connected
from tests.support.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

MIB = 1024 * 1024
AT_ONCE = 32


async def test_aborted_downloads_and_uploads_leave_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, S3PY_CLIENT_SHARE="1") as service:
        await abort(service, downloads=400, uploads=100)


async def abort(service: Process, *, downloads: int, uploads: int) -> float:
    """Begin that many, leave each at random, and look whether anything is left; the longest wait of `/health`."""
    chance = random.Random(15)
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        paths = [await _stored(client, size) for size in (4096, MIB, 16 * MIB)]
        await _settled(client)
        descriptors, memory, kept = service.descriptors, service.resident, service.files
        work: list[Callable[[], Awaitable[None]]] = [
            *(lambda: _leave_download(service, chance, chance.choice(paths)) for _ in range(downloads)),
            *(lambda: _leave_upload(service, chance) for _ in range(uploads)),
        ]
        chance.shuffle(work)
        places = asyncio.Semaphore(AT_ONCE)
        longest = 0.0

        async def in_turn(leave: Callable[[], Awaitable[None]]) -> None:
            async with places:
                await leave()

        async with asyncio.TaskGroup() as group:
            leaving = [group.create_task(in_turn(leave)) for leave in work]
            while not all(task.done() for task in leaving):
                began = time.monotonic()
                assert (await client.get("/health")).status_code == 200
                longest = max(longest, time.monotonic() - began)
                await asyncio.sleep(0.05)
        await _settled(client)
        await until(lambda: service.files == kept)
        await until(lambda: service.descriptors <= descriptors)
        for path in paths:
            assert (await client.get(path)).status_code == 200
        assert service.resident - memory < 40 * MIB
        assert service.log == []
        return longest


async def _stored(client: httpx.AsyncClient, size: int) -> str:
    stored = await client.put("/files/a.bin", content=bytes(size))
    return f"/files/{stored.json()['file_id']}"


async def _settled(client: httpx.AsyncClient) -> None:
    """Have every connection but one idle, and the service do each kind of work once more."""
    for _ in range(3):
        assert (await client.get("/health")).status_code == 200


async def _leave_download(service: Process, chance: random.Random, path: str) -> None:
    span = chance.choice(["", "Range: bytes=100-\r\n", "Range: bytes=0-9,2000-2009\r\n"])
    async with connected(service.url) as client:
        await client.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{span}\r\n".encode())
        wanted = chance.choice([0, 1, 1000, 100_000, 3 * MIB])
        while wanted > 0 and (received := await client.reader.read(min(wanted, 65_536))):
            wanted -= len(received)
            if b"\r\n0\r\n" in received or len(received) < 4096:
                break
        _leave(chance, client)


async def _leave_upload(service: Process, chance: random.Random) -> None:
    size = chance.choice([3 * MIB, 1000, 200_000])
    chunked = chance.random() < 0.5
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    async with connected(service.url) as client:
        await client.send(f"PUT /files/left.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n{framing}\r\n\r\n".encode())
        sent = int(size * chance.random() * 0.99)
        piece = b"%x\r\n%b" % (size, bytes(sent)) if chunked else bytes(sent)
        await client.send(piece)
        await asyncio.sleep(chance.random() * 0.02)
        _leave(chance, client)


def _leave(chance: random.Random, client: RawClient) -> None:
    """Reset the connection, or close it in good order."""
    if chance.random() < 0.5:
        client.reset()
    else:
        client.writer.close()
