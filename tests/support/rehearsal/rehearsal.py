"""The way of an operator, from the first plan to the last audit."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from tests.support.fastdfs.site import FastdfsSite
from tests.support.migration.auditor import audit, audit_source
from tests.support.rehearsal.between import Between, FileReader
from tests.support.rehearsal.commands import Commands
from tests.support.rehearsal.old_files import Kind, OldFile, delete_past_the_kit, stored_files, truth_of
from tests.support.rehearsal.traffic import Seen, Traffic
from tests.support.s3.inspector import S3Inspector, inspector_of
from tests.support.s3.server import S3Server

_OUTSIDE: Final = 3
"""Files that are deleted past the kit after their copy."""

type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How large a rehearsal is.

    Attributes:
        files: Old files.
        workers: Processes that copy side by side.
        kill_seconds: On average, one of them is killed so often.
        lease_seconds: How long a worker that was killed keeps its files; `None` as long as usual.
        files_per_second: How fast workers may copy, for kills to meet them when there are few files.
        reads_per_second: Reads begun in a second, through all phases.
        settle_seconds: How long the last phase goes on after the drain.
    """

    files: int = 2000
    workers: int = 2
    kill_seconds: float = 3.0
    lease_seconds: float | None = None
    files_per_second: int | None = None
    reads_per_second: float = 50
    settle_seconds: float = 3.0


@dataclass(slots=True)
class Figures:
    """What a rehearsal has shown.

    Attributes:
        seconds: How long each phase took.
        problems: Steps that did not end as they should, in words.
        damages: What the auditor found, by kind.
        unexpected: Answers that readers, writers and deleters should not have got; the first hundred.
        copied_again: Objects that a second run has written once more.
    """

    files: int = 0
    bytes: int = 0
    deleted: int = 0
    kills: int = 0
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    requests: int = 0
    statuses: dict[str, int] = field(default_factory=dict[str, int])
    read_ms: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    unexpected_count: int = 0
    unexpected: list[str] = field(default_factory=list[str])
    problems: list[str] = field(default_factory=list[str])
    damages: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    objects_read: int = 0
    copied_again: int = 0
    states: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def is_clean(self) -> bool:
        """Whether nothing at all is wrong."""
        return not (self.unexpected_count or self.problems or self.damages or self.copied_again)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Rehearsal:
    """One migration of a cluster of its own into a bucket of its own.

    Args:
        site: A FastDFS without files of others.
        s3: Where they go.
        folder: For the ledger and what commands say.
        options: How large it is.
        say: Is told how it goes.
        between: Ledger and broker; by default a file in the folder, and none.
    """

    BUCKET: Final = "rehearsal"
    PREFIX: Final = "old/"

    def __init__(
        self,
        site: FastdfsSite,
        s3: S3Server,
        folder: Path,
        options: Options,
        say: Say = lambda _line: None,
        between: Between | None = None,
    ) -> None:
        self.figures = Figures()
        self._tracker = site.trackers[0]
        self._options = options
        self._say = say
        self._between = between or Between(FileReader(folder / "ledger.db"))
        self._inspector: S3Inspector = inspector_of(s3, self.BUCKET)
        settings = {
            "S3PY_MODE": "hybrid",
            "S3PY_S3__ENDPOINT": s3.endpoint,
            "S3PY_S3__ACCESS_KEY_ID": s3.access_key,
            "S3PY_S3__SECRET_ACCESS_KEY": s3.secret_key,
            "S3PY_S3__DEFAULT_BUCKET": self.BUCKET,
            "S3PY_FASTDFS__TRACKER_SERVERS": self._tracker,
            "S3PY_MIGRATION__LEDGER": self._between.ledger.url,
            "S3PY_MIGRATION__PREFIX": self.PREFIX,
        }
        self._commands = Commands(folder, settings, lease_seconds=options.lease_seconds)
        self._files: list[OldFile] = []

    async def run(self) -> Figures:
        """Go the whole way; what is wrong is in the figures."""
        async with self._timed("store"):
            self._files = await stored_files(self._tracker, self._options.files)
        self.figures.files = len(self._files)
        self.figures.bytes = sum(file.size for file in self._files)
        async with self._commands.service() as url, self._traffic(url) as traffic:
            await self._copy(traffic)
            await self._lose_some(traffic)
            await self._leave(traffic)
            await asyncio.sleep(self._options.settle_seconds)
        async with self._timed("second run"):
            await self._run_again()
        async with self._timed("audit"):
            await asyncio.to_thread(self._audit)
        self.figures.kills = self._commands.kills
        self.figures.deleted = sum(file.is_gone for file in self._files)
        self._inspector.sdk.close()
        return self.figures

    async def _copy(self, traffic: Traffic) -> None:
        async with self._timed("plan", traffic):
            await self._expect(0, "preflight")
            await self._commands.killed("plan", after=2.0)
            await self._expect(0, "plan")
        if self._options.files_per_second is not None:
            await self._commands.says("migrate", "limits", "--rate-files", str(self._options.files_per_second))
        async with (
            self._timed("apply", traffic),
            self._commands.dying_workers(self._options.workers, self._options.kill_seconds, self._between),
        ):
            has_failed = False
            while await self._between.ledger.count("planned", "copying") or not self._commands.kills:
                if self._commands.kills and not has_failed:
                    has_failed = True
                    async with traffic.without_deletions():  # a ledger that is down refuses them
                        await self._between.fail()
                await asyncio.sleep(0.5)
        async with self._timed("apply again", traffic):
            await self._expect(0, "plan")  # what was appended to meanwhile
            await self._expect(0, "apply")

    async def _lose_some(self, traffic: Traffic) -> None:
        """Files that are deleted past the kit after their copy: the next plan finds them, and no gate opens."""
        lost = [file for file in self._files if self._is_of_group_one(file) and not file.is_leaving][:_OUTSIDE]
        for file in lost:
            await delete_past_the_kit(self._tracker, file)
        await asyncio.sleep(self._options.settle_seconds)  # a replica lists them until it has followed
        async with self._timed("verify", traffic):
            await self._commands.killed("verify", after=2.0)
            await self._expect(0, "plan")
            await self._expect(0, "apply")
            await self._expect(0, "verify", "--sample", "5%")
        async with self._timed("s3-first", traffic):
            for group in ("group1", "group2"):
                await self._expect_route(0, group, "s3-first")
            traffic.may_append = False
            await asyncio.sleep(self._options.settle_seconds)
            await self._expect_route(4, "group1", "s3-only")
            code, said = await self._commands.says("migrate", "missing", "--delete")
            self._note(code == 0 and f"{len(lost)} deleted" in said, f"missing --delete: {code}: {said}")
            for file in lost:
                file.is_gone = True

    @staticmethod
    def _is_of_group_one(file: OldFile) -> bool:
        return file.file_id.startswith("group1/") and file.kind is Kind.NORMAL

    async def _leave(self, traffic: Traffic) -> None:
        async with self._timed("s3-first", traffic):
            await self._expect(0, "run")
            for group in ("group1", "group2"):
                await self._expect_route(0, group, "s3-only")
        async with self._timed("s3-only", traffic):
            await asyncio.sleep(self._options.settle_seconds)
        async with self._timed("audit before the drain"), traffic.without_deletions():
            await asyncio.to_thread(self._audit)
        async with self._timed("drain", traffic):
            await self._commands.killed("drain", "--older-than", "0s", "--yes", after=self._options.kill_seconds)
            await asyncio.sleep(1.0)  # what was verified within this second is too young
            await self._expect(0, "drain", "--older-than", "0s", "--yes")
            kept = await self._between.ledger.count("verified")
            self._note(not kept, f"{kept} files are not drained")

    async def _run_again(self) -> None:
        """A second run finds nothing to do."""
        before = await asyncio.to_thread(self._written_at)
        await self._expect(0, "run")
        self.figures.copied_again = sum(
            before.get(key) != at for key, at in (await asyncio.to_thread(self._written_at)).items()
        )

    def _audit(self) -> None:
        truth = truth_of(self._files)
        moved = audit(self._inspector.sdk, self.BUCKET, self.PREFIX, truth)
        at_source = audit_source(self._tracker, truth, truth.deleted)
        self.figures.objects_read = moved.objects
        for found in (moved, at_source):
            self.figures.damages |= found.damages
        self._say(f"audit: {moved.objects} objects read, damages: {self.figures.damages or 'none'}")

    @asynccontextmanager
    async def _traffic(self, url: str) -> AsyncGenerator[Traffic]:
        rate = self._options.reads_per_second
        traffic = Traffic(url, self._tracker, self._files, self._between.ledger, reads_per_second=rate)
        running = asyncio.ensure_future(traffic.run())
        try:
            yield traffic
        finally:
            traffic.stop()
            await running
            self._conclude(traffic.seen)

    def _conclude(self, seen: Seen) -> None:
        figures = self.figures
        figures.requests = seen.answers.total()
        by_status: Counter[str] = Counter()
        for (_, how, status), count in seen.answers.items():
            by_status[f"{how} {status}"] += count
        figures.statuses = dict(sorted(by_status.items()))
        figures.unexpected_count, figures.unexpected = seen.unexpected_count, seen.unexpected
        for phase, seconds in seen.seconds.items():
            if len(seconds) > 1:
                cuts = quantiles(seconds, n=100)
                figures.read_ms[phase] = [round(1000 * cuts[place], 1) for place in (49, 98)]

    @asynccontextmanager
    async def _timed(self, phase: str, traffic: Traffic | None = None) -> AsyncGenerator[None]:
        began = time.monotonic()
        self._say(f"{phase} ...")
        if traffic is not None:
            traffic.phase = phase
        yield
        self.figures.seconds[phase] = round(self.figures.seconds.get(phase, 0.0) + time.monotonic() - began, 1)
        self._say(f"{phase}: {self.figures.seconds[phase]} s, {self._commands.kills} kills so far")

    async def _expect(self, code: int, *arguments: str) -> None:
        got, summary = await self._commands.migrate(*arguments)
        if got != code:
            _, reasons = await self._commands.says("migrate", "errors")
            self._note(False, f"{' '.join(arguments)}: exit code {got}, expected {code}: {summary}\n{reasons}")
        self.figures.states = summary.get("states", self.figures.states)

    async def _expect_route(self, code: int, group: str, route: str) -> None:
        got, said = await self._commands.says("migrate", "route", group, route)
        self._note(got == code, f"route {group} {route}: exit code {got}, expected {code}: {said}")

    def _note(self, is_right: bool, words: str) -> None:
        if not is_right:
            self.figures.problems.append(words)
            self._say(f"PROBLEM: {words}")

    def _written_at(self) -> dict[str, Any]:
        pages = self._inspector.sdk.get_paginator("list_objects_v2").paginate(Bucket=self.BUCKET, Prefix=self.PREFIX)
        return {entry["Key"]: entry["LastModified"] for page in pages for entry in page.get("Contents", ())}
