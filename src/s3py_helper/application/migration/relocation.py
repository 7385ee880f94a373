"""Where old ids are read and deleted, while their files move."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Final

from s3py_helper.application.migration.moved_files import moved_place
from s3py_helper.application.ports.ledger import Ledger, LedgerFile
from s3py_helper.application.ports.observer import Observer, RollbackFailed
from s3py_helper.application.ports.relocation import DeleteAt, Relocation
from s3py_helper.domain.errors import (
    FileNotFoundException,
    InvalidArgumentException,
    RouteNotSupportedException,
    StorageException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import FileKind, FileState, Route, id_in_key

ROUTES_SECONDS: Final = 2.0
"""Seconds for which a process may follow a route that another one has changed."""

_AWAY_SECONDS: Final = 1.0
"""Seconds for which no read asks a ledger that could not be read: each would wait as long as the one that found out."""


class MigrationRelocation:
    """Knows places by route and key; the ledger adds tombstones and exceptions.

    Args:
        ledger: The migration's memory.
        bucket: Where moved files are.
        prefix: The front of their keys.
        observer: Is notified of deletions that are left for later.
        reaches_fastdfs: Whether this deployment has FastDFS at all; without it only `s3-only` groups are served.
    """

    def __init__(
        self, ledger: Ledger, bucket: str, prefix: str, observer: Observer, *, reaches_fastdfs: bool = True
    ) -> None:
        self._ledger = ledger
        self._bucket = bucket
        self._prefix = prefix
        self._observer = observer
        self._reaches_fastdfs = reaches_fastdfs
        self._routes: dict[str, Route] | None = None
        self._routes_until = 0.0
        self._readings = ledger.hurried()
        self._away_until = 0.0
        self._away_because = ""

    async def places(self, file_id: FileId) -> Sequence[FileId]:
        """See `Relocation.places`."""
        if file_id.backend != Backend.FASTDFS:
            self._refuse_second_id(file_id)
            return (file_id,)
        route = await self._route_of(file_id.bucket)
        if route is Route.FASTDFS:
            # To serve the file where it has always been, nothing has to be known except whether it was deleted.
            row = None
            with suppress(StorageException):
                row = await self._found(file_id)
        else:
            row = await self._found(file_id)
        if row is not None and row.state is FileState.DELETED:
            raise _deleted(file_id)
        return self._places(file_id, route, row)

    async def delete(self, file_id: FileId, delete_at: DeleteAt) -> None:
        """See `Relocation.delete`. The tombstone comes first: from then on nothing brings the file back.

        What a server that is out of reach still holds is deleted later, by `sweep`.
        """
        if file_id.backend != Backend.FASTDFS:
            self._refuse_second_id(file_id)
            await delete_at(file_id)
            return
        if not await self._ledger.tombstone(file_id):
            raise _deleted(file_id)
        found, failures = await self._delete_at(self._all_places(file_id), file_id, delete_at)
        if failures:
            self._observer.notify(RollbackFailed(Backend.FASTDFS, f"the deleted file {file_id}", "; ".join(failures)))
        elif not found:
            await self._ledger.forget(file_id)
            raise FileNotFoundException(f"no such file: {file_id}", file_id=str(file_id), backend=Backend.FASTDFS)

    async def sweep(self, delete_at: DeleteAt, limit: int = 100) -> int:
        """Delete what is left of files that were deleted or are gone; returns how many are done.

        Servers may have been out of reach, and workers may have died between a copy and its removal.
        """
        done = 0
        after: FileId | None = None
        while page := await self._ledger.pending_deletions(limit, after):
            for file_id in page:
                done += await self._swept(file_id, delete_at)
            after = page[-1]
        return done

    async def _swept(self, file_id: FileId, delete_at: DeleteAt) -> bool:
        row = await self._ledger.find(file_id)
        is_gone = row is not None and row.state is FileState.GONE
        places = [moved_place(file_id)] if is_gone else self._all_places(file_id)
        _, failures = await self._delete_at(places, file_id, delete_at)
        return not failures

    def known_as(self, file_id: FileId) -> FileId | None:
        """See `Relocation.known_as`: the old id of a file that moved."""
        if not self._is_below_prefix(file_id):
            return file_id
        try:
            return id_in_key(self._prefix, file_id.key)
        except InvalidArgumentException:
            return None

    def _all_places(self, file_id: FileId) -> Sequence[FileId]:
        """FastDFS first: a copy that is made meanwhile checks the source after its PUT, and then finds nothing."""
        return (*([file_id] if self._reaches_fastdfs else []), moved_place(file_id))

    async def _delete_at(
        self, places: Sequence[FileId], file_id: FileId, delete_at: DeleteAt
    ) -> tuple[bool, list[str]]:
        """Whether the file was in any of the places, and what failed."""
        found = False
        failures: list[str] = []
        for place in places:
            try:
                await delete_at(place)
                found = True
            except FileNotFoundException:
                continue
            except StorageException as error:
                failures.append(str(error))
        if not failures:
            await self._ledger.deletion_done(file_id)
        return found, failures

    def _places(self, file_id: FileId, route: Route, row: LedgerFile | None) -> Sequence[FileId]:
        moved = moved_place(file_id)
        if route is Route.S3_ONLY:
            return (moved,)
        if not self._reaches_fastdfs:
            raise RouteNotSupportedException(
                f"group {file_id.bucket} is not 's3-only' yet, and this deployment has no FastDFS: {file_id}",
                file_id=str(file_id),
                backend=Backend.FASTDFS,
            )
        if route is Route.FASTDFS or (row is not None and _stays(row)):
            return (file_id,)
        return (moved, file_id)

    async def _route_of(self, group: str) -> Route:
        if monotonic() >= self._routes_until:
            try:
                self._routes = dict(await self._asked(self._readings.routes))
            except StorageException:
                # Routes seldom change: those that were known last serve while the ledger cannot be read.
                if self._routes is None:
                    raise
            self._routes_until = monotonic() + ROUTES_SECONDS
        return (self._routes or {}).get(group, Route.FASTDFS)

    async def _found(self, file_id: FileId) -> LedgerFile | None:
        return await self._asked(lambda: self._readings.find(file_id))

    async def _asked[T](self, question: Callable[[], Awaitable[T]]) -> T:
        """What the ledger knows, unless it could not be read a moment ago."""
        if monotonic() < self._away_until:
            raise StorageUnavailableException(self._away_because)
        try:
            return await question()
        except StorageUnavailableException as error:
            self._away_until, self._away_because = monotonic() + _AWAY_SECONDS, error.message
            raise

    def _is_below_prefix(self, file_id: FileId) -> bool:
        return (
            file_id.backend == Backend.S3
            and file_id.bucket == self._bucket
            and file_id.key.startswith(f"{self._prefix}fastdfs/")
        )

    def _refuse_second_id(self, file_id: FileId) -> None:
        """One object has one id: that of a moved file is its old one."""
        if self._is_below_prefix(file_id):
            known = self.known_as(file_id)
            raise InvalidArgumentException(
                f"{file_id} is a moved FastDFS file: use its id {known}"
                if known
                else f"{file_id} is no file of its own",
                file_id=str(file_id),
                backend=Backend.S3,
            )


def _stays(row: LedgerFile) -> bool:
    """Whether a file is still read from FastDFS although its group is read from S3 first.

    A file that is gone may have left an object that has not been removed yet.
    """
    return row.kind is FileKind.APPENDER or row.state in {FileState.QUARANTINED, FileState.GONE}


def _deleted(file_id: FileId) -> FileNotFoundException:
    return FileNotFoundException(f"{file_id} has been deleted", file_id=str(file_id), backend=Backend.FASTDFS)


_: type[Relocation] = MigrationRelocation
