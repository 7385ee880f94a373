"""Upload, download, information and delete."""

import time
import zlib
from typing import Final

from tests.support.fastdfs.content import Content
from tests.support.fastdfs.exchange import Refusal, Reply, Request
from tests.support.fastdfs.names import EXTENSION_PATTERN, StoredName, is_slaves, random_tail, slave_name
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
from tests.support.fastdfs.server import Handler
from tests.support.fastdfs.shelf import Shelf

_UPLOAD_HEAD: Final = 1 + 8 + EXTENSION_FIELD
_SLAVE_HEAD: Final = 8 + 8 + 16 + EXTENSION_FIELD
_RANGE: Final = 8 + 8
_ANY_PATH: Final = 0xFF
_WITHOUT_CRC: Final = 1


class FileCommands:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def handlers(self) -> dict[Command, Handler]:
        return {
            Command.UPLOAD: self._upload,
            Command.UPLOAD_APPENDER: self._upload,
            Command.UPLOAD_SLAVE: self._upload_slave,
            Command.DOWNLOAD: self._download,
            Command.QUERY_INFO: self._info,
            Command.DELETE: self._delete,
            Command.ACTIVE_TEST: self._active_test,
        }

    async def _upload(self, request: Request) -> Reply:
        head = await request.read(_UPLOAD_HEAD)
        (size,) = read_numbers(head[1:], 1)
        extension = field_text(head[-EXTENSION_FIELD:])
        is_acceptable = size == request.unread and head[0] in {0, _ANY_PATH}
        if not is_acceptable or not EXTENSION_PATTERN.fullmatch(extension):
            raise Refusal(Status.INVALID)
        content, crc = await received(request)
        is_appender = request.command == Command.UPLOAD_APPENDER
        stored = StoredName(
            self._shelf.source, int(time.time()), size, crc, random_tail(extension), is_appender=is_appender
        )
        name = self._shelf.new_name(stored)
        self._shelf.publish(name, self._shelf.files.put(name, content, is_appender=is_appender))
        return Reply.of(text_field(self._shelf.group, GROUP_FIELD) + name)

    async def _upload_slave(self, request: Request) -> Reply:
        head = await request.read(_SLAVE_HEAD)
        name_length, size = read_numbers(head, 2)
        prefix, extension = field_text(head[16:32]), field_text(head[32:])
        if not 0 < name_length == request.unread - size or not prefix or not EXTENSION_PATTERN.fullmatch(extension):
            raise Refusal(Status.INVALID)
        master = await request.read(name_length)
        if prefix == b"-m" and not extension:  # its name would be that of its master's metadata
            raise Refusal(Status.INVALID)
        self._shelf.find(master)
        content, _ = await received(request)
        name = slave_name(master, prefix, extension)
        if name in self._shelf.files:
            raise Refusal(Status.EXISTS)
        self._shelf.publish(name, self._shelf.files.put(name, content, is_appender=False))
        return Reply.of(text_field(self._shelf.group, GROUP_FIELD) + name)

    async def _download(self, request: Request) -> Reply:
        offset, length = read_numbers(await request.read(_RANGE), 2)
        file = self._shelf.find(await self._shelf.read_target(request))
        left = file.content.size - offset
        if offset < 0 or length < 0 or left < 0:
            raise Refusal(Status.INVALID)
        if left == 0 if self._shelf.settings.refuses_empty_ranges else length > left:
            raise Refusal(Status.INVALID)
        length = min(length or left, left)
        return Reply(length=length, body=file.content.pieces(offset, length))

    async def _info(self, request: Request) -> Reply:
        name = await self._shelf.read_target(request)
        file = self._shelf.find(name)
        stored = StoredName.issued(name)
        crc = stored.crc32
        if file.is_appender or is_slaves(name):
            crc = 0 if request.flags & _WITHOUT_CRC else file.content.crc32()
        signed_crc = int.from_bytes(crc.to_bytes(4), signed=True)
        source = self._shelf.host if stored.source == self._shelf.source else stored.address
        address = text_field(source, self._shelf.settings.address_size + 1)
        return Reply.of(numbers(file.content.size, file.modified, signed_crc) + address)

    async def _delete(self, request: Request) -> Reply:
        name = await self._shelf.read_target(request)
        self._shelf.find(name)
        self._shelf.publish(name, self._shelf.files.delete(name))
        return Reply()

    async def _active_test(self, request: Request) -> Reply:
        if request.length:
            raise Refusal(Status.INVALID)
        return Reply()


async def received(request: Request) -> tuple[Content, int]:
    """The rest of the request and its CRC-32. Nothing of it is kept when the client leaves before its end."""
    content, crc = Content(), 0
    async for piece in request.pieces():
        content.append(piece)
        crc = zlib.crc32(piece, crc)
    return content, crc
