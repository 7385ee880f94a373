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

from s3py_helper.storage import FilesystemConfig, S3Config, StorageManager, StorageMode, StorageModeConfig

CONTENT = bytes(range(256)) * 16
"""4 KiB."""


@dataclass(frozen=True, slots=True)
class Place:
    """Attributes:
    bare: Does once what the machine, the kernel and Python make of such an operation without the library.
    """

    name: str
    manager: StorageManager
    bare: Callable[[], Awaitable[None]]


@asynccontextmanager
async def s3() -> AsyncIterator[Place]:
    command = (sys.executable, "-m", "tests.support.guard.server")
    server = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        port = int(await server.stdout.readline())
        config = S3Config(
            endpoint=f"http://127.0.0.1:{port}",
            access_key_id="of-the-guard",
            secret_access_key="of-the-guard",
            default_bucket="guard",
        )
        async with StorageManager(mode_config=StorageModeConfig(mode=StorageMode.S3), s3_config=config) as manager:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"PUT /guard/bare HTTP/1.1\r\nHost: guard\r\nContent-Length: {len(CONTENT)}\r\n\r\n".encode()

            async def bare() -> None:
                writer.write(head + CONTENT)
                await writer.drain()
                await reader.readuntil(b"\r\n\r\n")

            yield Place("s3", manager, bare)
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

    mode = StorageModeConfig(mode=StorageMode.FILESYSTEM)
    async with StorageManager(mode_config=mode, filesystem_config=FilesystemConfig(root=folder)) as manager:
        yield Place("filesystem", manager, lambda: asyncio.to_thread(store_and_read))


@asynccontextmanager
async def memory() -> AsyncIterator[Place]:
    async def bare() -> None:
        sum(len(str(number)) for number in range(100))

    async with StorageManager.in_memory() as manager:
        yield Place("memory", manager, bare)
