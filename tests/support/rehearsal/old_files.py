"""The files that are in FastDFS before a migration begins, of every kind, and what is known of each at any moment."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Final

from tests.support.fastdfs.metadata import encode
from tests.support.fastdfs.protocol import (
    EXTENSION_FIELD,
    GROUP_FIELD,
    Command,
    field_text,
    numbers,
    text_field,
)
from tests.support.fastdfs.raw import RawConnection, raw_connection
from tests.support.fastdfs.samples import accepted, source_of, storage_for_upload, upload_body
from tests.support.migration.truth import Truth, digest

_CONNECTIONS: Final = 6
_KIB: Final = 1024
_MIB: Final = 1024 * _KIB
_LARGE: Final = 9 * _MIB
_IN_PARTS: Final = 66 * _MIB
_MASTER: Final = b"the master of the first slaves"
_OF_MASTER: Final = -1
_METADATA: Final = encode([(b"Owner", b"rehearsal"), (b"n", b"1")])
"""One name has a capital, which S3's headers lose."""


class Kind(StrEnum):
    NORMAL = auto()
    APPENDER = auto()
    SLAVE = auto()
    SHORT_SLAVE = auto()
    """Its name has the shape of a master's."""


@dataclass(slots=True, eq=False)
class OldFile:
    """A file, and what is known of it.

    Attributes:
        digests: Of all its contents so far; the last is what it has now.
        settled: Place of the oldest among them that a reader may still get.
        appended: What was appended since the upload.
        is_leaving: Somebody has begun to delete it, and may not know how that ended.
        is_gone: It has been deleted.
        is_undecided: It is gone from FastDFS past the kit: until somebody decides, a copy may be served.
    """

    file_id: str
    kind: Kind
    number: int
    size: int
    digests: list[str] = field(default_factory=list[str])
    settled: int = 0
    appended: bytes = b""
    is_leaving: bool = False
    is_gone: bool = False
    is_undecided: bool = False

    @property
    def content(self) -> bytes:
        """What it has now, made anew."""
        uploaded = _MASTER if self.number == _OF_MASTER else content_of(self.number, self.size)
        return uploaded + self.appended


def content_of(number: int, size: int) -> bytes:
    return random.Random(number).randbytes(size)


def truth_of(files: Sequence[OldFile]) -> Truth:
    """What the auditor is told."""
    truth = Truth()
    for file in files:
        if file.is_gone:
            truth.removed(file.file_id)
        else:
            truth.live[file.file_id] = file.digests[-1]
            if file.is_leaving:
                truth.stays(file.file_id)  # nobody was told whether it is gone
    return truth


async def stored_files(tracker: str, count: int) -> list[OldFile]:
    """Fill a cluster: 4 to 100 KiB, some empty, some large, appenders, slaves, some with metadata."""
    files: list[OldFile] = []
    plan = iter(_plan(count))
    async with asyncio.TaskGroup() as group:
        for index in range(_CONNECTIONS):
            group.create_task(_store(tracker, ("group1", "group1", "group2")[index % 3], plan, files))
    return files


async def append_past_the_kit(tracker: str, file: OldFile, content: bytes) -> None:
    """Append to an appender file by the bare protocol, as a program does that knows of no migration."""
    name = file.file_id.partition("/")[2].encode()
    file.appended += content
    file.digests.append(digest(file.content))
    async with raw_connection(await source_of(tracker, file.file_id)) as storage:
        accepted(await storage.ask(Command.APPEND, numbers(len(name), len(content)) + name + content))
    file.settled = len(file.digests) - 1


async def delete_past_the_kit(tracker: str, file: OldFile) -> None:
    """Delete by the bare protocol."""
    file.is_leaving = file.is_undecided = True
    async with raw_connection(await source_of(tracker, file.file_id)) as storage:
        accepted(await storage.ask(Command.DELETE, _target(file.file_id)))


def _plan(count: int) -> Iterator[tuple[int, Kind, int]]:
    """Number, kind and size of each file; a few kinds have to be there however small the count is."""
    sizes = random.Random(count)
    for number in range(count):
        kind, size = Kind.NORMAL, sizes.randrange(4 * _KIB, 100 * _KIB)
        if number % 20_000 == 3:
            size = _IN_PARTS
        elif number % 2000 == 4:
            size = _LARGE
        elif number % 100 == 5:
            size = 0
        elif number % 50 == 6:
            kind = Kind.APPENDER
        elif number % 50 == 7:
            kind = Kind.SLAVE
        elif number % 200 == 8:
            kind = Kind.SHORT_SLAVE
        yield number, kind, size


async def _store(tracker: str, group: str, plan: Iterator[tuple[int, Kind, int]], files: list[OldFile]) -> None:
    async with raw_connection(await storage_for_upload(tracker, text_field(group, GROUP_FIELD))) as storage:
        master = await _upload(storage, Command.UPLOAD, _MASTER, "txt")
        files.append(OldFile(master, Kind.NORMAL, _OF_MASTER, len(_MASTER), [digest(_MASTER)]))
        for number, kind, size in plan:
            content = content_of(number, size)
            match kind:
                case Kind.NORMAL:
                    master = file_id = await _upload(storage, Command.UPLOAD, content, "txt")
                case Kind.APPENDER:
                    file_id = await _upload(storage, Command.UPLOAD_APPENDER, content, "log")
                case Kind.SLAVE:
                    file_id = await _upload_slave(storage, master, f"_{number}", "jpg", content)
                case _:
                    file_id = await _upload_slave(storage, master, "-big", "", content)
            files.append(OldFile(file_id, kind, number, size, [digest(content)]))
            if number % 20 == 0:
                await _describe(storage, file_id)


async def _upload(storage: RawConnection, command: Command, content: bytes, extension: str) -> str:
    reply = accepted(await storage.ask(command, upload_body(content, extension=extension.encode())))
    return _id_in(reply.body)


async def _upload_slave(storage: RawConnection, master: str, prefix: str, extension: str, content: bytes) -> str:
    name = master.partition("/")[2].encode()
    head = numbers(len(name), len(content)) + text_field(prefix, 16) + text_field(extension, EXTENSION_FIELD)
    return _id_in(accepted(await storage.ask(Command.UPLOAD_SLAVE, head + name + content)).body)


async def _describe(storage: RawConnection, file_id: str) -> None:
    group, _, name = file_id.partition("/")
    body = numbers(len(name), len(_METADATA)) + b"O" + text_field(group, GROUP_FIELD) + name.encode() + _METADATA
    accepted(await storage.ask(Command.SET_METADATA, body))


def _target(file_id: str) -> bytes:
    group, _, name = file_id.partition("/")
    return text_field(group, GROUP_FIELD) + name.encode()


def _id_in(reply: bytes) -> str:
    return f"{field_text(reply[:GROUP_FIELD]).decode()}/{reply[GROUP_FIELD:].decode()}"
