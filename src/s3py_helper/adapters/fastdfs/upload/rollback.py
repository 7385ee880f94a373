"""Leaving nothing behind.

A storage server drops an upload whose connection closes before the last byte. From the last byte on the file may be
there before its id has arrived: so the exchange is finished first, and the file deleted by its id. Both go on in the
background when a server takes its time.

Only when the server or the network fails between the last byte and the reply is the id of a file lost that may have
been stored. The observer is notified of that.
"""

import asyncio
from collections.abc import Coroutine

from s3py_helper.adapters.fastdfs.errors import translated
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import Fault
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.errors import FileNotFoundException, StorageException
from s3py_helper.domain.file_id import Backend, FileId


class Rollback:
    """Removes what must not stay on one storage server."""

    def __init__(self, session: FastdfsSession, storage: Address) -> None:
        self._session = session
        self._storage = storage

    async def remove(self, file_id: FileId) -> None:
        """Delete a file, whatever becomes of the caller. Failures are reported: the first error is the one to raise."""
        await self._session.clean_up.run(Backend.FASTDFS, f"the file {file_id}", lambda: self._delete(file_id))

    async def settled(self, ending: Coroutine[None, None, FileId]) -> FileId:
        """Run what may store a file to its end; if the caller was cancelled, remove the file."""
        task = asyncio.ensure_future(ending)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_mark_as_seen)
            what = f"what an upload to {self._storage} has stored"
            await self._session.clean_up.run(Backend.FASTDFS, what, lambda: self._remove_result(task))
            raise

    def report_lost_reply(self, size: int, fault: Fault) -> None:
        """Notify the observer that a file may have been stored under an id that did not arrive."""
        what = f"a file of {size} bytes that {self._storage} may have stored under an id that did not arrive"
        self._session.observer.notify(RollbackFailed(Backend.FASTDFS, what, str(fault)))

    async def _remove_result(self, task: asyncio.Task[FileId]) -> None:
        try:
            file_id = await task
        except (Fault, StorageException):
            return  # it has left nothing behind, or reported what
        await self._delete(file_id)

    async def _delete(self, file_id: FileId) -> None:
        async def delete(connection: FramedConnection) -> None:
            await StorageClient(connection, file_id.bucket).delete(file_id.key)

        try:
            with translated("rollback", file_id):
                await self._session.talk(self._storage, delete)
        except FileNotFoundException:
            pass  # so it is gone


def _mark_as_seen(task: asyncio.Task[FileId]) -> None:
    if not task.cancelled():
        task.exception()
