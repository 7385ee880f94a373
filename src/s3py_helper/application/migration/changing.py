"""Files that change in FastDFS while their group moves: what is written is copied again."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.migration.kinds import kind_of
from s3py_helper.application.migration.moved_files import moved_place
from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.application.ports.change_notice import ChangeNotice
from s3py_helper.application.ports.ledger import Ledger, PlannedFile
from s3py_helper.application.ports.observer import Observer, RollbackFailed
from s3py_helper.domain.errors import (
    FileNotFoundException,
    InvalidArgumentException,
    RouteNotSupportedException,
    StorageException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import FileState, Route


class MigrationNotice:
    """Notifies the ledger of changes that bypass the use cases, made by clients of FastDFS alone.

    Args:
        ledger: The migration's memory.
        moved: The copies.
        observer: Is notified of what could not be noted.
    """

    def __init__(self, ledger: Ledger, moved: BlobStore, observer: Observer) -> None:
        self._ledger = ledger
        self._moved = moved
        self._observer = observer

    async def require_open(self, group: str) -> None:
        """See `ChangeNotice.require_open`."""
        if await self._ledger.route_of(group) is Route.S3_ONLY:
            raise RouteNotSupportedException(
                f"files of {group} are read from S3 alone: what is written to FastDFS would not be seen",
                backend=Backend.FASTDFS,
            )

    @asynccontextmanager
    async def writing(self, file_id: FileId) -> AsyncGenerator[None]:
        """See `ChangeNotice.writing`.

        Noted before, so that a crash after the change loses nothing, and afterwards, because a copy may have been made
        in between.
        """
        await self.require_open(file_id.bucket)
        row = await self._ledger.find(file_id)
        if row is not None and row.state is FileState.DELETED:
            raise FileNotFoundException(f"{file_id} has been deleted", file_id=str(file_id), backend=Backend.FASTDFS)
        await self._ledger.changed(file_id)
        try:
            yield
        finally:
            await completed(self._noted_again(file_id))

    async def replaced(self, old: FileId, new: FileId) -> None:
        """See `ChangeNotice.replaced`."""
        try:
            await self._ledger.plan([PlannedFile(new, kind_of(new))])
            await self._ledger.tombstone(old)
            with suppress(FileNotFoundException):
                await self._moved.delete(moved_place(old))
            await self._ledger.deletion_done(old)
        except StorageException as error:  # the next plan finds both
            self._observer.notify(RollbackFailed(Backend.FASTDFS, f"the copy of {old}, now {new}", error.message))

    async def require_new(self, file_id: FileId) -> None:
        """See `ChangeNotice.require_new`. Ids of slave files follow from those of their masters, and can come again."""
        row = await self._ledger.find(file_id)
        if row is not None and row.state is FileState.DELETED:
            raise InvalidArgumentException(
                f"{file_id} was deleted while its group moves, and stays deleted: choose another prefix",
                file_id=str(file_id),
                backend=Backend.FASTDFS,
            )

    async def _noted_again(self, file_id: FileId) -> None:
        try:
            await self._ledger.changed(file_id)
        except StorageException as error:  # the change is made, and must not be repeated for this
            self._observer.notify(RollbackFailed(Backend.FASTDFS, f"the copy of {file_id}", error.message))


_: type[ChangeNotice] = MigrationNotice
