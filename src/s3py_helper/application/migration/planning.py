"""Finding out which files there are: listings of servers, ids from elsewhere, each id confirmed at its source."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from s3py_helper.application.migration.id_texts import id_in_text
from s3py_helper.application.migration.kinds import kind_of, planned
from s3py_helper.application.migration.listed_names import ListedNames
from s3py_helper.application.ports.ledger import Known, Ledger, PlannedFile, ScannedSource
from s3py_helper.application.ports.migration_source import MigrationSource, SourceGroup
from s3py_helper.domain.errors import InvalidArgumentException, StorageException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import FileKind, FileState

_BATCH: Final = 10_000
"""Files planned in one step. A ledger may write those of one of its 256 shards beside each other: with fewer files a
claim, which takes them together, visits more pages."""

_ASKED_AT_ONCE: Final = 16
_LOOK_AGAIN_SECONDS: Final = 2.0
"""How often servers' counters are looked at while they are expected to catch up."""

_MAY_BE_BACK: Final = frozenset({FileState.GONE, FileState.MISSING_AT_SOURCE})
_COPIES: Final = frozenset({FileState.COPIED, FileState.VERIFIED})
_UNPLANNABLE_SHOWN: Final = 1000


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What is planned.

    Attributes:
        groups: Only these groups; empty for all.
        cluster: Whether to list what the servers hold.
        ids: Further ids, as texts, with where each comes from (for messages): from files, folders, queries.
        default_group: The group of ids that name none.
        limit: Plan at most this many new files.
        accept_difference: By how many files a whole listing may fall short of the servers' counts.
    """

    groups: frozenset[str] = frozenset()
    cluster: bool = True
    ids: Sequence[tuple[str, AsyncIterator[str]]] = ()
    default_group: str | None = None
    limit: int | None = None
    accept_difference: int = 0


@dataclass(slots=True)
class PlanResult:
    """What a plan has found.

    Attributes:
        found: Live files that were seen.
        new: Of these, how many were not known.
        gone: Ids that no server has.
        missing: Files with a copy that their source no longer has.
        unconfirmed: Ids whose servers could not be asked; they are planned, and looked at again when they are copied.
        unplannable: Lines that are no ids, as `(where, line number, text)`; the first thousand.
        unplannable_count: How many there were.
        shortages: For each group, how many files fewer were listed than its servers count.
        surpluses: For each group, how many more files: files that bypassed its servers, or lost counts.
        incomplete: Listings that did not come whole, with the reason.
        restricted: Whether the plan was narrowed on purpose, and does not claim to be complete.
    """

    found: int = 0
    new: int = 0
    gone: int = 0
    missing: int = 0
    unconfirmed: int = 0
    unplannable: list[tuple[str, int, str]] = field(default_factory=list[tuple[str, int, str]])
    unplannable_count: int = 0
    shortages: dict[str, int] = field(default_factory=dict[str, int])
    surpluses: dict[str, int] = field(default_factory=dict[str, int])
    incomplete: list[str] = field(default_factory=list[str])
    restricted: bool = False

    @property
    def complete(self) -> bool:
        """Whether every file is known now, or was left out on purpose."""
        return not self.incomplete and not self.shortages


class Planner:
    """Writes the ledger, and nothing else.

    Args:
        source: FastDFS.
        ledger: Is filled.
        settle_seconds: How long to wait in case a shortage is merely due to servers' counters that lag behind.
    """

    def __init__(
        self,
        source: MigrationSource,
        ledger: Ledger,
        *,
        settle_seconds: float = 65.0,
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._settle_seconds = settle_seconds

    async def plan(self, options: PlanOptions) -> PlanResult:
        """Look at all sources and write down what they hold.

        Raises:
            InvalidArgumentException: A group is not known, or a list has no id in it.
        """
        result = PlanResult(restricted=bool(options.groups or options.limit is not None or not options.cluster))
        groups = await self._groups(options)
        run = await self._ledger.next_run()
        # Lists first: where one is empty, nothing else is written either.
        for name, lines in options.ids:
            await self._read_ids(name, lines, run, options, result)
        for group in groups if options.cluster else ():
            await self._list_group(group, run, options, result)
        return result

    async def _groups(self, options: PlanOptions) -> list[SourceGroup]:
        groups = await self._source.groups()
        names = {group.name for group in groups}
        if unknown := options.groups - names:
            raise InvalidArgumentException(
                f"there is no group {', '.join(sorted(unknown))}; there are: {', '.join(sorted(names)) or 'none'}"
            )
        return [group for group in groups if not options.groups or group.name in options.groups]

    async def _list_group(self, group: SourceGroup, run: int, options: PlanOptions, result: PlanResult) -> None:
        began = await self._ledger.now()
        counted = _counted(group)
        broken = await self._scan(group, run, options, result)
        if options.limit is not None:
            result.incomplete += broken
            return  # a part of the files says nothing about their number
        live, excused = await self._live_of(group.name, run, began, options)
        shortage = counted - live - excused
        if shortage > 0:
            # Counters lag by their report interval, and so do listings: a shortage counts only when it stays.
            group = await self._settled(group, live + excused)
            broken = await self._scan(group, run, options, result)
            live, excused = await self._live_of(group.name, run, began, options)
            shortage = min(counted, _counted(group)) - live - excused
        result.incomplete += broken
        if shortage > 0:
            result.shortages[group.name] = shortage
        elif not broken:
            await self._look_for_missing(group.name, run, result)
        if live > max(counted, _counted(group)):
            result.surpluses[group.name] = live - max(counted, _counted(group))
        complete = shortage <= 0 and not broken
        await self._ledger.note(
            "listing", {"group": group.name, "files": live, "counted": counted, "complete": complete}
        )

    async def _live_of(self, group: str, run: int, began: float, options: PlanOptions) -> tuple[int, int]:
        """How many files there are, and how many more may be counted: some were deleted too lately for counters."""
        live = await self._ledger.live(group, run)
        # The ledger notes the second of a deletion, not when within it.
        deleted = await self._ledger.deleted_since(group, math.floor(began - self._settle_seconds))
        return live, options.accept_difference + deleted

    async def _settled(self, group: SourceGroup, files: int) -> SourceGroup:
        """The group with counters that count no more than that many files, or as they are after the settling time."""
        end = time.monotonic() + self._settle_seconds
        while True:
            await asyncio.sleep(min(_LOOK_AGAIN_SECONDS, max(0.0, end - time.monotonic())))
            group = next((other for other in await self._source.groups() if other.name == group.name), group)
            if _counted(group) <= files or time.monotonic() >= end:
                return group

    async def _scan(self, group: SourceGroup, run: int, options: PlanOptions, result: PlanResult) -> list[str]:
        """Read all servers' listings, each of which may lack what another has; returns those that were not whole."""
        broken: list[str] = []
        for server in group.servers:
            for store_path in range(server.store_paths):
                where = f"{server.name}/M{store_path:02X}"
                names = ListedNames(self._source.listing(group.name, server.name, store_path))
                async with aclosing(names.batches(_BATCH)) as batches:
                    async for batch in batches:
                        await self._plan_names(group.name, batch, run, options, result)
                if names.problem is not None:
                    broken.append(f"{where}: {names.problem}")
                await self._ledger.note_source(
                    ScannedSource(where, group.name, int(await self._ledger.now()), names.count, names.problem is None)
                )
        return broken

    async def _plan_names(
        self, group: str, names: Sequence[str], run: int, options: PlanOptions, result: PlanResult
    ) -> None:
        ids: list[FileId] = []
        for name in names:
            try:
                ids.append(FileId(Backend.FASTDFS, group, name))
            except InvalidArgumentException as error:
                _note_unplannable(result, "listing", 0, f"{name}: {error.message}")
        await self._plan_ids(ids, run, options, result)

    async def _plan_ids(self, ids: Sequence[FileId], run: int, options: PlanOptions, result: PlanResult) -> None:
        """Confirm ids and write them down, each once in a run, however many listings have it."""
        known = await self._ledger.known(ids, run)
        settled = [file_id for file_id, about in known.items() if not about.seen and _is_settled(file_id, about)]
        if settled:
            await self._ledger.seen(settled, run)
            result.found += sum(known[file_id].state is not FileState.DELETED for file_id in settled)
        asked = [
            file_id
            for file_id in dict.fromkeys(ids)
            if (about := known.get(file_id)) is None or not (about.seen or _is_settled(file_id, about))
        ]
        if options.limit is not None:
            asked = asked[: max(0, options.limit - result.new)]
        if not asked:
            return
        gate = asyncio.Semaphore(_ASKED_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._confirmed(file_id, gate, result)) for file_id in asked]
        files = [task.result() for task in tasks]
        result.new += await self._ledger.plan(files, run)
        result.found += sum(file.state is FileState.PLANNED for file in files)
        result.gone += sum(file.state is FileState.GONE for file in files)

    async def _confirmed(self, file_id: FileId, gate: asyncio.Semaphore, result: PlanResult) -> PlannedFile:
        kind = kind_of(file_id)
        try:
            async with gate:
                facts = await self._source.facts(file_id)
        except StorageException:  # no server that must know can be asked: the copy finds out, or waits
            result.unconfirmed += 1
            return PlannedFile(file_id, kind)
        return planned(file_id, kind, facts)

    async def _read_ids(
        self, where: str, lines: AsyncIterator[str], run: int, options: PlanOptions, result: PlanResult
    ) -> None:
        batch: list[FileId] = []
        first_problem: str | None = None
        usable = False
        number = 0
        async for line in lines:
            number += 1
            if not (text := line.strip()):
                continue
            try:
                batch.append(id_in_text(text, options.default_group))
            except InvalidArgumentException as error:
                problem = f"{text[:200]}: {error.message}"
                first_problem = first_problem or f"the first, line {number}: {problem}"
                _note_unplannable(result, where, number, problem)
                continue
            usable = True
            if len(batch) == _BATCH:
                await self._plan_ids(batch, run, options, result)
                batch = []
        if not usable:
            raise InvalidArgumentException(f"{where} has no id in it; {first_problem or 'it is empty'}")
        await self._plan_ids(batch, run, options, result)

    async def _look_for_missing(self, group: str, run: int, result: PlanResult) -> None:
        """Files with a copy that a whole listing no longer has: deleted without the kit, or lost by a disk."""
        async with self._ledger.unseen(group, run) as files:
            async for file in files:
                try:
                    facts = await self._source.facts(file.file_id)
                except StorageException:  # a source that is down proves nothing
                    continue
                if not facts.exists and facts.at_source:
                    reason = "missing: its source no longer has it"
                    result.missing += await self._ledger.put(file, FileState.MISSING_AT_SOURCE, reason)


def _is_settled(file_id: FileId, known: Known) -> bool:
    """Whether a server need not be asked for a file that is known: it cannot have changed, or is looked at anyway."""
    if known.state in _MAY_BE_BACK or not known.confirmed:
        return known.state is FileState.DELETED
    return known.state not in _COPIES or kind_of(file_id) is not FileKind.APPENDER


def _counted(group: SourceGroup) -> int:
    return sum(server.files for server in group.servers)


def _note_unplannable(result: PlanResult, where: str, number: int, text: str) -> None:
    result.unplannable_count += 1
    if len(result.unplannable) < _UNPLANNABLE_SHOWN:
        result.unplannable.append((where, number, text))
