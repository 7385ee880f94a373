"""Files that may still change, until they are turned into normal ones.

A change that changes nothing is answered with "ok" *and the request itself*: the server forgets to set the length of
its reply and sends its buffer back.
"""

from dataclasses import replace

from tests.support.fastdfs.exchange import Refusal, Reply, Request
from tests.support.fastdfs.file_commands import received
from tests.support.fastdfs.names import StoredName
from tests.support.fastdfs.protocol import GROUP_FIELD, Command, Status, read_numbers, text_field
from tests.support.fastdfs.server import Handler
from tests.support.fastdfs.shelf import Shelf


class AppenderCommands:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._files = shelf.files

    def handlers(self) -> dict[Command, Handler]:
        handlers: dict[Command, Handler] = {
            Command.APPEND: self._append,
            Command.MODIFY: self._modify,
            Command.TRUNCATE: self._truncate,
        }
        if self._shelf.settings.regenerates_appenders:
            handlers[Command.REGENERATE] = self._regenerate
        return handlers

    async def _append(self, request: Request) -> Reply:
        head = await request.read(16)
        name_length, size = read_numbers(head, 2)
        name = await self._read_name(request, name_length, size)
        end = self._shelf.find_appender(name).content.size
        return await self._write(request, name, end) if size else Reply.of(head + name)

    async def _modify(self, request: Request) -> Reply:
        head = await request.read(24)
        name_length, offset, size = read_numbers(head, 3)
        name = await self._read_name(request, name_length, size)
        if not 0 <= offset <= self._shelf.find_appender(name).content.size:
            raise Refusal(Status.INVALID)
        return await self._write(request, name, offset) if size else Reply.of(head + name)

    async def _truncate(self, request: Request) -> Reply:
        head = await request.read(16)
        name_length, size = read_numbers(head, 2)
        name = await self._read_name(request, name_length, 0)
        file = self._shelf.find_appender(name)
        if size < 0:
            raise Refusal(Status.INVALID)
        if size == file.content.size:
            return Reply.of(head + name)
        self._shelf.publish(name, self._files.resize(name, size))
        return Reply()

    async def _regenerate(self, request: Request) -> Reply:
        name = await request.body()
        file = self._shelf.find_appender(name)
        content = file.content
        normal = replace(
            StoredName.issued(name),
            created=file.modified,
            size=content.size,
            crc32=content.crc32(),
            is_appender=False,
        )
        new_name = self._shelf.new_name(normal)
        self._shelf.publish(new_name, self._files.finish(name, new_name))
        return Reply.of(text_field(self._shelf.group, GROUP_FIELD) + new_name)

    async def _read_name(self, request: Request, length: int, size: int) -> bytes:
        """The name of announced length, provided that `size` bytes of content and nothing else follow it."""
        if length < 1 or size < 0 or length + size != request.unread:
            raise Refusal(Status.INVALID)
        return await request.read(length)

    async def _write(self, request: Request, name: bytes, offset: int) -> Reply:
        piece, _ = await received(request)
        self._shelf.find_appender(name)  # it may have been deleted while the bytes came in
        self._shelf.publish(name, self._files.write(name, offset, piece))
        return Reply()
