"""The memory of the service does not follow the size or the number of files."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

MIB = 1024 * 1024
ALLOWED = 120 * MIB
HEAD = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
FORM = {"Content-Type": "multipart/form-data; boundary=edge"}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@dataclass(frozen=True)
class Process:
    url: str
    pid: int

    @property
    def peak(self) -> int:
        """Most memory that it has ever held, in bytes (proc(5), VmHWM)."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text(encoding="ascii"))
        assert found
        return int(found[1]) * 1024


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Process]:
    command = [sys.executable, "-c", "from s3py_helper.entrypoints.cli import main; main()"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("S3PY_")}
    with subprocess.Popen(
        [*command, "serve", "--port", "0", "--no-access-log"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        told = re.search(r"http://[\d.:]+", process.stdout.readline())
        assert told
        try:
            yield Process(told[0], process.pid)
        finally:
            process.terminate()
            process.wait(30)


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
