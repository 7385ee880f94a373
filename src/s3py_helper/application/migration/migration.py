"""Leaving FastDFS as one use case: every step of the way, for a command line or for scripts of one's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from s3py_helper.application.migration.applying import Applier, ApplyOptions, ApplyProgress
from s3py_helper.application.migration.copying import FileCopier
from s3py_helper.application.migration.draining import Drainer
from s3py_helper.application.migration.gates import Gates
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.migration.planning import Planner, PlanOptions, PlanResult
from s3py_helper.application.migration.preflight import Preflight, preflight
from s3py_helper.application.migration.verifying import Verifier, VerifyOptions, VerifyResult
from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Limits, Outcome, ScannedSource, Tally
from s3py_helper.application.ports.migration_source import MigrationSource
from s3py_helper.application.ports.migration_target import MigrationTarget, TargetAbilities
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import METADATA_SUFFIX, FileState, GateRefusedException, Level, Route


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Where a migration is.

    Attributes:
        tallies: Files and bytes by group and state.
        routes: Where reads of each group go; a group that is missing is read from FastDFS.
        limits: What workers keep to.
        sources: The last scan of each listing.
        reasons: Codes of failures and quarantines, with counts and samples.
    """

    tallies: Sequence[Tally]
    routes: dict[str, Route]
    limits: Limits
    sources: Sequence[ScannedSource]
    reasons: Sequence[tuple[str, int, list[FileId]]]

    def files_in(self, *states: FileState) -> int:
        """How many files are in one of the states."""
        return sum(tally.files for tally in self.tallies if tally.state in states)


@dataclass(slots=True)
class RunResult:
    """What `run` has done: the last plan, all copies together, the last verification."""

    plan: PlanResult = field(default_factory=PlanResult)
    applied: ApplyProgress = field(default_factory=ApplyProgress)
    verified: VerifyResult = field(default_factory=VerifyResult)


class Migration:
    """The way from FastDFS to S3. Each step can be repeated, interrupted, and undone until the drain.

    Args:
        source: FastDFS; `None` where this deployment no longer has it.
        target: S3.
        ledger: The memory.
        prefix: The front of the keys of moved files.
    """

    def __init__(self, source: MigrationSource | None, target: MigrationTarget, ledger: Ledger, prefix: str) -> None:
        self.ledger = ledger
        self._source = source
        self._target = target
        self._prefix = prefix
        self._abilities: TargetAbilities | None = None

    async def preflight(self) -> Preflight:
        """See `preflight.preflight`."""
        found = await preflight(self._required_source, self._target, self._prefix)
        self._abilities = found.abilities
        return found

    async def plan(self, options: PlanOptions, *, settle_seconds: float | None = None) -> PlanResult:
        """See `Planner.plan`."""
        planner = (
            Planner(self._required_source, self.ledger)
            if settle_seconds is None
            else Planner(self._required_source, self.ledger, settle_seconds=settle_seconds)
        )
        return await planner.plan(options)

    async def applier(
        self, on_outcome: Callable[[LedgerFile, Outcome], None] = lambda _file, _outcome: None
    ) -> Applier:
        """What copies; `apply` it, look at its `progress`, `stop` it.

        Raises:
            GateRefusedException: The target cannot be used.
        """
        pace = Pace()
        copier = FileCopier(
            self._required_source, self._target, self.ledger, await self._proven_abilities(), self._prefix, pace
        )
        return Applier(copier, self.ledger, pace, on_outcome=on_outcome)

    async def verify(
        self,
        options: VerifyOptions,
        on_file: Callable[[LedgerFile, Level | None, str | None], None] = lambda _file, _level, _problem: None,
    ) -> VerifyResult:
        """See `Verifier.verify`."""
        return await Verifier(self._target, self.ledger, self._prefix, on_file=on_file).verify(options)

    async def route(
        self, group: str, route: Route, *, accept: Sequence[FileId] = (), accept_incomplete: bool = False
    ) -> None:
        """See `Gates.route`."""
        await Gates(self._source, self.ledger).route(group, route, accept=accept, accept_incomplete=accept_incomplete)

    def drainer(self) -> Drainer:
        """What deletes at the source; `drain` with it, `stop` it."""
        return Drainer(self._required_source, self._target, self.ledger, Pace())

    async def run(self, options: ApplyOptions | None = None) -> RunResult:
        """Plan, copy and verify, again until a plan finds nothing new; changes no route and deletes nothing."""
        result = RunResult()
        while True:
            result.plan = await self.plan(PlanOptions())
            applier = await self.applier()
            applied = await applier.apply(options or ApplyOptions())
            result.applied.copied += applied.copied
            result.applied.bytes += applied.bytes
            result.applied.quarantined += applied.quarantined
            result.verified = await self.verify(VerifyOptions())
            if applied.stopped_by != "done" or not (result.plan.new or result.verified.failed):
                return result

    async def status(self) -> MigrationStatus:
        """Where everything is."""
        return MigrationStatus(
            await self.ledger.tallies(),
            dict(await self.ledger.routes()),
            await self.ledger.limits(),
            await self.ledger.sources(),
            await self.ledger.reasons(),
        )

    async def decide_missing(self, *, keep: bool, file_ids: Sequence[FileId] | None = None) -> int:
        """Settle what was lost at its source: keep the copy, or take it for deleted; gives how many files.

        Args:
            keep: Whether S3's copy stays.
            file_ids: Which files; all that are missing by default.
        """
        wanted = None if file_ids is None else set(file_ids)
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

    async def _proven_abilities(self) -> TargetAbilities:
        if self._abilities is None:
            self._abilities = await self._target.probe(self._prefix)
        if not (self._abilities.writable and self._abilities.shows_missing):
            raise GateRefusedException("the target cannot be used: 'preflight' says why")
        return self._abilities
