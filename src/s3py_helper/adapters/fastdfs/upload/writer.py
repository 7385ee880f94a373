"""Storing files."""

from pathlib import Path
from typing import Final

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.deadline import within
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, ProtocolFault
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers, UploadTarget
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.adapters.fastdfs.upload.appender import stored_as_appender
from s3py_helper.adapters.fastdfs.upload.blocks import Blocks
from s3py_helper.adapters.fastdfs.upload.new_file import NewFile
from s3py_helper.adapters.fastdfs.upload.rollback import Rollback
from s3py_helper.adapters.fastdfs.upload.spool import lacks_folder, spooled
from s3py_helper.application.ports.observer import FailedOver, FallbackTaken
from s3py_helper.domain.errors import InvalidArgumentException, StorageException
from s3py_helper.domain.file_id import Backend, FileId

_SENT_TOGETHER: Final = 64 * 1024
_CONNECT_ATTEMPTS: Final = 3


class BlobWriter:
    """Sends files to the storage servers that trackers name."""

    def __init__(self, config: FastdfsConfig, session: FastdfsSession, trackers: Trackers) -> None:
        self._session = session
        self._trackers = trackers
        self._spool_memory = config.spool_memory
        self._lack_reported = False
        self._spool_directory = None if config.spool_directory is None else Path(config.spool_directory)

    async def store(self, file: NewFile) -> FileId:
        """Store a file with its metadata, or nothing."""
        blocks = Blocks(file.body)
        size = file.body.size
        if size is not None:
            return await self._store(file, size, blocks)
        held = await blocks.hold(self._spool_memory + 1)
        if blocks.ended:
            return await self._store(file, held, blocks)
        if (lack := lacks_folder(self._spool_directory)) is not None:
            self._report_lack(lack)
            target, connection = await self._connect(long=True)
            return await stored_as_appender(file, blocks, self._session, target, connection)
        async with spooled(blocks, self._spool_directory) as (size, content):
            return await self._store(file, size, content)

    def _report_lack(self, lack: str) -> None:
        if not self._lack_reported:
            self._lack_reported = True
            what = "temporary files for uploads of unknown size: these become appender files"
            self._session.observer.notify(FallbackTaken(Backend.FASTDFS, what, lack))

    async def _store(self, file: NewFile, size: int, blocks: Blocks) -> FileId:
        """Store it in one request. Its last bytes are sent only once the source has ended as it should."""
        first = await blocks.take(_SENT_TOGETHER)
        in_one_piece = len(first) == size <= _SENT_TOGETHER
        if in_one_piece:
            await _expect_end(blocks, size)
        # A single piece is at hand: sending it is over soon, however slow its source was.
        target, connection = await self._connect(long=not in_one_piece)
        client = StorageClient(connection, target.group)
        rollback = Rollback(self._session, target.address)
        last = memoryview(first)
        if not in_one_piece:
            try:
                await client.begin_upload(target.path_index, size, file.extension)
                last = await _send_all_but_the_last(connection, first, blocks, size)
            except BaseException:  # closing the unfinished request makes the server drop it
                connection.release()
                raise

        async def ending() -> FileId:
            async with connection:
                if in_one_piece:
                    await client.begin_upload(target.path_index, size, file.extension)
                if last:
                    await connection.send(last)
                try:
                    file_id = await client.end_upload()
                except (ConnectionFault, ProtocolFault) as fault:
                    rollback.report_lost_reply(size, fault)
                    raise
                return await _accepted(file, file_id, client, rollback)

        return await rollback.settled(ending())

    async def _connect(self, *, long: bool) -> tuple[UploadTarget, FramedConnection]:
        """Connect to a server that takes the file: trackers name another one each time, so one may be down."""
        with within(self._session, self._session.opening_timeout, "upload"):
            for _ in range(_CONNECT_ATTEMPTS - 1):
                target = await self._trackers.place_for_new_file()
                try:
                    return target, await self._session.storage(target.address).get_connection(long=long)
                except ConnectionFault as fault:
                    event = FailedOver(Backend.FASTDFS, str(target.address), None, fault.message)
                    self._session.observer.notify(event)
            target = await self._trackers.place_for_new_file()
            return target, await self._session.storage(target.address).get_connection(long=long)


async def _accepted(file: NewFile, file_id: FileId, client: StorageClient, rollback: Rollback) -> FileId:
    """Complete a stored file with its metadata, or delete it."""
    try:
        file.verify(file_id)
        await client.set_metadata(file_id.key, dict(file.metadata))
    except BaseException:  # a file without its metadata is not what was asked for
        client.connection.release()
        await rollback.remove(file_id)
        raise
    return file_id


async def _send_all_but_the_last(connection: FramedConnection, first: bytes, blocks: Blocks, size: int) -> memoryview:
    block, sent = first, 0
    while sent + len(block) < size:
        if not block:
            raise _wrong_size(sent, size)
        await connection.send(block)
        sent += len(block)
        block = await blocks.take(_SENT_TOGETHER)
    await _expect_end(blocks, size)
    # What is kept back is sent even if the caller is cancelled meanwhile, so it must be little.
    final = memoryview(block)
    if len(final) > _SENT_TOGETHER:
        await connection.send(final[:-_SENT_TOGETHER])
    return final[-_SENT_TOGETHER:]


async def _expect_end(blocks: Blocks, size: int) -> None:
    # The body itself raises when it has more; a temporary file that does has been tampered with.
    if surplus := await blocks.take(1):
        raise _wrong_size(size + len(surplus), size)


def _wrong_size(seen: int, size: int) -> StorageException:
    return InvalidArgumentException(
        f"the file has {seen} bytes or more, {size} were declared", operation="upload", backend=Backend.FASTDFS
    )
