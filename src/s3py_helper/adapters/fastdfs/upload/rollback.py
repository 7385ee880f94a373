"""Leaving nothing behind.

A storage server drops an upload whose connection closes before the last byte. From the last byte on the file may be
there while its id is still under way: then the end of the exchange is waited for, and the file deleted by its id.
Only when the server or the network fails between the last byte and the answer does nobody learn the id of a file that
may have been stored.
"""

import asyncio
import contextlib
from collections.abc import Coroutine

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import Fault
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.file_id import FileId


async def roll_back(session: FastdfsSession, storage: Address, file_id: FileId) -> None:
    """Delete a file that must not stay. Where that fails the error that led here is the one to report."""

    async def delete(connection: FramedConnection) -> None:
        await StorageClient(connection, file_id.bucket).delete(file_id.key)

    with contextlib.suppress(Fault):
        await session.talk(storage, delete)


async def settled(
    session: FastdfsSession, storage: Address, connection: FramedConnection, ending: Coroutine[None, None, FileId]
) -> FileId:
    """Run to its end what may store a file over the connection, whoever is cancelled; a cancelled caller gets none."""
    task = asyncio.ensure_future(ending)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await completed(_roll_back_result(session, storage, connection, task))
        raise


async def _roll_back_result(
    session: FastdfsSession, storage: Address, connection: FramedConnection, task: asyncio.Future[FileId]
) -> None:
    try:
        file_id = await task
    except (Fault, StorageException):
        return  # it has left nothing itself
    connection.release()  # it may be the only one that the pool has
    await roll_back(session, storage, file_id)
