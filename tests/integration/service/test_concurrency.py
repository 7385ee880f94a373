"""Clients that break off at any moment leave nothing behind: no file, no descriptor, no task."""

import asyncio
import contextlib
import os
import random
import sys
from pathlib import Path

import httpx
import pytest

from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from tests.integration.service.running import served
from tests.support.waiting import until

CONTENT = os.urandom(2_000_000)
CLIENTS = 8
ROUNDS = 25

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


async def _broken_off(url: str, file_id: str, chance: random.Random) -> None:
    """Begin a request on a connection of its own, send a part of it, read a part of the answer, and leave."""
    body = (
        b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n' + CONTENT + b"\r\n--edge--"
    )
    requests = {
        "upload": "POST /files/upload HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=edge",
        "download": f"GET /files/{file_id}/download HTTP/1.1",
        "archive": "POST /files/download-zip HTTP/1.1\r\nContent-Type: application/json",
    }
    kind = chance.choice(list(requests))
    listed = b'[{"file_id": "%b"}]' % file_id.encode()
    sent = {"upload": body[: chance.randrange(len(body))], "download": b"", "archive": listed}[kind]
    length = {"upload": len(body), "download": 0, "archive": len(listed)}[kind]
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"{requests[kind]}\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n".encode() + sent)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            if kind != "upload":
                await reader.read(chance.randrange(1, len(CONTENT)))
    finally:
        # Half of them politely, half with a reset.
        if chance.random() < 0.5:
            writer.transport.abort()
        writer.close()


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_nothing_is_left_after_a_storm(tmp_path: Path) -> None:
    chance = random.Random(20261123)
    app = create_app(Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path / "kept", durability=False)))
    async with served(app) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            file_id = (await client.post("/files/upload", files={"file": ("a.bin", CONTENT)})).json()["file_id"]
        before_descriptors, before_tasks = _descriptors(), len(asyncio.all_tasks())
        stored = {path for path in (tmp_path / "kept").rglob("*") if path.is_file()}
        for _ in range(ROUNDS):
            async with asyncio.TaskGroup() as group:
                for _ in range(CLIENTS):
                    group.create_task(_broken_off(url, file_id, chance))
        await until(lambda: len(asyncio.all_tasks()) <= before_tasks)
        await until(lambda: _descriptors() <= before_descriptors)
        await until(lambda: {path for path in (tmp_path / "kept").rglob("*") if path.is_file()} == stored)
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get(f"/files/{file_id}/download")).content == CONTENT
