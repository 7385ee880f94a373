"""Requests that change what is stored: pieces of appender files, slave files."""

import struct
from typing import Final

from aiofdfs.async_fdfs_protol import (
    FDFS_FILE_EXT_NAME_MAX_LEN,
    FDFS_FILE_PREFIX_MAX_LEN,
    STORAGE_PROTO_CMD_MODIFY_FILE,
    STORAGE_PROTO_CMD_TRUNCATE_FILE,
    STORAGE_PROTO_CMD_UPLOAD_APPENDER_FILE,
    STORAGE_PROTO_CMD_UPLOAD_SLAVE_FILE,
)

from s3py_helper.adapters.fastdfs.protocol import messages
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.domain.file_id import FileId

MAX_PREFIX: Final[int] = FDFS_FILE_PREFIX_MAX_LEN
"""Longest prefix of a slave file in bytes."""

_TWO_NUMBERS: Final = struct.Struct("!QQ")
_THREE_NUMBERS: Final = struct.Struct("!QQQ")
_SLAVE_FIELDS: Final = struct.Struct(f"!QQ{FDFS_FILE_PREFIX_MAX_LEN}s{FDFS_FILE_EXT_NAME_MAX_LEN}s")


async def new_appender(client: StorageClient, path_index: int, extension: str, content: bytes) -> FileId:
    """Make an appender file with its first bytes."""
    fields = messages.upload_fields(path_index, len(content), extension)
    reply = await _send(client, STORAGE_PROTO_CMD_UPLOAD_APPENDER_FILE, fields, content)
    return messages.read_new_id(reply, client.connection.peer)


async def new_slave(client: StorageClient, master: str, prefix: str, extension: str, content: bytes) -> FileId:
    """Store a slave file, whose name is the master's followed by the prefix."""
    fields = _SLAVE_FIELDS.pack(len(master), len(content), prefix.encode(), extension.encode()) + master.encode()
    reply = await _send(client, STORAGE_PROTO_CMD_UPLOAD_SLAVE_FILE, fields, content)
    return messages.read_new_id(reply, client.connection.peer)


async def modify(client: StorageClient, name: str, offset: int, content: bytes) -> None:
    """Write bytes, at least one, over those of an appender file from `offset` on; they may reach beyond its end."""
    fields = _THREE_NUMBERS.pack(len(name), offset, len(content)) + name.encode()
    await _send(client, STORAGE_PROTO_CMD_MODIFY_FILE, fields, content)


async def truncate(client: StorageClient, name: str, size: int) -> None:
    """Change the size of an appender file. A server that has nothing to do replies with the request itself."""
    await _send(client, STORAGE_PROTO_CMD_TRUNCATE_FILE, _TWO_NUMBERS.pack(len(name), size) + name.encode(), b"")


async def _send(client: StorageClient, command: int, fields: bytes, content: bytes) -> bytes:
    await client.connection.send(messages.request(command, len(fields) + len(content), fields))
    if content:
        await client.connection.send(content)
    return await messages.reply(client.connection)
