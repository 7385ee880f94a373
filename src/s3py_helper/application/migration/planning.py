"""Finding out which files there are: listings of servers, ids from elsewhere, each id confirmed at its source."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from s3py_helper.application.ports.ledger import Ledger, PlannedFile, ScannedSource
from s3py_helper.application.ports.migration_source import MigrationSource, SourceFacts, SourceGroup
from s3py_helper.domain.errors import InvalidArgumentException, StorageException
from s3py_helper.domain.fastdfs_name import FastdfsName, NameShape
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import FileKind, FileState

_BATCH: Final = 500
_ASKED_AT_ONCE: Final = 16
_SETTLED: Final = frozenset({FileState.COPIED, FileState.VERIFIED, FileState.DRAINED, FileState.DELETED})
"""Files that are known and cannot have changed need not be asked for again."""

_KINDS: Final = {
    NameShape.NORMAL: FileKind.NORMAL,
    NameShape.TRUNK: FileKind.TRUNK,
    NameShape.APPENDER: FileKind.APPENDER,
    NameShape.SLAVE: FileKind.SLAVE,
    NameShape.SHORT_SLAVE: FileKind.SAME_SHAPE,
    NameShape.UNREACHABLE_SLAVE: FileKind.UNSERVABLE,
}


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What is planned.

    Attributes:
        groups: Only these groups; empty for all.
        cluster: Whether to list what the servers hold.
        ids: Further ids, as texts, with where each comes from (for messages): from files, folders, queries.
        default_group: The group of ids that name none.
        limit: Plan at most so many new files.
        accept_difference: So many files fewer than the servers count do not make a listing incomplete.
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
        unplannable: Lines that are no ids, as `(where, line number, text)`; the first thousand.
        unplannable_count: How many there were.
        shortages: For each group, how many files fewer were listed than its servers count.
        incomplete: Listings that did not come whole, with the reason.
        restricted: Whether the plan was narrowed on purpose, so that it does not claim to be complete.
    """

    found: int = 0
    new: int = 0
    gone: int = 0
    missing: int = 0
    unplannable: list[tuple[str, int, str]] = field(default_factory=list[tuple[str, int, str]])
    unplannable_count: int = 0
    shortages: dict[str, int] = field(default_factory=dict[str, int])
    incomplete: list[str] = field(default_factory=list[str])
    restricted: bool = False

    @property
    def complete(self) -> bool:
        """Whether everything that is there is known now, or was left out on purpose."""
        return not self.incomplete and not self.shortages


class Planner:
    """Writes the ledger, and nothing else.

    Args:
        source: FastDFS.
        ledger: Is filled.
        settle_seconds: How long a shortage is given to turn out as servers' counters that lag behind.
        clock: Gives Unix seconds.
    """

    def __init__(
        self,
        source: MigrationSource,
        ledger: Ledger,
        *,
        settle_seconds: float = 65.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._settle_seconds = settle_seconds
        self._clock = clock

    async def plan(self, options: PlanOptions) -> PlanResult:
        """Look at all sources and write down what they hold.

        Raises:
            InvalidArgumentException: A group is not known.
        """
        result = PlanResult(restricted=bool(options.groups or options.limit or not options.cluster))
        run = await self._ledger.next_run()
        groups = await self._groups(options)
        for group in groups if options.cluster else ():
            await self._list_group(group, run, options, result)
        for name, lines in options.ids:
            await self._read_ids(name, lines, run, options, result)
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
        counted = sum(server.files for server in group.servers)
        await self._scan(group, run, options, result)
        live = await self._ledger.live(group.name, run)
        shortage = counted - live - options.accept_difference
        if shortage > 0:
            # Counters lag by their report interval, and so do listings: a shortage counts only when it stays.
            await asyncio.sleep(self._settle_seconds)
            again = next((other for other in await self._source.groups() if other.name == group.name), group)
            await self._scan(again, run, options, result)
            live = await self._ledger.live(group.name, run)
            shortage = min(counted, sum(server.files for server in again.servers)) - live - options.accept_difference
        if shortage > 0:
            result.shortages[group.name] = shortage
        elif not result.incomplete and options.limit is None:
            await self._look_for_missing(group.name, run, result)
        await self._ledger.note(
            "listing", {"group": group.name, "files": live, "counted": counted, "complete": shortage <= 0}
        )

    async def _scan(self, group: SourceGroup, run: int, options: PlanOptions, result: PlanResult) -> None:
        """Union of all servers' listings: each of them may lack what another has."""
        for server in group.servers:
            for store_path in range(server.store_paths):
                where = f"{server.name}/M{store_path:02X}"
                names = 0
                complete = False
                try:
                    async with self._source.listing(group.name, server.name, store_path) as listed:
                        batch: list[str] = []
                        async for name in listed:
                            names += 1
                            batch.append(name)
                            if len(batch) == _BATCH:
                                await self._plan_names(group.name, batch, run, options, result)
                                batch = []
                        await self._plan_names(group.name, batch, run, options, result)
                        complete = listed.complete
                except StorageException as error:
                    result.incomplete.append(f"{where}: {error.message}")
                else:
                    if not complete:
                        result.incomplete.append(f"{where}: the listing broke off")
                await self._ledger.note_source(ScannedSource(where, group.name, self._now, names, complete))

    async def _plan_names(
        self, group: str, names: Iterable[str], run: int, options: PlanOptions, result: PlanResult
    ) -> None:
        ids: list[FileId] = []
        for name in names:
            try:
                ids.append(FileId(Backend.FASTDFS, group, name))
            except InvalidArgumentException as error:
                self._unplannable(result, "listing", 0, f"{name}: {error.message}")
        await self._plan_ids(ids, run, options, result)

    async def _plan_ids(self, ids: Sequence[FileId], run: int, options: PlanOptions, result: PlanResult) -> None:
        """Confirm ids and write them down, each once in a run, however many listings have it."""
        if options.limit is not None:
            ids = ids[: max(0, options.limit - result.new)]
        known = await self._ledger.known(ids, run)
        ids = [file_id for file_id in dict.fromkeys(ids) if file_id not in known or not known[file_id].seen]
        gate = asyncio.Semaphore(_ASKED_AT_ONCE)

        async def confirmed(file_id: FileId) -> PlannedFile:
            kind = kind_of(file_id)
            if file_id in known and known[file_id].state in _SETTLED and kind is not FileKind.APPENDER:
                return PlannedFile(file_id, kind)
            async with gate:
                return planned(file_id, kind, await self._source.facts(file_id))

        files = await asyncio.gather(*(confirmed(file_id) for file_id in ids))
        result.new += await self._ledger.plan(files, run)
        result.found += sum(file.state is FileState.PLANNED for file in files)
        result.gone += sum(file.state is FileState.GONE for file in files)

    async def _read_ids(
        self, where: str, lines: AsyncIterator[str], run: int, options: PlanOptions, result: PlanResult
    ) -> None:
        batch: list[FileId] = []
        number = 0
        async for line in lines:
            number += 1
            text = line.strip()
            if not text:
                continue
            try:
                batch.append(id_in_text(text, options.default_group))
            except InvalidArgumentException as error:
                self._unplannable(result, where, number, f"{text[:200]}: {error.message}")
            if len(batch) == _BATCH:
                await self._plan_ids(batch, run, options, result)
                batch = []
        await self._plan_ids(batch, run, options, result)
        if number and number == result.unplannable_count and not result.found:
            raise InvalidArgumentException(f"{where} has no usable line; the first: {result.unplannable[0][2]}")

    async def _look_for_missing(self, group: str, run: int, result: PlanResult) -> None:
        """What we hold a copy of, and a whole listing no longer has: deleted past the kit, or lost by a disk."""
        async with self._ledger.unseen(group, run) as files:
            async for file in files:
                facts = await self._source.facts(file.file_id)
                if not facts.exists and facts.at_source:
                    reason = "missing: its source no longer has it"
                    result.missing += await self._ledger.put(file, FileState.MISSING_AT_SOURCE, reason)

    def _unplannable(self, result: PlanResult, where: str, number: int, text: str) -> None:
        result.unplannable_count += 1
        if len(result.unplannable) < 1000:  # noqa: PLR2004 - enough to read
            result.unplannable.append((where, number, text))

    @property
    def _now(self) -> int:
        return int(self._clock())


def kind_of(file_id: FileId) -> FileKind:
    """What a file's name tells of its kind. One that no server gave is treated like a slave's: it tells nothing."""
    name = FastdfsName.decode(file_id.key)
    return FileKind.SLAVE if name is None else _KINDS[name.shape]


def kind_by_facts(kind: FileKind, facts: SourceFacts) -> FileKind:
    """The kind of a file that exists: a slave may look like a master, with its master's size and sum in the name."""
    passes_for_master = kind in {FileKind.NORMAL, FileKind.TRUNK} and facts.crc32 is None
    return FileKind.SAME_SHAPE if passes_for_master else kind


def id_in_text(text: str, default_group: str | None) -> FileId:
    """The id in a line of a list: as it is, in a URL with host and query, or without its group.

    Raises:
        InvalidArgumentException: There is none in it.
    """
    path = text.partition("?")[0].partition("#")[0]
    if "://" in path:
        path = path.partition("://")[2].partition("/")[2]
    path = path.lstrip("/")
    if path.startswith("M") and path[3:4] == "/":
        if default_group is None:
            raise InvalidArgumentException("it names no group: give the default group")
        path = f"{default_group}/{path}"
    file_id = FileId.parse(path)
    if file_id.backend != Backend.FASTDFS:
        raise InvalidArgumentException("it is no FastDFS id")
    if file_id.key.endswith("-m"):
        raise InvalidArgumentException("it names the metadata of a file, not a file")
    return file_id


def planned(file_id: FileId, kind: FileKind, facts: SourceFacts) -> PlannedFile:
    """What is written down of a file, by its name's kind and what a server says of it."""
    if facts.exists:
        return PlannedFile(file_id, kind_by_facts(kind, facts), facts.size, facts.crc32, facts.mtime)
    if kind is FileKind.UNSERVABLE:
        reason = "unservable: servers take its name for one within a trunk file; copy it from the disk"
        return PlannedFile(file_id, kind, state=FileState.QUARANTINED, reason=reason)
    if not facts.at_source:
        # Its source is down: what a stand-in lacks proves nothing. The copy finds out, or waits.
        return PlannedFile(file_id, kind)
    if kind is FileKind.APPENDER:
        reason = "leftover: the old name of a regenerated appender"
        return PlannedFile(file_id, FileKind.LEFTOVER, state=FileState.GONE, reason=reason)
    return PlannedFile(file_id, kind, state=FileState.GONE, reason="not-found: no server has it")
