"""aiofdfs' storage client over one of our connections, with the commands that it lacks."""

from types import TracebackType
from typing import TYPE_CHECKING, Final, cast

from aiofdfs.async_fdfs_protol import (
    STORAGE_PROTO_CMD_APPEND_FILE,
    STORAGE_PROTO_CMD_DOWNLOAD_FILE,
    STORAGE_PROTO_CMD_GET_METADATA,
    STORAGE_PROTO_CMD_QUERY_FILE_INFO,
    STORAGE_PROTO_CMD_SET_METADATA,
    STORAGE_PROTO_CMD_UPLOAD_FILE,
    STORAGE_SET_METADATA_FLAG_MERGE,
    STORAGE_SET_METADATA_FLAG_OVERWRITE,
    Storage_server,
)
from aiofdfs.async_storage_client import Async_Storage_Client

from s3py_helper.adapters.fastdfs.protocol import messages
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, ServerRefusal
from s3py_helper.domain.file_id import FileId

if TYPE_CHECKING:
    from aiofdfs import AsyncConnectionPool

NOT_FOUND: Final = 2

_BYTES_READ_A_SECOND: Final = 16 * 1024 * 1024
"""The least that a busy server reads. From the page cache it reads 100 MiB a second and more."""

_REGENERATE_APPENDER: Final = 38
_WITHOUT_CRC32: Final = 1
"""Flag of a file query: without it an appender file is read to its end for a checksum."""


def seconds_to_read(size: int) -> float:
    """What a server may take, on top of the usual timeouts, for commands that make it read a whole file first."""
    return size / _BYTES_READ_A_SECOND


class StorageClient(Async_Storage_Client):
    """The commands of one storage server, one after the other over a connection that the caller owns."""

    def __init__(self, connection: FramedConnection, group: str) -> None:
        # Not super().__init__(): it would open a pool of its own, and a task for it.
        self.pool = cast("AsyncConnectionPool", _Lent(connection))
        self.connection = connection
        self.group = group

    async def active_test(self) -> None:
        """Return when the server replies."""
        await messages.ask(self.connection, messages.ACTIVE_TEST)

    async def delete(self, name: str) -> None:
        """Remove a file."""
        await self.storage_delete_file(self._server(), name)  # type: ignore[no-untyped-call]  # few annotations

    async def set_metadata(self, name: str, pairs: dict[str, str], *, merge: bool = False) -> None:
        """Replace a file's metadata or, with `merge`, only the pairs of the same names."""
        flag = STORAGE_SET_METADATA_FLAG_MERGE if merge else STORAGE_SET_METADATA_FLAG_OVERWRITE
        fields = messages.metadata_fields(self.group, name, pairs, flag)
        await messages.ask(self.connection, STORAGE_PROTO_CMD_SET_METADATA, fields)

    async def metadata(self, name: str) -> bytes | None:
        """A file's metadata as stored; `None` where there are none, or no file."""
        try:
            return await messages.ask(self.connection, STORAGE_PROTO_CMD_GET_METADATA, self._file(name))
        except ServerRefusal as refusal:
            if refusal.status != NOT_FOUND:
                raise
            if not self.connection.is_reusable:
                raise ConnectionFault(
                    refusal.peer, "the file went away while it was looked at", stale=True
                ) from refusal
            return None

    async def stat(self, name: str) -> messages.FileStat:
        """Size and time of a file."""
        reply = await messages.ask(
            self.connection, STORAGE_PROTO_CMD_QUERY_FILE_INFO, self._file(name), flags=_WITHOUT_CRC32
        )
        return messages.read_stat(reply, self.connection.peer)

    async def summed_stat(self, name: str, size: int) -> tuple[messages.FileStat, int]:
        """The same with the file's CRC-32. For an appender or slave file the server reads all `size` bytes of it."""
        reply = await messages.ask(
            self.connection, STORAGE_PROTO_CMD_QUERY_FILE_INFO, self._file(name), allowance=seconds_to_read(size)
        )
        return messages.read_stat(reply, self.connection.peer), messages.read_crc32(reply)

    async def begin_download(self, name: str, offset: int, size: int) -> int:
        """Ask for bytes, return how many will come; they are then received from the connection."""
        fields = messages.download_fields(self.group, name, offset, size)
        await self.connection.send(messages.request(STORAGE_PROTO_CMD_DOWNLOAD_FILE, len(fields), fields))
        length = await self.connection.begin_reply()
        self.connection.expect_content()
        return length

    async def begin_upload(self, path_index: int, size: int, extension: str) -> None:
        """Announce a file of `size` bytes; they are then sent over the connection."""
        fields = messages.upload_fields(path_index, size, extension)
        await self.connection.send(messages.request(STORAGE_PROTO_CMD_UPLOAD_FILE, len(fields) + size, fields))

    async def end_upload(self) -> FileId:
        """The id that the file was given."""
        return messages.read_new_id(await messages.reply(self.connection), self.connection.peer)

    async def append(self, name: str, content: bytes) -> None:
        """Append bytes, at least one, to an appender file."""
        fields = messages.append_fields(name, len(content))
        await self.connection.send(messages.request(STORAGE_PROTO_CMD_APPEND_FILE, len(fields) + len(content), fields))
        await self.connection.send(content)
        await messages.reply(self.connection)

    async def regenerate(self, name: str, size: int) -> FileId:
        """Make an appender file a normal one, whose new name tells its size and CRC-32 (servers from 6.02 on).

        The server reads all `size` bytes of it before it replies. A replica that gets to the change of name only after
        the file's deletion keeps the file under its old name for ever: do not regenerate what may soon be deleted.
        """
        allowance = seconds_to_read(size)
        reply = await messages.ask(self.connection, _REGENERATE_APPENDER, name.encode(), allowance=allowance)
        return messages.read_new_id(reply, self.connection.peer)

    def _server(self) -> Storage_server:
        address = self.connection.peer.address
        return messages.storage_server(self.group.encode(), address.host.encode(), address.port)

    def _file(self, name: str) -> bytes:
        return messages.group_field(self.group) + name.encode()


class _Lent:
    """Stands in for a pool: lends the same connection to every command."""

    def __init__(self, connection: FramedConnection) -> None:
        self._connection = connection

    async def get_connection(self) -> "_Lent":
        return self

    async def __aenter__(self) -> FramedConnection:
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass
