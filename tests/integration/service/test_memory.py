"""The memory of the service does not follow the size or the number of files."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.service.process import Process, serving

MIB = 1024 * 1024
ALLOWED = 120 * MIB
HEAD = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
FORM = {"Content-Type": "multipart/form-data; boundary=edge"}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Process]:
    with serving(tmp_path) as process:
        yield process


async def _form(size: int) -> AsyncIterator[bytes]:
    piece = os.urandom(MIB)
    yield HEAD
    for _ in range(size // MIB):
        yield piece
    yield b"\r\n--edge--\r\n"


async def test_a_large_file_goes_up_and_down(service: Process) -> None:
    size = 400 * MIB
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        attach = (await client.post("/files/upload", content=_form(size), headers=FORM)).json()
        assert attach["file_size"] == size
        received = 0
        async with client.stream("GET", f"/files/{attach['file_id']}/download") as answer:
            async for chunk in answer.aiter_raw():
                received += len(chunk)
        assert received == size
    assert service.peak < ALLOWED


async def test_fifty_files_go_up_at_once(service: Process) -> None:
    size = 8 * MIB
    async with httpx.AsyncClient(base_url=service.url, timeout=60, limits=httpx.Limits(max_connections=50)) as client:
        uploads = [client.post("/files/upload", content=_form(size), headers=FORM) for _ in range(50)]
        answers = await asyncio.gather(*uploads)
    assert [answer.json()["file_size"] for answer in answers] == [size] * 50
    assert service.peak < ALLOWED
