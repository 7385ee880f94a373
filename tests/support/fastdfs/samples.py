"""Files on a server, made and looked at over the bare protocol."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.support.fastdfs.protocol import (
    EXTENSION_FIELD,
    GROUP_FIELD,
    Command,
    Status,
    field_text,
    numbers,
    read_numbers,
    text_field,
)
from tests.support.fastdfs.raw import RawReply, raw_connection

CONTENT = b"hello world"
GROUP = text_field("group1", GROUP_FIELD)


@dataclass(frozen=True, slots=True)
class Sample:
    """A normal file and an appender of the same content, side by side on one storage of `group1`."""

    storage: str
    normal: bytes
    appender: bytes

    @property
    def missing(self) -> bytes:
        """A well-formed name that belongs to no file."""
        return self.normal[:-3] + b"jpg"

    @property
    def missing_appender(self) -> bytes:
        return self.appender[:-3] + b"jpg"


@asynccontextmanager
async def sample_on(tracker: str) -> AsyncIterator[Sample]:
    storage = await storage_for_upload(tracker)
    sample = Sample(storage, await upload(storage), await upload(storage, command=Command.UPLOAD_APPENDER))
    try:
        yield sample
    finally:
        async with raw_connection(storage) as connection:
            await connection.ask(Command.DELETE, GROUP + sample.normal)
            await connection.ask(Command.DELETE, GROUP + sample.appender)


async def storage_for_upload(tracker: str, group: bytes = GROUP) -> str:
    async with raw_connection(tracker) as connection:
        reply = accepted(await connection.ask(Command.STORE_IN_GROUP, group))
    return address_in(reply.body[:-1])


async def source_of(tracker: str, file_id: str) -> str:
    """The storage that took a file, while it is up."""
    group, _, name = file_id.partition("/")
    async with raw_connection(tracker) as connection:
        reply = accepted(await connection.ask(Command.UPDATE, text_field(group, GROUP_FIELD) + name.encode()))
    return address_in(reply.body)


def address_in(body: bytes) -> str:
    """Of the one storage that a tracker's reply (without store path) names."""
    (port,) = read_numbers(body[-8:], 1)
    return f"{field_text(body[GROUP_FIELD:-8]).decode('ascii')}:{port}"


async def upload(storage: str, content: bytes = CONTENT, *, command: int = Command.UPLOAD) -> bytes:
    async with raw_connection(storage) as connection:
        reply = accepted(await connection.ask(command, upload_body(content)))
    return reply.body[GROUP_FIELD:]


async def download(storage: str, name: bytes) -> bytes:
    async with raw_connection(storage) as connection:
        return accepted(await connection.ask(Command.DOWNLOAD, numbers(0, 0) + GROUP + name)).body


def upload_body(
    content: bytes = CONTENT, *, path: int = 0, extension: bytes = b"txt", size: int | None = None
) -> bytes:
    announced = numbers(len(content) if size is None else size)
    return bytes([path]) + announced + extension.ljust(EXTENSION_FIELD, b"\0") + content


def accepted(reply: RawReply | None) -> RawReply:
    assert reply is not None, "the server closed the connection instead of answering"
    assert reply.status == Status.OK, f"status {reply.status}"
    return reply
