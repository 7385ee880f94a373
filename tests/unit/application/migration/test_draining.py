"""What is deleted at the source, and what is left where it is."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest

from s3py_helper.application.migration.draining import Drainer, DrainResult
from s3py_helper.application.migration.kinds import kind_of
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Limits
from s3py_helper.application.ports.migration_source import MigrationSource
from s3py_helper.application.ports.migration_target import MigrationTarget, TargetObject
from s3py_helper.domain.errors import FileNotFoundException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import ID_METADATA, FileState, GateRefusedException, Route

NOW = 1_700_000_000
FILE_ID = FileId(Backend.FASTDFS, "group1", "M00/00/00/made_up_by_hand.txt")
FILE = LedgerFile(
    FILE_ID, kind_of(FILE_ID), FileState.VERIFIED, 1, size=10, crc32=7, key="moved/key", verified_at=NOW - 60
)
THERE = TargetObject("moved/key", 10, '"x"', 7, metadata={ID_METADATA: str(FILE_ID)})


type Files = AbstractAsyncContextManager[AsyncIterator[LedgerFile]]


class World:
    """Source, target and ledger of one file; `steps` says in which order it was worked on."""

    def __init__(
        self,
        file: LedgerFile = FILE,
        there: TargetObject | None = THERE,
        *,
        begins: bool = True,
        begun: bool = False,
        route: Route = Route.S3_ONLY,
        missing: bool = False,
    ) -> None:
        self.steps: list[str] = []
        self._file = file
        self._there = there
        self._begins = begins
        self._begun = begun
        self._route = route
        self._missing = missing

    async def head(self, _key: str) -> TargetObject | None:
        return self._there

    async def delete(self, _file_id: FileId) -> None:
        self.steps.append("deleted")
        if self._missing:
            raise FileNotFoundException("it is no more")

    async def routes(self) -> Mapping[str, Route]:
        return {"group1": self._route}

    async def limits(self) -> Limits:
        return Limits()

    async def now(self) -> float:
        return NOW

    async def find(self, _file_id: FileId) -> LedgerFile:
        return self._file

    async def begin_drain(self, _file: LedgerFile) -> bool:
        self.steps.append("begun")
        return self._begins

    async def end_drain(self, _file_id: FileId) -> None:
        self.steps.append("ended")

    async def note(self, _event: str, _detail: Mapping[str, object]) -> None:
        self.steps.append("noted")

    def files(self, **_which: object) -> Files:
        return _files(*([] if self._begun else [self._file]))

    def begun_drains(self, _group: str) -> Files:
        return _files(*([self._file] if self._begun else []))

    async def drained(self) -> DrainResult:
        ledger = cast("Ledger", self)
        drainer = Drainer(
            cast("MigrationSource", self),
            cast("MigrationTarget", self),
            ledger,
            Pace(ledger),
            settle_seconds=0,
        )
        return await drainer.drain(60)


@asynccontextmanager
async def _files(*files: LedgerFile) -> AsyncGenerator[AsyncIterator[LedgerFile]]:
    async def iterate() -> AsyncIterator[LedgerFile]:
        for file in files:
            yield file

    yield iterate()


async def test_the_entry_comes_before_the_deletion_and_is_closed_after_it() -> None:
    world = World()
    result = await world.drained()
    assert world.steps == ["begun", "deleted", "ended", "noted"]
    assert (result.drained, result.bytes, result.kept_count, result.too_young) == (1, 10, 0, 0)


@pytest.mark.parametrize("missing", [False, True])
async def test_a_deletion_that_was_begun_is_ended(missing: bool) -> None:
    world = World(replace(FILE, state=FileState.DRAINED, verified_at=None), begun=True, missing=missing)
    assert (await world.drained()).drained == 1
    assert world.steps == ["deleted", "ended", "noted"]


@pytest.mark.parametrize("verified_at", [NOW - 59, None])
async def test_what_was_verified_lately_or_never_waits(verified_at: int | None) -> None:
    world = World(replace(FILE, verified_at=verified_at))
    assert (await world.drained()).too_young == 1
    assert world.steps == ["noted"]


@pytest.mark.parametrize(
    "there",
    [
        None,
        replace(THERE, size=9),
        replace(THERE, crc32=8),
        replace(THERE, metadata={}),
        replace(THERE, metadata={ID_METADATA: "group1/M00/00/00/another"}),
    ],
)
async def test_a_file_stays_whose_object_is_not_what_was_verified(there: TargetObject | None) -> None:
    world = World(there=there)
    assert (await world.drained()).kept_count == 1
    assert world.steps == ["noted"]


async def test_a_file_stays_whose_entry_or_route_has_changed() -> None:
    world = World(begins=False)
    assert (await world.drained()).kept_count == 1
    assert world.steps == ["begun", "noted"]


@pytest.mark.parametrize("route", [route for route in Route if route is not Route.S3_ONLY])
async def test_nothing_is_deleted_while_readers_may_look_in_fastdfs(route: Route) -> None:
    world = World(route=route)
    with pytest.raises(GateRefusedException):
        await world.drained()
    assert world.steps == []
