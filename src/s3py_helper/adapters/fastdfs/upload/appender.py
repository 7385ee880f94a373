"""A file of unknown size as an appender file: for where there is no folder in which it could wait for its size.

It stays one, so its id tells neither size nor checksum: made a normal file at its end and deleted soon after, it could
stay on a replica for ever (see `StorageClient.regenerate`).
"""

from typing import Final

from s3py_helper.adapters.fastdfs.protocol import changes
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, ProtocolFault
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.adapters.fastdfs.routing.trackers import UploadTarget
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.adapters.fastdfs.upload.blocks import Blocks
from s3py_helper.adapters.fastdfs.upload.new_file import NewFile
from s3py_helper.adapters.fastdfs.upload.rollback import Rollback
from s3py_helper.domain.errors import IntegrityException
from s3py_helper.domain.file_id import Backend, FileId

_PIECE_BYTES: Final = 512 * 1024
"""Appended at a time: each piece is a request of its own."""


async def stored_as_appender(
    file: NewFile,
    blocks: Blocks,
    session: FastdfsSession,
    target: UploadTarget,
    connection: FramedConnection,
) -> FileId:
    """Store a file with its metadata, or nothing.

    Args:
        file: The file.
        blocks: Its bytes. Those that it holds already, at least one, go with the first request.
        session: The connections.
        target: Where it goes.
        connection: A connection to that server. It is released after the first bytes: a slow source holds none.
    """
    rollback = Rollback(session, target.address)

    async def beginning() -> FileId:
        async with connection:
            first = await blocks.take(1)
            client = StorageClient(connection, target.group)
            try:
                return await changes.new_appender(client, target.path_index, file.extension, first)
            except (ConnectionFault, ProtocolFault) as fault:
                rollback.report_lost_reply(len(first), fault)
                raise

    file_id = await rollback.settled(beginning())
    try:
        pool = session.storage(target.address)
        while block := await blocks.take(_PIECE_BYTES):
            # Never repeated: the server might have the bytes already.
            async with await pool.get_connection(long=True) as appending:
                await StorageClient(appending, target.group).append(file_id.key, block)
            del block  # not kept while the next one comes
        async with await pool.get_connection(long=True) as ending:
            client = StorageClient(ending, target.group)
            _verify(file, (await client.stat(file_id.key)).size)
            await client.set_metadata(file_id.key, dict(file.metadata))
    except BaseException:  # whatever happened: half a file is none
        await rollback.remove(file_id)
        raise
    return file_id


def _verify(file: NewFile, stored: int) -> None:
    if stored != file.body.received:
        raise IntegrityException(
            f"upload: {file.body.received} bytes were sent, the server has stored {stored}",
            operation="upload",
            backend=Backend.FASTDFS,
        )
