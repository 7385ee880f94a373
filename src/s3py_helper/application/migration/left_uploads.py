"""Multipart uploads that nobody will finish: their worker died, or their file was deleted meanwhile."""

from s3py_helper.application.ports.ledger import Ledger
from s3py_helper.application.ports.migration_target import MigrationTarget
from s3py_helper.application.ports.observer import Observer, RollbackFailed
from s3py_helper.domain.errors import InvalidArgumentException, StorageException
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.migration import FileState, id_in_key


class LeftUploads:
    """Aborts what is left, and nothing that a worker goes on with.

    Args:
        target: S3.
        ledger: Knows who works on which file, and which upload is to be resumed.
        prefix: The front of the keys of moved files.
        observer: Is notified of what could not be aborted.
    """

    def __init__(self, target: MigrationTarget, ledger: Ledger, prefix: str, observer: Observer) -> None:
        self._target = target
        self._ledger = ledger
        self._prefix = prefix
        self._observer = observer

    async def abort(self) -> int:
        """Abort them; gives how many."""
        aborted = 0
        try:
            # Listed first, looked up after: what a worker has begun by now is of a file that it holds then.
            for key, upload_id in await self._target.uploads(f"{self._prefix}fastdfs/"):
                if await self._is_left(key, upload_id):
                    await self._target.abort(key, upload_id)
                    aborted += 1
        except StorageException as error:
            self._observer.notify(RollbackFailed(Backend.S3, "multipart uploads that nobody finishes", error.message))
        return aborted

    async def _is_left(self, key: str, upload_id: str) -> bool:
        try:
            file_id = id_in_key(self._prefix, key)
        except InvalidArgumentException:
            return False
        row = None if file_id is None else await self._ledger.find(file_id)
        if row is None or row.state is FileState.COPYING:
            return False
        return row.state is not FileState.PLANNED or row.upload_id != upload_id
