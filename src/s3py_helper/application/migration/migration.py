"""Leaving FastDFS as one use case: every step of the way, for the command line and for scripts."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from s3py_helper.application.migration.applying import Applier, ApplyOptions, ApplyProgress, CleanUp
from s3py_helper.application.migration.copying import FileCopier
from s3py_helper.application.migration.draining import Drainer
from s3py_helper.application.migration.gates import Gates
from s3py_helper.application.migration.limits_change import LimitsChange
from s3py_helper.application.migration.outline import PlanOutline, Rates
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.migration.planning import Planner, PlanOptions, PlanResult
from s3py_helper.application.migration.preflight import Preflight, preflight
from s3py_helper.application.migration.proven_target import ProvenTarget
from s3py_helper.application.migration.same_cluster import SameCluster
from s3py_helper.application.migration.verifying import Verifier, VerifyOptions, VerifyResult
from s3py_helper.application.migration.working import Supervisor, Worker
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.change_notice import ChangeNotice
from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Limits, Outcome, ScannedSource, Tally
from s3py_helper.application.ports.migration_source import MigrationSource
from s3py_helper.application.ports.migration_target import MigrationTarget
from s3py_helper.application.ports.observer import Observer
from s3py_helper.application.ports.relocation import Relocation
from s3py_helper.application.ports.shard_queue import ShardQueue
from s3py_helper.domain.arguments import (
    require_amount,
    require_instance,
    require_items,
    require_optional_instance,
)
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import METADATA_SUFFIX, FileState, GateRefusedException, Level, Route
from s3py_helper.domain.text_rules import require_text

_TELLING_FILES: Final = 500
"""The least that must have been copied to tell a rate."""


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Where a migration is.

    Attributes:
        tallies: Files and bytes by group and state.
        routes: Where reads of each group go; a group that is missing is read from FastDFS.
        limits: What workers keep to.
        sources: The last scan of each listing.
        reasons: Codes of failures and quarantines, with counts and samples.
        listing_complete: Whether the last listing of every group came whole.
        unplannable: How many lines of lists the last plan could not read.
    """

    tallies: Sequence[Tally]
    routes: dict[str, Route]
    limits: Limits
    sources: Sequence[ScannedSource]
    reasons: Sequence[tuple[str, int, list[FileId]]]
    listing_complete: bool = False
    unplannable: int = 0

    def files_in(self, *states: FileState, group: str | None = None) -> int:
        """How many files, of one group or of all, are in one of the states."""
        return sum(tally.files for tally in self.tallies if tally.state in states and group in {None, tally.group})


@dataclass(slots=True)
class RunResult:
    """What `run` has done: the last plan, all copies together, the last verification."""

    plan: PlanResult = field(default_factory=PlanResult)
    applied: ApplyProgress = field(default_factory=ApplyProgress)
    verified: VerifyResult = field(default_factory=VerifyResult)


@dataclass(frozen=True, slots=True)
class RawAccess:
    """What a client of FastDFS alone needs so that its changes and deletions do not bypass the migration.

    Attributes:
        relocation: Where old ids are read and deleted.
        places: The backends to which only the relocation leads.
        notice: Is notified of changes in place.
    """

    relocation: Relocation
    places: Mapping[str, MountedBackend]
    notice: ChangeNotice


class Migration:
    """The way from FastDFS to S3. Each step can be repeated, interrupted, and undone until the drain.

    Args:
        source: FastDFS; `None` where this deployment no longer has it.
        target: S3.
        ledger: The memory.
        prefix: The front of the keys of moved files.
        observer: Is notified of what is retried, or done another way.
        raw: For clients of FastDFS alone; `None` where there can be none.
        clean_up: Removes what dead workers have left.
        queue: Makes the queue of shards; `None` where there is no broker.
    """

    def __init__(
        self,
        source: MigrationSource | None,
        target: MigrationTarget,
        ledger: Ledger,
        prefix: str,
        observer: Observer | None = None,
        raw: RawAccess | None = None,
        *,
        clean_up: CleanUp | None = None,
        queue: Callable[[], ShardQueue] | None = None,
    ) -> None:
        self.ledger = ledger
        self.raw = raw
        self._observer = observer
        self._source = source
        self._target = target
        self._prefix = prefix
        self._clean_up = clean_up
        self._proven_target = ProvenTarget(target, ledger, prefix)
        self._same_cluster: SameCluster | None = None
        self._queue = queue

    async def preflight(self) -> Preflight:
        """See `preflight.preflight`."""
        source = await self._own_source()
        room = await self.ledger.room()
        found = await preflight(source, self._target, self._prefix, ledger_room=room)
        if found.abilities is not None:
            await self._proven_target.note(found.abilities)
        await self.ledger.note("preflight", {finding.subject: finding.says for finding in found.findings})
        return found

    async def plan(self, options: PlanOptions, *, settle_seconds: float | None = None) -> PlanResult:
        """See `Planner.plan`."""
        require_instance(options, PlanOptions, "options")
        if settle_seconds is not None:
            require_amount(settle_seconds, "settle_seconds")
        source = await self._own_source()
        planner = (
            Planner(source, self.ledger)
            if settle_seconds is None
            else Planner(source, self.ledger, settle_seconds=settle_seconds)
        )
        result = await planner.plan(options)
        facts = {"found": result.found, "new": result.new, "gone": result.gone, "missing": result.missing}
        facts |= {"complete": result.complete, "restricted": result.restricted}
        await self.ledger.note("plan", {**facts, "unplannable": result.unplannable_count})
        return result

    async def outline(self) -> PlanOutline:
        """What is planned, taken together: files, bytes, sizes, requests, time by the rate of the last copying."""
        return PlanOutline.of(await self.ledger.outline(), await self._rates())

    async def _rates(self) -> Rates:
        for _, _, detail in await self.ledger.events(name="apply", limit=10):
            files, size, seconds = (float(str(detail.get(fact, 0))) for fact in ("files", "bytes", "seconds"))
            if files >= _TELLING_FILES and seconds > 0:
                # Small files show how many a second can be copied, large ones how many bytes.
                usual = Rates()
                return Rates(files / seconds, max(size / seconds, usual.bytes_per_second))
        return Rates()

    async def applier(
        self, on_outcome: Callable[[LedgerFile, Outcome], None] = lambda _file, _outcome: None
    ) -> Applier:
        """The applier, which copies: `apply` it, look at its `progress`, `stop` it.

        Raises:
            GateRefusedException: The target cannot be used, or the ledger is of another cluster.
        """
        pace = Pace(self.ledger)
        copier = FileCopier(
            await self._own_source(),
            self._target,
            self.ledger,
            await self._proven_target.abilities(),
            self._prefix,
            pace,
            self._observer,
        )
        return Applier(
            copier,
            self.ledger,
            pace,
            observer=self._observer,
            on_outcome=on_outcome,
            clean_up=self._clean_up,
        )

    async def worker(self, on_outcome: Callable[[LedgerFile, Outcome], None] = lambda _file, _outcome: None) -> Worker:
        """The worker, which copies through outages, with a broker where there is one; used like an applier.

        Raises:
            GateRefusedException: The target cannot be used.
            InvalidArgumentException: There is no such broker.
        """
        queue = None if self._queue is None else self._queue()
        return Worker(
            await self.applier(on_outcome), self.ledger, queue=queue, observer=self._observer, clean_up=self._clean_up
        )

    def supervisor(self) -> Supervisor:
        """The supervisor, which fills the broker with shards: `supervise`, `stop` it.

        Raises:
            InvalidArgumentException: There is no broker, or none that is known.
        """
        if self._queue is None:
            raise InvalidArgumentException(
                "a supervisor needs a broker: --broker, or S3PY_MIGRATION__BROKER; without one workers need none"
            )
        return Supervisor(self.ledger, self._queue(), observer=self._observer)

    async def verify(
        self,
        options: VerifyOptions = VerifyOptions(),  # noqa: B008 - frozen
        on_file: Callable[[LedgerFile, Level | None, str | None], None] = lambda _file, _level, _problem: None,
    ) -> VerifyResult:
        """See `Verifier.verify`."""
        require_instance(options, VerifyOptions, "options")
        result = await Verifier(self._target, self.ledger, self._prefix, on_file=on_file).verify(options)
        levels = {str(level): files for level, files in result.levels.items()}
        await self.ledger.note("verify", {**levels, "failed": result.failed_count, "bytes_read": result.bytes_read})
        return result

    async def route(
        self, group: str, route: Route, *, accept: Sequence[FileId] = (), accept_incomplete: bool = False
    ) -> None:
        """See `Gates.route`."""
        require_text(group, "a group")
        require_instance(route, Route, "route")
        accepted = require_items(accept, FileId, "accept")
        source = None if self._source is None else await self._own_source()
        await Gates(source, self.ledger).route(group, route, accept=accepted, accept_incomplete=accept_incomplete)

    def drainer(self, on_kept: Callable[[LedgerFile, str], None] = lambda _file, _reason: None) -> Drainer:
        """The drainer, which deletes at the source: `drain`, `stop` it."""
        source = self._required_source
        return Drainer(
            source,
            self._target,
            self.ledger,
            Pace(self.ledger),
            on_kept=on_kept,
            before=SameCluster(source, self.ledger).require,
        )

    async def run(
        self,
        options: ApplyOptions | None = None,
        *,
        on_outcome: Callable[[LedgerFile, Outcome], None] = lambda _file, _outcome: None,
        copying: Callable[[Applier, ApplyOptions], Awaitable[ApplyProgress]] = Applier.apply,
    ) -> RunResult:
        """Plan, copy and verify, again until a plan finds nothing new; changes no route and deletes nothing.

        Args:
            options: How to copy.
            on_outcome: Is called for every file that came to an end.
            copying: Does the copying, for callers who want to watch or stop it.
        """
        require_optional_instance(options, ApplyOptions, "options")
        result = RunResult()
        failed = None
        while True:
            result.plan = await self.plan(PlanOptions())
            applied = await copying(await self.applier(on_outcome), options or ApplyOptions())
            result.applied.copied += applied.copied
            result.applied.bytes += applied.bytes
            result.applied.quarantined += applied.quarantined
            result.applied.stopped_by = applied.stopped_by
            if applied.stopped_by != "done":
                return result
            result.verified = await self.verify(VerifyOptions())
            # Where as much fails as before, another round will not help.
            is_better = failed is None or result.verified.failed_count < failed
            failed = result.verified.failed_count
            if not (result.plan.new or (failed and is_better)):
                return result

    async def status(self) -> MigrationStatus:
        """The status of the migration."""
        ledger = self.ledger
        tallies = await ledger.tallies()
        whole: dict[str, bool] = {}
        for _, _, detail in await ledger.events(name="listing"):
            whole.setdefault(str(detail.get("group")), bool(detail.get("complete")))
        plans = await ledger.events(name="plan", limit=1)
        return MigrationStatus(
            tallies,
            dict(await ledger.routes()),
            await ledger.limits(),
            await ledger.sources(),
            await ledger.reasons(),
            listing_complete=bool(tallies) and all(whole.get(tally.group, False) for tally in tallies),
            unplannable=int(str(plans[0][2].get("unplannable", 0))) if plans else 0,
        )

    async def change_limits(self, change: LimitsChange) -> Limits:
        """Change the limits of all workers, which notice within a second or two; returns the new limits."""
        require_instance(change, LimitsChange, "change")
        return await self.ledger.change_limits(change.of)

    async def retry(self, file_ids: Sequence[FileId] | None = None) -> int:
        """Plan quarantined files again, those given, or all; returns how many."""
        return await self.ledger.retry(None if file_ids is None else require_items(file_ids, FileId, "file_ids"))

    async def decide_missing(self, *, keep: bool, file_ids: Sequence[FileId] | None = None) -> int:
        """Settle what was lost at its source: keep the copy, or treat the file as deleted; returns how many files.

        Args:
            keep: Whether S3's copy stays.
            file_ids: Which files; all that are missing by default.
        """
        wanted = None if file_ids is None else set(require_items(file_ids, FileId, "file_ids"))
        decided = 0
        async with self.ledger.files(states=[FileState.MISSING_AT_SOURCE]) as files:
            async for file in files:
                if wanted is not None and file.file_id not in wanted:
                    continue
                if keep:
                    decided += await self.ledger.put(file, FileState.DRAINED, "kept: its source had lost it")
                elif await self.ledger.tombstone(file.file_id):
                    if file.key is not None:
                        await self._target.delete(file.key)
                        await self._target.delete(file.key + METADATA_SUFFIX)
                    await self.ledger.deletion_done(file.file_id)
                    decided += 1
        return decided

    @property
    def _required_source(self) -> MigrationSource:
        if self._source is None:
            raise GateRefusedException("this deployment has no FastDFS: use mode 'hybrid'")
        return self._source

    async def _own_source(self) -> MigrationSource:
        """FastDFS, where it is the one that the ledger is of."""
        source = self._required_source
        self._same_cluster = self._same_cluster or SameCluster(source, self.ledger)
        await self._same_cluster.require()
        return source
