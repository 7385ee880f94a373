"""Clients that leave at any moment, by the hundred, or are killed, leave the service as it was."""

import asyncio
import random
import re
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.integration.service.process import Process, serving
from tests.integration.service.raw import RawClient, connected
from tests.support.s3.inspector import inspector_of
from tests.support.s3.server import S3Server
from tests.support.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

MIB = 1024 * 1024
AT_ONCE = 32

# A process of its own: this one is busy being the clients.
_PROBE = """
import http.client, sys, time
host, port = sys.argv[1].removeprefix("http://").split(":")
connection = http.client.HTTPConnection(host, int(port), timeout=30)
while True:
    began = time.perf_counter()
    connection.request("GET", "/livez")
    response = connection.getresponse()
    response.read()
    print(response.status, time.perf_counter() - began, flush=True)
    time.sleep(0.02)
"""

# Takes, or sends, a little at a time until it is killed.
_READER = """
import sys, time, urllib.request
with urllib.request.urlopen(sys.argv[1]) as response:
    print(len(response.read(1000)), flush=True)
    while response.read(1000):
        time.sleep(0.01)
"""
_WRITER = """
import sys, time, urllib.request
def pieces():
    print("begins", flush=True)
    while True:
        yield bytes(10_000)
        time.sleep(0.01)
urllib.request.urlopen(urllib.request.Request(sys.argv[1], pieces(), method="PUT"))
"""


@dataclass(frozen=True)
class Load:
    """How many clients there are of each kind, and how many connections to a backend may be kept afterwards."""

    downloads: int
    uploads: int
    killed: int
    kept: int = 0


@dataclass(frozen=True)
class Round:
    """What was seen: memory before and after, in bytes, and how long `/livez` took, in seconds."""

    before: int
    after: int
    waits: list[float]

    @property
    def growth(self) -> int:
        return self.after - self.before


async def test_aborted_downloads_and_uploads_leave_nothing_on_disk(tmp_path: Path) -> None:
    with serving(tmp_path, S3PY_CLIENT_SHARE="1") as service:
        kept: set[Path] = set()

        async def stored() -> bool:
            return service.files == kept

        async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
            paths = [await _stored(client, size) for size in (4096, MIB, 16 * MIB)]
        kept = service.files
        await _twice(service, paths, Load(downloads=250, uploads=80, killed=10), stored)


async def test_aborted_downloads_and_uploads_leave_nothing_on_s3(tmp_path: Path, seaweedfs: S3Server) -> None:
    settings = {
        "S3PY_MODE": "s3",
        "S3PY_S3__ENDPOINT": seaweedfs.endpoint,
        "S3PY_S3__ACCESS_KEY_ID": seaweedfs.access_key,
        "S3PY_S3__SECRET_ACCESS_KEY": seaweedfs.secret_key,
        "S3PY_S3__DEFAULT_BUCKET": "aborted",
        "S3PY_S3__PERF__MAX_POOL_CONNECTIONS": "24",
    }
    inspector = inspector_of(seaweedfs, "aborted")
    with serving(tmp_path, S3PY_CLIENT_SHARE="1", **settings) as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
            paths = [await _stored(client, size) for size in (4096, MIB, 16 * MIB)]
        kept = sorted(await inspector.keys(""))

        async def stored() -> bool:
            return sorted(await inspector.keys("")) == kept and not await inspector.unfinished_uploads("")

        await _twice(service, paths, Load(downloads=80, uploads=40, killed=6, kept=24), stored)
    inspector.sdk.close()


async def _twice(service: Process, paths: list[str], load: Load, stored: Callable[[], Awaitable[bool]]) -> None:
    first = await abort(service, paths, load, stored)
    assert first.growth < 40 * MIB
    # What grows with every client would grow by as much again.
    second = await abort(service, paths, load, stored)
    assert second.growth < 16 * MIB
    # On a busy machine single probes wait for their turn on a processor; a loop that stands still delays them all.
    assert statistics.median(first.waits + second.waits) < 0.05
    assert service.log == []


async def abort(service: Process, paths: list[str], load: Load, stored: Callable[[], Awaitable[bool]]) -> Round:
    """Begin that many, leave each at random, and look whether anything is left."""
    chance = random.Random(15)
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        await _settled(client)
        descriptors, memory = service.descriptors, service.resident
        work: list[Callable[[], Awaitable[None]]] = [
            *(lambda: _leave_download(service, chance, chance.choice(paths)) for _ in range(load.downloads)),
            *(lambda: _leave_upload(service, chance) for _ in range(load.uploads)),
            *(lambda: _be_killed(_READER, service.url + paths[-1], chance) for _ in range(load.killed // 2)),
            *(lambda: _be_killed(_WRITER, f"{service.url}/files/killed.bin", chance) for _ in range(load.killed // 2)),
        ]
        chance.shuffle(work)
        places = asyncio.Semaphore(AT_ONCE)

        async def in_turn(leave: Callable[[], Awaitable[None]]) -> None:
            async with places:
                await leave()

        with _probed(service) as waits:
            async with asyncio.TaskGroup() as group:
                for leave in work:
                    group.create_task(in_turn(leave))
        await _settled(client)
        async with asyncio.timeout(30):
            while not await stored() or await _at_work(client):
                await asyncio.sleep(0.05)
        await until(lambda: service.descriptors <= descriptors + load.kept)
        for path in paths:
            assert (await client.get(path)).status_code == 200
        return Round(memory, service.resident, waits)


@contextmanager
def _probed(service: Process) -> Generator[list[float]]:
    """Ask `/livez` all the while; the list is filled at the end."""
    waits: list[float] = []
    with subprocess.Popen([sys.executable, "-c", _PROBE, service.url], stdout=subprocess.PIPE, text=True) as probe:
        try:
            yield waits
            assert probe.poll() is None, "a probe failed"
        finally:
            probe.kill()
            assert probe.stdout is not None
            lines = [line.split() for line in probe.stdout.read().splitlines()]
    assert {line[0] for line in lines} == {"200"}
    waits.extend(float(line[1]) for line in lines[:-1])


async def _at_work(client: httpx.AsyncClient) -> list[str]:
    """The gauges that show somebody at work besides this question itself."""
    text = (await client.get("/metrics")).text
    gauges = re.findall(r"^((?:s3py_open_streams|s3py_pool_connections_in_use)\{[^}]*\}) ([\d.]+)$", text, re.MULTILINE)
    return [name for name, value in gauges if float(value)]


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


async def _be_killed(program: str, url: str, chance: random.Random) -> None:
    """A client process that SIGKILL ends in the middle of its exchange."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, url, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline(), "it did not begin"
    await asyncio.sleep(chance.random() * 0.1)
    process.kill()
    await process.wait()
