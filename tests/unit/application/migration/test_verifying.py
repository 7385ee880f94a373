"""What a verification takes for a copy, and what becomes of what is none."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest
from isal import isal_zlib

from s3py_helper.application.migration.kinds import kind_of
from s3py_helper.application.migration.verifying import Verifier, VerifyOptions, VerifyResult
from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Outcome, Tally
from s3py_helper.application.ports.migration_target import MigrationTarget, TargetObject
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import ID_METADATA, FileState, Level, moved_key

NOW = 1_700_000_000
CONTENT = b"some bytes"
CRC32 = isal_zlib.crc32(CONTENT)
FILE_ID = FileId(Backend.FASTDFS, "group1", "M00/00/00/made_up_by_hand.txt")
FILE = LedgerFile(FILE_ID, kind_of(FILE_ID), FileState.COPIED, 1, size=10, crc32=CRC32)
THERE = TargetObject(moved_key("moved/", FILE_ID), 10, '"x"', CRC32, metadata={ID_METADATA: str(FILE_ID)})


class Target:
    """Has one object at most."""

    def __init__(self, there: TargetObject | None, *, content: bytes = CONTENT, listed: bool = True) -> None:
        self._there = there
        self._listed = listed
        self._content = content

    @asynccontextmanager
    async def list(self, _prefix: str) -> AsyncGenerator[AsyncIterator[TargetObject]]:
        async def objects() -> AsyncIterator[TargetObject]:
            if self._listed:
                yield self._there or THERE

        yield objects()

    async def head(self, _key: str) -> TargetObject | None:
        return self._there

    @asynccontextmanager
    async def open(self, _key: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        async def chunks() -> AsyncIterator[bytes]:
            yield self._content

        yield chunks()


class Row:
    """A ledger of one file; `counts` says whether what is recorded is of its present state."""

    def __init__(self, file: LedgerFile, *, counts: bool = True) -> None:
        self.recorded: list[Outcome] = []
        self._file = file
        self._counts = counts

    async def tallies(self) -> list[Tally]:
        return [Tally("group1", self._file.state, 1, 10)]

    @asynccontextmanager
    async def files(self, **_which: object) -> AsyncGenerator[AsyncIterator[LedgerFile]]:
        async def files() -> AsyncIterator[LedgerFile]:
            yield self._file

        yield files()

    async def now(self) -> float:
        return NOW + 0.5

    async def record(self, outcomes: Sequence[Outcome]) -> list[bool]:
        self.recorded += outcomes
        return [self._counts] * len(outcomes)


async def verified(target: Target, row: Row, read_share: float = 0.0) -> VerifyResult:
    verifier = Verifier(cast("MigrationTarget", target), cast("Ledger", row), "moved/")
    return await verifier.verify(VerifyOptions(read_share=read_share))


@pytest.mark.parametrize(
    ("there", "read_share", "level"),
    [(THERE, 0.0, Level.CHECKSUM), (THERE, 1.0, Level.READ), (replace(THERE, crc32=None), 0.0, Level.READ)],
)
async def test_a_copy_is_proven_as_far_as_it_was_looked_at(
    there: TargetObject, read_share: float, level: Level
) -> None:
    row = Row(FILE)
    result = await verified(Target(there), row, read_share)
    [outcome] = row.recorded
    assert (outcome.state, outcome.level) == (FileState.VERIFIED, level)
    assert NOW <= (outcome.verified_at or 0) < NOW + 60
    assert (result.levels[level], result.failed_count) == (1, 0)


@pytest.mark.parametrize("state", [FileState.COPIED, FileState.VERIFIED, FileState.DRAINED])
@pytest.mark.parametrize(
    ("target", "problem"),
    [
        (Target(THERE, listed=False), "not listed"),
        (Target(replace(THERE, size=9)), "9 bytes instead of 10"),
        (Target(None), "listed, but not there"),
        (Target(replace(THERE, metadata={})), "somebody else's"),
        (Target(replace(THERE, metadata={ID_METADATA: "group1/M00/00/00/another"})), "somebody else's"),
        (Target(replace(THERE, crc32=7)), "the CRC-32 00000007"),
        (Target(replace(THERE, crc32=None), content=b"some bites"), "reads as 10 bytes"),
    ],
    ids=["unlisted", "size", "missing", "without a mark", "marked otherwise", "sum", "bytes"],
)
async def test_what_is_no_copy_is_planned_again_or_put_aside(target: Target, problem: str, state: FileState) -> None:
    row = Row(replace(FILE, state=state))
    result = await verified(target, row)
    [outcome] = row.recorded
    # Where the source is drained there is nothing to copy again.
    assert outcome.state is (FileState.QUARANTINED if state is FileState.DRAINED else FileState.PLANNED)
    assert problem in (outcome.reason or "")
    assert result.failed_count == 1


async def test_a_file_that_has_changed_meanwhile_is_not_counted() -> None:
    result = await verified(Target(None), Row(FILE, counts=False))
    assert (result.failed_count, sum(result.levels.values())) == (0, 0)
