"""Where the guard stores files: S3, the local disk and memory, each with the bare work that its cost is compared with.

Processor time differs between machines; as a multiple of work of the same kind without the library, it hardly does.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.child.store import Store, Target
from benchmarks.drivers import s3py_helper, s3py_helper_memory

CONTENT = bytes(range(256)) * 16
"""4 KiB."""


@dataclass(frozen=True, slots=True)
class Place:
    """Attributes:
    bare: Does once what the machine, the kernel and Python make of such an operation without the library.
    """

    name: str
    store: Store
    bare: Callable[[], Awaitable[None]]


@asynccontextmanager
async def s3() -> AsyncIterator[Place]:
    command = (sys.executable, "-m", "benchmarks.guard.server")
    server = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None and server.stdout is not None  # noqa: PT018 - both are pipes
    try:
        port = int(await server.stdout.readline())
        settings = {"access_key": "of-the-guard", "secret_key": "of-the-guard", "bucket": "guard"}
        target = Target("s3", settings | {"endpoint": f"http://127.0.0.1:{port}"})
        async with s3py_helper.open_store(target) as store:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"PUT /guard/bare HTTP/1.1\r\nHost: guard\r\nContent-Length: {len(CONTENT)}\r\n\r\n".encode()

            async def bare() -> None:
                writer.write(head + CONTENT)
                await writer.drain()
                await reader.readuntil(b"\r\n\r\n")

            yield Place("s3", store, bare)
            writer.close()
            await writer.wait_closed()
    finally:
        server.stdin.close()
        await server.wait()


@asynccontextmanager
async def filesystem(folder: Path) -> AsyncIterator[Place]:
    file, replaced = folder / "bare", folder / "replaced"

    def store_and_read() -> None:
        file.write_bytes(CONTENT)
        file.replace(replaced)
        replaced.read_bytes()

    async with s3py_helper.open_store(Target("filesystem", {"root": str(folder), "durable": True})) as store:
        yield Place("filesystem", store, lambda: asyncio.to_thread(store_and_read))


@asynccontextmanager
async def memory() -> AsyncIterator[Place]:
    async def bare() -> None:
        sum(len(str(number)) for number in range(100))

    async with s3py_helper_memory.open_store(Target("memory")) as store:
        yield Place("memory", store, bare)
