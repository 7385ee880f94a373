"""curl: what a mature client in C reaches with one connection."""

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Store, Target


class CurlStore(Store):
    def __init__(self, target: Target, source: Path) -> None:
        self._bucket = f"{target['endpoint']}/{target['bucket']}"
        self._user = f"{target['access_key']}:{target['secret_key']}"
        self._source = source

    async def prepare(self, source: Source) -> None:
        """curl sends files: what is to be sent lies ready in one."""
        with self._source.open("wb") as file:
            file.writelines(source)

    async def upload(self, name: str, source: Source) -> str:  # noqa: ARG002 - it lies ready
        await self._curl("--upload-file", str(self._source), f"{self._bucket}/{name}")
        return name

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        # Looking at the bytes would measure a pipe; curl counts them.
        written = ("--output", "/dev/null", "--write-out", "%{size_download}")
        sink.received += int(await self._curl(*written, f"{self._bucket}/{file_id}"))

    async def _curl(self, *arguments: str) -> str:
        signed = ("--aws-sigv4", "aws:amz:us-east-1:s3", "--user", self._user)
        unsigned_payload = ("--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD")
        command = ("curl", "--silent", "--show-error", "--fail", *signed, *unsigned_payload, *arguments)
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        output, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"curl ended with {process.returncode}")
        return output.decode()


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        yield CurlStore(target, Path(folder) / "source")
