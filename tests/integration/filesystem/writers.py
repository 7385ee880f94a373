"""A process that forks writers, for a test to kill. Imports once, so that a writer starts in milliseconds.

Commands on standard input, one a line; each is answered by a line:

- `start <root> <journal> <seed>`: fork a writer that uploads and deletes until killed; answers with its process id
- `reap <process id>`: wait for its end
- `hold <root>`: begin an upload here and leave it half-way; answers `held`
- `finish`: send the rest; answers with the id

A writer tells in its journal what it was told by the store: `stored`, `deleting`, `deleted`, `failed`, and an id. A
line is one write(2), so a killed writer leaves whole lines.
"""

import asyncio
import hashlib
import os
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.object_key import new_object_key

SIZES = (0, 1, 4_096, 4_096, 30_000, 100_000, 262_144, 300_000, 1_000_000, 2_500_000)
UPLOADS_AT_ONCE = 6


def _answer(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def content_of(file_name: str, size: int) -> bytes:
    """What a file of that name holds: everybody can tell whether it is whole."""
    block = hashlib.sha256(file_name.encode()).digest() * 2048
    return (block * (size // len(block) + 1))[:size]


def size_in(file_name: str) -> int:
    """Names tell how large the file is meant to be."""
    return int(file_name.removesuffix(".bin").rpartition("-")[2])


async def _chunks(content: bytes, chance: random.Random) -> AsyncIterator[bytes]:
    at = 0
    while at < len(content):
        length = chance.choice((1_000, 65_536, 65_536, 300_000))
        await asyncio.sleep(chance.choice((0, 0, 0, 0.001)))
        yield content[at : at + length]
        at += length


async def _upload(store: FilesystemBlobStore, file_name: str, chance: random.Random) -> BlobInfo:
    content = content_of(file_name, size_in(file_name))
    size = len(content) if chance.random() < 0.5 else None
    folder = chance.choice((None, "a", "a/b", f"{chance.randrange(5)}/deep/er"))
    blob = NewBlob(new_object_key(file_name, folder), file_name, size=size, metadata={"size": str(len(content))})
    return await store.write(blob, IncomingBody(_chunks(content, chance), size=size))


async def _work(store: FilesystemBlobStore, journal: int, seed: str) -> NoReturn:
    chance = random.Random(seed)
    number = 0
    while True:
        number += 1
        info = await _upload(store, f"{seed}-{number}-{chance.choice(SIZES)}.bin", chance)
        os.write(journal, f"stored {info.file_id}\n".encode())
        if chance.random() < 0.2:
            os.write(journal, f"deleting {info.file_id}\n".encode())
            await store.delete(info.file_id)
            os.write(journal, f"deleted {info.file_id}\n".encode())


async def _write_until_killed(root: Path, journal: int, seed: str) -> None:
    durability = random.Random(seed).random() < 0.5
    config = FilesystemConfig(root=root, durability=durability)
    async with FilesystemBlobStore(config) as store, asyncio.TaskGroup() as group:
        for number in range(UPLOADS_AT_ONCE):
            group.create_task(_work(store, journal, f"{seed}-{number}"))


def _be_a_writer(root: Path, journal_path: Path, seed: str) -> NoReturn:
    journal = os.open(journal_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        asyncio.run(_write_until_killed(root, journal, seed))
    except BaseException as error:  # noqa: BLE001 - whatever ends a writer that never ends, the test must hear of it
        os.write(journal, f"failed {error!r}\n".encode())
    os._exit(1)


async def _hold(root: Path) -> None:
    """An upload in progress in a process that lives on, for as long as others are killed around it."""

    async def halves() -> AsyncIterator[bytes]:
        yield content[: len(content) // 2]
        _answer("held")
        await asyncio.to_thread(sys.stdin.readline)
        yield content[len(content) // 2 :]

    file_name = "held-2000000.bin"
    content = content_of(file_name, size_in(file_name))
    async with FilesystemBlobStore(FilesystemConfig(root=root)) as store:
        info = await store.write(NewBlob(new_object_key(file_name), file_name), IncomingBody(halves()))
    _answer(info.file_id)


def main() -> None:
    """Serve commands until standard input ends."""
    for line in iter(sys.stdin.readline, ""):
        command, *arguments = line.split()
        if command == "start":
            root, journal, seed = arguments
            if not (process := os.fork()):
                _be_a_writer(Path(root), Path(journal), seed)
            _answer(process)
        elif command == "reap":
            os.waitpid(int(arguments[0]), 0)
            _answer("reaped")
        elif command == "hold":
            asyncio.run(_hold(Path(arguments[0])))


if __name__ == "__main__":
    main()
