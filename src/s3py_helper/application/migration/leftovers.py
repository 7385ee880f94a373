"""What dead workers have left in S3: multipart uploads that nobody will finish, and objects of their probes."""

import time
from collections.abc import Callable
from typing import Final

from s3py_helper.application.ports.ledger import Ledger
from s3py_helper.application.ports.migration_target import MigrationTarget
from s3py_helper.application.ports.observer import Observer, RollbackFailed
from s3py_helper.domain.errors import InvalidArgumentException, StorageException
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.migration import PROBE, FileState, id_in_key

_PROBE_SECONDS: Final = 600.0
"""No probe takes longer."""


class Leftovers:
    """Removes what was left, and nothing that a worker still uses.

    Args:
        target: S3.
        ledger: Knows who works on which file, and which upload is to be resumed.
        prefix: The front of the keys.
        observer: Is notified of what could not be removed.
        clock: Gives Unix seconds.
    """

    def __init__(
        self,
        target: MigrationTarget,
        ledger: Ledger,
        prefix: str,
        observer: Observer,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._target = target
        self._ledger = ledger
        self._prefix = prefix
        self._observer = observer
        self._clock = clock

    async def remove(self) -> None:
        """Remove it all."""
        try:
            await self._abort_uploads()
            await self._remove_probes()
        except StorageException as error:
            self._observer.notify(RollbackFailed(Backend.S3, "what workers have left that died", error.message))

    async def _abort_uploads(self) -> None:
        # Listed first, looked up afterwards: whatever a worker has begun by now belongs to a file that it holds then.
        for key, upload_id in await self._target.uploads(f"{self._prefix}fastdfs/"):
            if await self._is_left(key, upload_id):
                await self._target.abort(key, upload_id)

    async def _is_left(self, key: str, upload_id: str) -> bool:
        try:
            file_id = id_in_key(self._prefix, key)
        except InvalidArgumentException:
            return False
        row = None if file_id is None else await self._ledger.find(file_id)
        if row is None or row.state is FileState.COPYING:
            return False
        return row.state is not FileState.PLANNED or row.upload_id != upload_id

    async def _remove_probes(self) -> None:
        front = f"{self._prefix}{PROBE}"
        for key, upload_id in await self._target.uploads(front):
            if self._is_old(key.removeprefix(front)):
                await self._target.abort(key, upload_id)
        async with self._target.list(front) as objects:
            old = [found.key async for found in objects if self._is_old(found.key.removeprefix(front))]
        for key in old:
            await self._target.delete(key)

    def _is_old(self, name: str) -> bool:
        """Whether the worker that made a probe, and wrote the time into its name, is done with it, dead or alive."""
        try:
            began = int(name.partition("-")[0], 16)
        except ValueError:
            return False
        return self._clock() - began > _PROBE_SECONDS
