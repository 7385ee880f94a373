"""Large files of the local disk go from the system's memory to the client's socket, and arrive as any other."""

import asyncio
import logging
import os
import re
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvloop
from uvicorn.protocols.http.flow_control import FlowControl

from s3py_helper.application.ports.region import Region
from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.server.socket_sender import SocketSender
from s3py_helper.entrypoints.settings import Settings
from tests.integration.service.raw import RawClient, connected
from tests.integration.service.running import served
from tests.support.waiting import until

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say what they have in memory"),
]

SIZE = 24 * 1024 * 1024

type Folder = Path


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """One entry for each region that is sent from now on: whether that took waiting."""
    found: list[bool] = []
    send = SocketSender.send

    async def noted(sender: SocketSender, region: Region) -> bool:
        found.append(False)
        found[-1] = await send(sender, region)
        return found[-1]

    monkeypatch.setattr(SocketSender, "send", noted)
    return found


@asynccontextmanager
async def _serving(folder: Folder, content: bytes) -> AsyncGenerator[tuple[str, str]]:
    """The service on our server, and the path of a file on it."""
    settings = Settings(_env_file=None, filesystem=FilesystemConfig(root=folder, durability=False))
    async with served(create_app(settings), http="ours", log_level="info") as url:
        async with httpx.AsyncClient(base_url=url) as client:
            stored = await client.put("/files/a.bin", content=content)
        yield url, f"/files/{stored.json()['file_id']}"


async def _asked(client: RawClient, path: str, *more: str) -> None:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *more]
    await client.send("".join(f"{line}\r\n" for line in [*lines, ""]).encode())


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_files_and_ranges_arrive_in_order_on_one_connection(
    tmp_path: Path, waits: list[bool], new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    content = os.urandom(SIZE)

    async def run() -> None:
        async with _serving(tmp_path, content) as (url, path), connected(url) as client:
            for first in (0, 1, SIZE // 2):
                await _asked(client, path, *([f"Range: bytes={first}-"] if first else []))
                response = await client.response()
                assert (response.status, response.body) == (206 if first else 200, content[first:])

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run())
    assert True in waits


async def test_the_line_of_the_request_counts_what_was_sent(
    tmp_path: Path, waits: list[bool], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="s3py_helper.access")
    async with _serving(tmp_path, bytes(SIZE)) as (url, path), httpx.AsyncClient(base_url=url) as client:
        assert (await client.get(path)).content == bytes(SIZE)
        await until(lambda: re.search(rf"GET .* 200, {SIZE} bytes", caplog.text))
    assert waits


async def test_a_file_that_is_cut_short_meanwhile_never_looks_complete(
    tmp_path: Path, waits: list[bool], caplog: pytest.LogCaptureFixture
) -> None:
    async with _serving(tmp_path, os.urandom(SIZE)) as (url, path), connected(url) as client:
        await _asked(client, path)
        await client.reader.readuntil(b"\r\n\r\n")
        os.truncate(tmp_path / path.removeprefix("/files/fs:"), 1000)
        assert len(await client.closed()) < SIZE
    assert waits
    assert "cut short" in caplog.text


async def test_damage_never_looks_complete(tmp_path: Path, waits: list[bool]) -> None:
    async with _serving(tmp_path, bytes(SIZE)) as (url, path), connected(url) as client:
        with (tmp_path / path.removeprefix("/files/fs:")).open("r+b") as file:
            file.seek(SIZE // 2)
            file.write(b"1")
        await _asked(client, path)
        assert 0 < len(await client.closed()) < SIZE
    assert waits


async def test_clients_that_leave_leave_no_descriptor(tmp_path: Path, waits: list[bool]) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - their number is all that counts

    async with _serving(tmp_path, bytes(SIZE)) as (url, path):
        before = descriptors()
        for leave in range(8):
            async with connected(url) as client:
                await _asked(client, path)
                await client.reader.readexactly(200_000)
                if leave % 2:
                    client.reset()
        await until(lambda: descriptors() <= before)
        async with httpx.AsyncClient(base_url=url) as after:
            assert (await after.get(path)).content == bytes(SIZE)
    assert waits


async def test_a_client_that_takes_nothing_is_given_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="s3py_helper.access")
    settings = Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path, durability=False), idle_timeout=0.5)
    async with served(create_app(settings), http="ours", idle_timeout=0.5) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            stored = await client.put("/files/a.bin", content=bytes(SIZE))
        async with connected(url) as slow:
            await _asked(slow, f"/files/{stored.json()['file_id']}")
            await until(lambda: "broken off by limit" in caplog.text)


class _Endless:
    """A region of which the socket takes all at once, a piece at a time."""

    size = 10

    def __init__(self) -> None:
        self.turns: list[int] = []
        self.now = 0

    def send(self, socket: int, start: int) -> int:
        self.turns.append(self.now)
        return 1


async def test_others_get_their_turn_while_a_client_takes_all_at_once() -> None:
    region = _Endless()

    async def others() -> None:
        while True:
            region.now += 1
            await asyncio.sleep(0)

    turns = asyncio.create_task(others())
    ours, theirs = socket.socketpair()
    with theirs:
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
        sender = SocketSender(asyncio.get_running_loop(), transport, FlowControl(transport))
        assert await sender.send(region)
        turns.cancel()
        transport.abort()
        await asyncio.wait([turns])
    assert len(region.turns) == region.size
    assert len(set(region.turns)) >= region.size - 1
