"""Normal, appender and slave files by the bare protocol, deleted when they are no longer needed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from s3py_helper.domain.file_id import Backend, FileId
from tests.support.fastdfs.protocol import (
    EXTENSION_FIELD,
    GROUP_FIELD,
    Command,
    Status,
    field_text,
    numbers,
    text_field,
)
from tests.support.fastdfs.raw import raw_connection
from tests.support.fastdfs.samples import accepted, address_in, storage_for_upload, upload_body


class RawFiles:
    """Implements `SpecialFiles`."""

    def __init__(self, tracker: str, group: str = "group1") -> None:
        self._tracker = tracker
        self._group = text_field(group, GROUP_FIELD)
        self._made: list[FileId] = []

    async def upload(self, content: bytes, extension: str = "txt") -> FileId:
        return await self._upload(Command.UPLOAD, content, extension)

    async def upload_appender(self, content: bytes) -> FileId:
        return await self._upload(Command.UPLOAD_APPENDER, content, "txt")

    async def append(self, file_id: FileId, content: bytes) -> None:
        name = file_id.key.encode()
        await self._at_source(file_id, Command.APPEND, numbers(len(name), len(content)) + name + content)

    async def regenerate(self, file_id: FileId) -> FileId:
        return self._noted(await self._at_source(file_id, Command.REGENERATE, file_id.key.encode()))

    async def upload_slave(self, master: FileId, prefix: str, extension: str, content: bytes) -> FileId:
        name = master.key.encode()
        head = numbers(len(name), len(content)) + text_field(prefix, 16) + text_field(extension, EXTENSION_FIELD)
        return self._noted(await self._at_source(master, Command.UPLOAD_SLAVE, head + name + content))

    async def set_metadata(self, file_id: FileId, metadata: bytes) -> None:
        name, group = file_id.key.encode(), text_field(file_id.bucket, GROUP_FIELD)
        body = numbers(len(name), len(metadata)) + b"O" + group + name + metadata
        await self._at_source(file_id, Command.SET_METADATA, body)

    async def delete(self, file_id: FileId) -> None:
        await self._at_source(file_id, Command.DELETE, _target(file_id))

    async def source_of(self, file_id: FileId) -> str:
        """The storage that took the file, while it is up."""
        async with raw_connection(self._tracker) as connection:
            reply = await connection.ask(Command.UPDATE, _target(file_id))
        assert reply is not None
        assert reply.status == Status.OK
        return address_in(reply.body)

    async def clean_up(self) -> None:
        for file_id in self._made:
            async with raw_connection(await self.source_of(file_id)) as connection:
                await connection.ask(Command.DELETE, _target(file_id))

    async def _upload(self, command: Command, content: bytes, extension: str) -> FileId:
        async with raw_connection(await storage_for_upload(self._tracker, self._group)) as connection:
            body = upload_body(content, extension=extension.encode())
            return self._noted(accepted(await connection.ask(command, body)).body)

    async def _at_source(self, file_id: FileId, command: Command, body: bytes) -> bytes:
        async with raw_connection(await self.source_of(file_id)) as connection:
            return accepted(await connection.ask(command, body)).body

    def _noted(self, reply: bytes) -> FileId:
        group, name = field_text(reply[:GROUP_FIELD]).decode(), reply[GROUP_FIELD:].decode()
        self._made.append(FileId(Backend.FASTDFS, group, name))
        return self._made[-1]


def _target(file_id: FileId) -> bytes:
    return text_field(file_id.bucket, GROUP_FIELD) + file_id.key.encode()


@asynccontextmanager
async def raw_files(tracker: str, group: str = "group1") -> AsyncGenerator[RawFiles]:
    files = RawFiles(tracker, group)
    try:
        yield files
    finally:
        await files.clean_up()
