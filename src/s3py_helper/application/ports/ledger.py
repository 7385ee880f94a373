"""The memory of a migration: which files there are, how far each has come, and who works on it.

It is not on the path of reads, except for tombstones and exceptions. Losing it loses no file: a new plan finds what is
there, and adopts it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState, Level, Route


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file that a plan has found.

    Attributes:
        file_id: Its FastDFS id.
        kind: What kind of file it is.
        size: Its size in bytes as its source reports it; `None` where nobody knows.
        crc32: CRC-32 of its content, where its id or its source tells the truth about it.
        mtime: Time of modification, Unix seconds.
        state: `PLANNED`; `GONE` where no server has it; `QUARANTINED` where it cannot be copied.
        reason: Why it will not be copied.
    """

    file_id: FileId
    kind: FileKind
    size: int | None = None
    crc32: int | None = None
    mtime: int | None = None
    state: FileState = FileState.PLANNED
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerFile:
    """A row of the ledger.

    Attributes:
        fence: Grows with every claim and with every change from outside; a worker whose fence is older has lost.
        attempts: How often a copy has been tried.
        next_at: Unix seconds before which it is not tried again.
        reason: Why it is where it is, in one line: a code, a colon, words.
        level: How far its copy is verified.
        proof: How it was proven, e.g. `crc32:id`, `crc32:server`, `two-reads`, `md5-etag`, `read-back`.
        key: The object's key.
        etag: The object's ETag.
        upload_id: The multipart upload in progress, to be resumed.
        changed_at: Unix seconds of the last change of state.
        verified_at: Unix seconds of the last successful verification.
        accepted: Quarantined, and accepted as such by an operator.
    """

    file_id: FileId
    kind: FileKind
    state: FileState
    fence: int
    size: int | None = None
    crc32: int | None = None
    mtime: int | None = None
    attempts: int = 0
    next_at: int = 0
    reason: str | None = None
    level: Level | None = None
    proof: str | None = None
    key: str | None = None
    etag: str | None = None
    upload_id: str | None = None
    changed_at: int = 0
    verified_at: int | None = None
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claimed file; takes effect only while the fence is the row's own.

    `None` leaves a fact as it is. `attempts` counts one more when `failed`.
    """

    file_id: FileId
    fence: int
    state: FileState
    reason: str | None = None
    failed: bool = False
    next_at: int | None = None
    size: int | None = None
    crc32: int | None = None
    mtime: int | None = None
    kind: FileKind | None = None
    level: Level | None = None
    proof: str | None = None
    key: str | None = None
    etag: str | None = None
    upload_id: str | None = None
    verified_at: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What a plan has to know of a file that is not new."""

    state: FileState
    seen: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """How many files of a group are in a state, and their bytes as far as known."""

    group: str
    state: FileState
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What workers keep to; read with every claim. `None` is no limit, `concurrency` None the worker's own default."""

    bytes_per_second: int | None = None
    files_per_second: int | None = None
    concurrency: int | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class ScannedSource:
    """One listing that a plan has read: a store path of a server, a file of ids, a folder, a query.

    Attributes:
        complete: Whether the listing ended as a whole one does. Proves little alone; see `docs/leaving-fastdfs.md`.
    """

    name: str
    group: str | None
    scanned_at: int
    files: int
    complete: bool


class Ledger(Protocol):
    """Rows, leases, fences. Several processes may work with one ledger at the same time.

    Raises, all methods alike:
        StorageUnavailableException: It cannot be read or written now (locked, disk full, connection lost).
        StorageOperationException: It is damaged, of a newer version, or belongs to another deployment.
    """

    async def plan(self, files: Sequence[PlannedFile], run: int = 0) -> int:
        """Add the files that are not known yet, and note of all that this run has seen them; gives how many were new.

        A known appender whose size or CRC-32 differs from what was copied goes back to `PLANNED` with a higher fence,
        and so does a `GONE` file that is there after all. Deleted files stay deleted.
        """
        ...

    async def known(self, file_ids: Sequence[FileId], run: int) -> Mapping[FileId, Known]:
        """Those of the files that are known, and whether this run has seen them already."""
        ...

    async def live(self, group: str, run: int) -> int:
        """How many files of a group this run has seen that are there: neither gone nor deleted."""
        ...

    async def next_run(self) -> int:
        """The number of a new run of planning."""
        ...

    def unseen(self, group: str, run: int) -> AbstractAsyncContextManager[AsyncIterator[LedgerFile]]:
        """Files of a group with a copy, which a run of planning has not seen."""
        ...

    async def claim(
        self,
        worker: str,
        limit: int,
        lease_seconds: float,
        *,
        group: str | None = None,
        large: bool | None = None,
    ) -> list[LedgerFile]:
        """Take files to copy: planned ones whose time has come, and claimed ones whose lease has ended.

        Each gets a higher fence and is the worker's until its lease ends. `large` takes files from `LARGE_FILE` on, or
        smaller ones, alone: the former are given fewer places.
        """
        ...

    async def extend(self, claims: Sequence[LedgerFile], lease_seconds: float) -> list[bool]:
        """Prolong leases; False for those that have been lost meanwhile."""
        ...

    async def note_upload(self, claim: LedgerFile, upload_id: str | None) -> bool:
        """Remember the multipart upload of a claimed file, to be resumed; False when the claim is lost."""
        ...

    async def release(self, claims: Sequence[LedgerFile]) -> None:
        """Give claims back untouched, as a worker does that stops."""
        ...

    async def record(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Write what became of claimed files, each only where its fence is the row's; gives which were written."""
        ...

    async def tombstone(self, file_id: FileId) -> bool:
        """Mark a file as deleted, whatever state it is in and whether or not it is known; its fence grows.

        Gives False when it was marked before. Durable when this returns. What is still to be deleted is pending.
        """
        ...

    async def forget(self, file_id: FileId) -> None:
        """Remove a tombstone that turned out to be that of a file which never was; one of a known file stays."""
        ...

    async def put(self, file: LedgerFile, state: FileState, reason: str | None = None) -> bool:
        """Change the state of a file that no worker holds; False when it has changed meanwhile."""
        ...

    async def pending_deletions(self, limit: int) -> list[FileId]:
        """Deleted files of which a server may still hold bytes."""
        ...

    async def deletion_done(self, file_id: FileId) -> None:
        """Nothing of a deleted file is left anywhere."""
        ...

    async def changed(self, file_id: FileId) -> None:
        """A file was written to through the kit: a copy of it is worth nothing now (`PLANNED`, higher fence)."""
        ...

    async def find(self, file_id: FileId) -> LedgerFile | None:
        """One row."""
        ...

    async def route_of(self, group: str) -> Route:
        """Where reads of the group's ids go; `FASTDFS` unless it was set."""
        ...

    async def routes(self) -> Mapping[str, Route]:
        """All routes that were set."""
        ...

    async def set_route(self, group: str, route: Route) -> None:
        """Set a route, in one step with the gate that the caller has checked; noted as an event."""
        ...

    async def limits(self) -> Limits:
        """What workers keep to."""
        ...

    async def set_limits(self, limits: Limits) -> None:
        """Change it; workers notice with their next claim."""
        ...

    async def tallies(self) -> list[Tally]:
        """Files and bytes by group and state, in under a second for a million rows."""
        ...

    async def reasons(self) -> list[tuple[str, int, list[FileId]]]:
        """Codes of failures and quarantines, how often each occurs, and up to three samples."""
        ...

    def files(
        self, *, group: str | None = None, states: Sequence[FileState] = (), after: FileId | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[LedgerFile]]:
        """Rows in the order of their ids, page by page, without holding the ledger meanwhile."""
        ...

    async def retry(self, file_ids: Sequence[FileId] | None = None) -> int:
        """Plan quarantined files again: those given, or all; gives how many."""
        ...

    async def accept(self, file_ids: Sequence[FileId]) -> int:
        """Accept quarantined files by name, so that they do not hold up a route; gives how many."""
        ...

    async def note_source(self, source: ScannedSource) -> None:
        """Remember a listing that a plan has read."""
        ...

    async def sources(self) -> list[ScannedSource]:
        """The last scan of each listing."""
        ...

    async def note(self, event: str, detail: Mapping[str, object]) -> None:
        """Append to the list of events: who did what, when. Never changed afterwards."""
        ...

    async def events(self, *, limit: int = 1000) -> list[tuple[int, str, Mapping[str, object]]]:
        """The newest events: Unix seconds, name, details."""
        ...
