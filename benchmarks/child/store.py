"""What a driver offers: the operations on files, as coroutines."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import BinaryIO

from benchmarks.child.content import CheckedSink, Source

CONNECTIONS = 64
"""What every library may have at once, threads of the blocking ones included."""

type Entry = tuple[str, str]
"""A file to pack: its id, and the name it gets in the archive."""

_threads = ThreadPoolExecutor(CONNECTIONS)


type Target = dict[str, str]
"""Where to store: the `kind` of server (`s3`, `fastdfs`, `memory`), and what it takes to reach it."""


class Store:
    """Ids are whatever the library calls a stored file by. A driver overrides what its library can do;
    `NotImplementedError` from the rest leaves that measurement out.

    Attributes:
        packs: False when what `zip_to` writes is no archive.
    """

    packs = True

    def id_of(self, name: str) -> str:
        """The id of a file that another client has stored under the name."""
        return name

    async def prepare(self, source: Source) -> None:
        """What an upload of the source needs that is not part of it; not measured."""

    async def put(self, name: str, content: bytes) -> str:
        raise NotImplementedError

    async def get(self, file_id: str) -> bytes:
        raise NotImplementedError

    async def info(self, file_id: str) -> int:
        """The size."""
        raise NotImplementedError

    async def delete(self, file_id: str) -> None:
        raise NotImplementedError

    async def put_many(self, files: list[tuple[str, bytes]]) -> list[str]:
        """Store many files, 16 at once; drivers override this where the library has a way of its own."""
        turns = asyncio.Semaphore(16)

        async def put(name: str, content: bytes) -> str:
            async with turns:
                return await self.put(name, content)

        return await asyncio.gather(*(put(*file) for file in files))

    async def upload(self, name: str, source: Source) -> str:
        raise NotImplementedError

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        raise NotImplementedError

    async def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        raise NotImplementedError

    def zip_stream(self, files: list[Entry]) -> AsyncIterator[bytes]:
        raise NotImplementedError


async def in_thread[**P, R](operation: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a blocking library's operation as an asynchronous program has to."""
    return await asyncio.get_running_loop().run_in_executor(_threads, partial(operation, *args, **kwargs))


def boto3_settings(target: Target) -> dict[str, str]:
    """The arguments of a client of boto3, or of one that is made like it."""
    keys = {"aws_access_key_id": target["access_key"], "aws_secret_access_key": target["secret_key"]}
    return {"service_name": "s3", "endpoint_url": target["endpoint"], "region_name": "us-east-1"} | keys
