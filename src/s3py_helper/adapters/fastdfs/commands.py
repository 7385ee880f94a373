"""What FastDFS can do beyond the port: appender files, slave files, changes of metadata."""

import errno
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from s3py_helper.adapters.fastdfs.deadline import within
from s3py_helper.adapters.fastdfs.errors import translated
from s3py_helper.adapters.fastdfs.metadata import pairs_in, pairs_to_store
from s3py_helper.adapters.fastdfs.protocol import changes
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, ProtocolFault, ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.adapters.fastdfs.routing.read_routing import Candidate, ReadRouting
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.adapters.fastdfs.upload.new_file import extension_of
from s3py_helper.adapters.fastdfs.upload.rollback import Rollback
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.ports.change_notice import ChangeNotice, NobodyToNotice
from s3py_helper.domain.arguments import require_number
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.fastdfs_name import decoded
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.text_rules import require_text, shortened

if TYPE_CHECKING:
    from collections.abc import Generator

_FIRST_TOO_LARGE: Final = 1 << 63
_PREFIX: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{changes.MAX_PREFIX}}}")


class FastdfsCommands:
    """Works on the servers of one session.

    A storage server writes the bytes of an appender file as they arrive, and keeps what it has of a request that breaks
    off: so changes of such files are finished even when their caller is cancelled.

    Args:
        session: The connections.
        trackers: Which servers there are.
        routing: Which of them to ask.
        notice: Is notified of changes.
    """

    def __init__(
        self,
        session: FastdfsSession,
        trackers: Trackers,
        routing: ReadRouting,
        notice: ChangeNotice | None = None,
    ) -> None:
        self._session = session
        self._trackers = trackers
        self._routing = routing
        self._notice = notice or NobodyToNotice()

    def noting(self, notice: ChangeNotice) -> "FastdfsCommands":
        """The same commands, which notify `notice` of changes."""
        return FastdfsCommands(self._session, self._trackers, self._routing, notice)

    async def create_appender(self, blob: NewBlob, content: bytes) -> FileId:
        """Store an appender file with its metadata, or nothing."""
        pairs = pairs_to_store(blob)
        with within(self._session, self._session.opening_timeout, "upload"):
            target = await self._trackers.place_for_new_file()
            connection = await self._session.storage(target.address).get_connection(long=True)
        with translated("upload"):
            client = StorageClient(connection, target.group)
            storing = changes.new_appender(client, target.path_index, extension_of(blob.file_name), content)
            return await self._stored(target.address, client, storing, len(content), pairs)

    async def create_slave(self, master: FileId, prefix: str, blob: NewBlob, content: bytes) -> FileId:
        """Store a file beside its master, with its metadata, or nothing."""
        if not _PREFIX.fullmatch(require_text(prefix, "prefix")):
            raise _invalid(
                f"the prefix of a slave file has 1 to {changes.MAX_PREFIX} of A-Z a-z 0-9 . _ -, got {prefix!r}"
            )
        pairs = pairs_to_store(blob)
        await self._notice.require_open(master.bucket)

        async def attempt(candidate: Candidate) -> FileId:
            connection = await self._session.storage(candidate.address).get_connection(long=True)
            client = StorageClient(connection, master.bucket)
            storing = changes.new_slave(client, master.key, prefix, extension_of(blob.file_name), content)
            return await self._stored(candidate.address, client, storing, len(content), pairs, self._notice.require_new)

        with translated("upload", master), _explained(errno.EEXIST, f"{master} has a slave of that name already"):
            return await self._routing.change_at_source(master, attempt)

    async def append(self, file_id: FileId, content: bytes) -> None:
        """Append bytes to an appender file. Not cut short by a cancellation."""
        if content:
            await completed(self._change("append", file_id, lambda client: client.append(file_id.key, content)))

    async def modify(self, file_id: FileId, offset: int, content: bytes) -> None:
        """Write bytes over those from `offset` on. Not cut short by a cancellation."""
        _check_position(offset)
        if content:
            change = self._change(
                "modify", file_id, lambda client: changes.modify(client, file_id.key, offset, content)
            )
            await completed(change)

    async def truncate(self, file_id: FileId, size: int) -> None:
        """Change the size of an appender file. Not cut short by a cancellation."""
        _check_position(size)
        await completed(self._change("truncate", file_id, lambda client: changes.truncate(client, file_id.key, size)))

    async def regenerate(self, file_id: FileId) -> FileId:
        """Make an appender file a normal one, and return its new id. Not cut short by a cancellation.

        A server of the group that gets to the change of name only after the new file was deleted keeps the old one for
        ever: do not delete such a file before the group's servers have had the time to follow each other.
        """

        async def regenerating() -> FileId:
            pairs = await self.metadata(file_id)
            size = await self._size(file_id)
            new_id = await self._change("finish", file_id, lambda client: client.regenerate(file_id.key, size))
            if pairs:  # the server forgets them
                await self.set_metadata(new_id, pairs, merge=False)
            await self._notice.replaced(file_id, new_id)
            return new_id

        return await completed(regenerating())

    async def metadata(self, file_id: FileId) -> dict[str, str]:
        """All pairs that are kept beside a file, including those of this kit."""

        async def attempt(candidate: Candidate) -> dict[str, str]:
            async def read(connection: FramedConnection) -> dict[str, str]:
                client = StorageClient(connection, file_id.bucket)
                stored = await client.metadata(file_id.key)
                if stored is None:
                    await client.stat(file_id.key)  # a server does not tell missing metadata from a missing file
                return pairs_in(stored or b"")

            return await self._session.talk(candidate.address, read)

        with within(self._session, self._session.operation_timeout, "metadata", file_id):
            return await self._routing.from_source(file_id, attempt)

    async def set_metadata(self, file_id: FileId, pairs: Mapping[str, str], *, merge: bool) -> None:
        """Replace all pairs that are kept beside a file, or only those of the same names."""

        async def attempt(candidate: Candidate) -> None:
            async with await self._session.storage(candidate.address).get_connection() as connection:
                await StorageClient(connection, file_id.bucket).set_metadata(file_id.key, dict(pairs), merge=merge)

        async with self._notice.writing(file_id):
            with within(self._session, self._session.operation_timeout, "metadata", file_id):
                await self._routing.change_at_source(file_id, attempt)

    async def crc32(self, file_id: FileId) -> int:
        """The CRC-32 of a file's bytes, as its server knows or computes it."""

        async def attempt(candidate: Candidate) -> int:
            async def ask(connection: FramedConnection) -> int:
                client = StorageClient(connection, file_id.bucket)
                _, crc32 = await client.summed_stat(file_id.key, (await client.stat(file_id.key)).size)
                return crc32

            return await self._session.talk(candidate.address, ask)

        with translated("info", file_id):
            return await self._routing.from_source(file_id, attempt)

    async def _size(self, file_id: FileId) -> int:
        async def attempt(candidate: Candidate) -> int:
            stat = await self._session.talk(
                candidate.address, lambda connection: StorageClient(connection, file_id.bucket).stat(file_id.key)
            )
            return stat.size

        with within(self._session, self._session.operation_timeout, "info", file_id):
            return await self._routing.from_source(file_id, attempt)

    async def _change[T](self, operation: str, file_id: FileId, change: Callable[[StorageClient], Awaitable[T]]) -> T:
        name = decoded(file_id.key)
        if name is not None and not name.appender:
            raise _invalid(f"{file_id} is no appender file: its bytes cannot change")

        async def attempt(candidate: Candidate) -> T:
            async with await self._session.storage(candidate.address).get_connection() as connection:
                return await change(StorageClient(connection, file_id.bucket))

        refused = f"the server refuses to {operation} {file_id}: it is no appender file, or has no such position"
        async with self._notice.writing(file_id):
            with translated(operation, file_id), _explained(errno.EINVAL, refused):
                return await self._routing.change_at_source(file_id, attempt)

    async def _stored(
        self,
        address: Address,
        client: StorageClient,
        storing: Coroutine[None, None, FileId],
        size: int,
        pairs: Mapping[str, str],
        check: Callable[[FileId], Awaitable[None]] | None = None,
    ) -> FileId:
        rollback = Rollback(self._session, address)

        async def ending() -> FileId:
            async with client.connection:
                try:
                    file_id = await storing
                except (ConnectionFault, ProtocolFault) as fault:
                    rollback.report_lost_reply(size, fault)
                    raise
                try:
                    if check is not None:
                        await check(file_id)
                    await client.set_metadata(file_id.key, dict(pairs))
                except BaseException:  # a file without its metadata, or that cannot be found, is not what was asked for
                    client.connection.release()
                    await rollback.remove(file_id)
                    raise
                return file_id

        return await rollback.settled(ending())


def _check_position(number: int) -> None:
    if require_number(number, "a position in a file", least=0) >= _FIRST_TOO_LARGE:
        raise _invalid(f"a position in a file is below 2^63, got {shortened(number)}")


@contextmanager
def _explained(status: int, message: str) -> "Generator[None]":
    """The exception for a refusal with that status, where the caller can do something about it."""
    try:
        yield
    except ServerRefusal as refusal:
        if refusal.status != status:
            raise
        raise _invalid(message) from refusal


def _invalid(message: str) -> InvalidArgumentException:
    return InvalidArgumentException(message, backend=Backend.FASTDFS)
