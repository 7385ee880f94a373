"""The memory of a migration: which files there are, how far each has come, and who works on it.

It is not on the path of reads, except for tombstones and exceptions. Losing it loses no file: a new plan finds what is
there, and adopts it.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Literal, Protocol, Self

from s3py_helper.application.ports.ledger_rows import (
    Known,
    LedgerFile,
    Limits,
    Outcome,
    Outlined,
    PlannedFile,
    ScannedSource,
    Tally,
)
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, Route

__all__ = ["Known", "Ledger", "LedgerFile", "Limits", "Outcome", "Outlined", "PlannedFile", "ScannedSource", "Tally"]


HURRIED_SECONDS: Final = 1.5
"""See `Ledger.hurried`."""


class Ledger(Protocol):
    """Rows, leases, fences. Several processes may work with one ledger at the same time.

    Raises, all methods alike:
        StorageUnavailableException: It cannot be read or written now (locked, disk full, connection lost).
        GateRefusedException: It is of a newer version, or belongs to another deployment.
        StorageOperationException: It is damaged.
    """

    def hurried(self) -> Self:
        """The same ledger for callers that somebody waits for: they give up on a server within `HURRIED_SECONDS`.

        Other calls wait for one that is being restarted, as workers like it. To be used while this ledger is open.
        """
        ...

    async def plan(self, files: Sequence[PlannedFile], run: int = 0) -> int:
        """Add the files that are not known yet, and note of all that this run has seen them; returns how many were new.

        A known appender file whose size or CRC-32 differs from what was copied goes back to `PLANNED` with a higher
        fence, and so does one that was `GONE` or `MISSING_AT_SOURCE` and is there after all. Deleted files stay
        deleted. What was planned without facts gets them.
        """
        ...

    async def known(self, file_ids: Sequence[FileId], run: int) -> Mapping[FileId, Known]:
        """Those of the files that are known, and whether this run has seen them already."""
        ...

    async def seen(self, file_ids: Sequence[FileId], run: int) -> None:
        """Note that this run has seen files that are known, and nothing else."""
        ...

    async def live(self, group: str, run: int) -> int:
        """How many files of a group this run has seen that are there: neither gone nor deleted."""
        ...

    async def deleted_since(self, group: str, moment: float) -> int:
        """How many files of a group have been deleted through the kit since then (Unix seconds)."""
        ...

    async def next_run(self) -> int:
        """The number of a new run of planning."""
        ...

    def unseen(self, group: str, run: int) -> AbstractAsyncContextManager[AsyncIterator[LedgerFile]]:
        """Files of a group with a copy, which a run of planning has not seen."""
        ...

    async def outline(self) -> list[Outlined]:
        """All files by kind, state and size. Reads every row: for the end of a plan."""
        ...

    async def claim(
        self,
        worker: str,
        limit: int,
        lease_seconds: float,
        *,
        group: str | None = None,
        large: bool | None = None,
        shard: int | None = None,
    ) -> list[LedgerFile]:
        """Take files to copy: planned ones whose time has come, and claimed ones whose lease has ended.

        Each gets a higher fence and is the worker's until its lease ends, by the ledger's clock. `large` takes files
        from `LARGE_FILE` on, or smaller ones, alone: the former are given fewer places. `shard` takes those of one
        shard alone (`shard_of`).
        """
        ...

    async def waiting_shards(self, group: str | None = None) -> list[int]:
        """Shards with files that could be claimed now, and none that a worker holds."""
        ...

    async def has_work(self, group: str | None = None) -> bool:
        """Whether a file, of the group or of any, is planned or being copied."""
        ...

    async def extend(self, claims: Sequence[LedgerFile], lease_seconds: float) -> list[bool]:
        """Prolong leases; false for those that have been lost meanwhile."""
        ...

    async def note_upload(self, claim: LedgerFile, upload_id: str | None) -> bool:
        """Remember the multipart upload of a claimed file, to be resumed; false when the claim is lost."""
        ...

    async def release(self, claims: Sequence[LedgerFile]) -> None:
        """Release claims untouched, as a worker does that stops."""
        ...

    async def record(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Record the outcome of claimed files, each only where its fence is the row's; returns those recorded.

        An earlier attempt may have left an object of a file that is `GONE` now: its deletion is pending.
        """
        ...

    async def tombstone(self, file_id: FileId) -> bool:
        """Mark a file as deleted, whatever state it is in and whether or not it is known; its fence grows.

        Returns false when it was marked before. Durable when this returns. The deletion is pending, at least until the
        lease ends of a worker that is copying the file.
        """
        ...

    async def forget(self, file_id: FileId) -> None:
        """Remove a tombstone that turned out to be that of a file that never existed; one of a known file stays."""
        ...

    async def put(self, file: LedgerFile, state: FileState, reason: str | None = None) -> bool:
        """Change the state of a file that no worker holds; False when it has changed meanwhile."""
        ...

    async def begin_drain(self, file: LedgerFile) -> bool:
        """Mark a file as drained before it is deleted at its source, while reads of its group go to S3 alone.

        Returns false when the file or the route has changed meanwhile. The deletion is outstanding until
        `end_drain`, so that one that was interrupted is made up for.
        """
        ...

    async def end_drain(self, file_id: FileId) -> None:
        """The source no longer has the file."""
        ...

    def begun_drains(self, group: str) -> AbstractAsyncContextManager[AsyncIterator[LedgerFile]]:
        """Drained files whose source may still have them."""
        ...

    async def pending_deletions(self, limit: int, after: FileId | None = None) -> list[FileId]:
        """Files that were deleted or are gone, of which a server may still hold bytes, in the order of their ids."""
        ...

    async def deletion_done(self, file_id: FileId) -> bool:
        """Nothing of the file is left anywhere; false while a worker that was copying it may put something there."""
        ...

    async def changed(self, file_id: FileId) -> None:
        """A file was written to through the kit: its copy is outdated (`PLANNED`, higher fence)."""
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

    async def set_route(self, group: str, route: Route, *, unless: Collection[FileState] = ()) -> bool:
        """Set a route, unless a file of the group is in one of these states; noted as an event.

        In one step, so that nothing gets into such a state between the look and the change. Quarantined files that
        were accepted do not count. Returns whether it was set.
        """
        ...

    async def limits(self) -> Limits:
        """What workers keep to."""
        ...

    async def set_limits(self, limits: Limits) -> None:
        """Change it; workers notice with their next claim, and what was drawn before counts no more."""
        ...

    async def change_limits(self, change: Callable[[Limits], Limits]) -> Limits:
        """Change it by what it is, in one step: of two changes at the same time none is lost; returns the result."""
        ...

    async def draw(self, what: Literal["bytes", "files"], count: int) -> float:
        """Draw bytes or files from the account of all workers; returns the seconds until their turn.

        There is one account for all: what one has drawn, the others wait for, in the order in which they come. Nothing
        is saved up while nobody draws. 0 where there is no limit.
        """
        ...

    async def now(self) -> float:
        """Unix seconds by the ledger's clock, which leases and pauses go by; workers' own may differ."""
        ...

    async def workers(self) -> int:
        """How many workers hold files now."""
        ...

    async def room(self) -> int | None:
        """Bytes by which it may still grow; `None` where that is unknown."""
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
        """Plan quarantined files again: those given, or all; returns how many."""
        ...

    async def accept(self, file_ids: Sequence[FileId]) -> int:
        """Accept quarantined files by name, so that they do not hold up a route; returns how many."""
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

    async def events(
        self, *, name: str | None = None, limit: int = 1000
    ) -> list[tuple[int, str, Mapping[str, object]]]:
        """The newest events, or those of one name: Unix seconds, name, details."""
        ...
