"""curl over links that are signed beforehand: what a mature client in C reaches with one connection."""

# ruff: noqa: ARG002 - links and files stand for names and content

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Store, Target


class CurlStore(Store):
    def __init__(self, target: Target, folder: Path) -> None:
        self._target = target
        self._folder = folder

    async def prepare(self, source: Source) -> None:
        """curl sends files: what is to be sent lies ready in one."""
        with (self._folder / "source").open("wb") as file:
            for chunk in source:
                file.write(chunk)

    async def upload(self, name: str, source: Source) -> str:
        await _curl("--upload-file", str(self._folder / "source"), self._target["put_link"])
        return name

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        received = await _curl("--output", "/dev/null", "--write-out", "%{size_download}", self._target["get_link"])
        # Looking at the bytes would measure a pipe; curl counts them.
        sink.received += int(received)


async def _curl(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "curl",
        "--silent",
        "--show-error",
        "--fail",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, message = await process.communicate()
    if process.returncode:
        raise RuntimeError(message.decode().strip())
    return output.decode()


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    with tempfile.TemporaryDirectory(dir=target["scratch"]) as folder:
        yield CurlStore(target, Path(folder))
