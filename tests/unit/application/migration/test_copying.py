"""What becomes of a file that is deleted, written to or damaged while it is copied."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest
from isal import isal_zlib

from s3py_helper.application.migration.copying import FileCopier
from s3py_helper.application.migration.kinds import kind_of
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Outcome
from s3py_helper.application.ports.migration_source import MigrationSource, SourceFacts, SourceMetadata
from s3py_helper.application.ports.migration_target import MigrationTarget, NewObject, TargetAbilities, TargetObject
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.errors import IntegrityException, PreconditionFailedException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import ID_METADATA, METADATA_SUFFIX, FileState

CONTENT = b"some bytes"
THERE = SourceFacts(exists=True, at_source=True, size=10, mtime=1_700_000_000, crc32=isal_zlib.crc32(CONTENT))
CHANGED = SourceFacts(exists=True, at_source=True, size=11, mtime=1_700_000_000, crc32=7)
MISSING = SourceFacts(exists=False, at_source=True)
OUT_OF_REACH = SourceFacts(exists=False, at_source=False)
ABLE = TargetAbilities(
    checks_crc32=True, checks_whole=True, refuses_overwriting=True, shows_missing=True, md5_etags=True, writable=True
)
ORDINARY = FileId(Backend.FASTDFS, "group1", "M00/00/00/made_up_by_hand.txt")
APPENDER = FileId(Backend.FASTDFS, "group1", "M00/00/00/f6xpA2sHdm-EM_r2AAAAAPzEP28611.txt")


class Source:
    """One server, which says of its only file what a test wants, one look after the other."""

    def __init__(self, *facts: SourceFacts, content: bytes = CONTENT) -> None:
        self._facts = list(facts)
        self._content = content

    async def facts(self, _file_id: FileId) -> SourceFacts:
        return self._facts.pop(0)

    async def metadata(self, _file_id: FileId) -> SourceMetadata:
        return SourceMetadata("a.txt", "text/plain", {"In-Capitals": "kept in an object of its own"})

    @asynccontextmanager
    async def open(self, _file_id: FileId, **_more: object) -> AsyncGenerator[AsyncIterator[bytes]]:
        async def chunks() -> AsyncIterator[bytes]:
            yield self._content

        yield chunks()

    async def replicas(self, _file_id: FileId) -> Sequence[str]:
        return ["127.0.0.1"]


class Target:
    """Keeps the keys of what was stored, and compares the checksum."""

    def __init__(self, there: TargetObject | None = None, *, overwrites: bool = False, checks: bool = True) -> None:
        self.keys: list[str] = []
        self.abilities = replace(ABLE, refuses_overwriting=not overwrites, checks_crc32=checks)
        self._there = there

    async def head(self, key: str) -> TargetObject | None:
        return None if key.endswith(METADATA_SUFFIX) else self._there

    async def put(self, new: NewObject, content: IncomingBody | bytes) -> TargetObject:
        if self.abilities.refuses_overwriting and await self.head(new.key) is not None:
            raise PreconditionFailedException("something is there")
        given = content if isinstance(content, bytes) else b"".join([chunk async for chunk in content])
        if self.abilities.checks_crc32 and isal_zlib.crc32(given) != new.crc32:
            raise IntegrityException("other bytes")
        self.keys.append(new.key)
        return TargetObject(new.key, new.size, '"x"', new.crc32)

    async def delete(self, key: str) -> None:
        self.keys.remove(key)


class Row:
    """A ledger of one file, in some state; `counts` says whether its claim still holds."""

    def __init__(self, state: FileState = FileState.COPYING, *, counts: bool = True) -> None:
        self.recorded: list[Outcome] = []
        self._state = state
        self._counts = counts

    async def find(self, file_id: FileId) -> LedgerFile:
        return LedgerFile(file_id, kind_of(file_id), self._state, 1)

    async def record(self, outcomes: Sequence[Outcome]) -> list[bool]:
        self.recorded += outcomes
        return [self._counts] * len(outcomes)


async def copied(source: Source, target: Target, row: Row, file_id: FileId = ORDINARY) -> Outcome:
    ledger = cast("Ledger", row)
    where = cast("MigrationTarget", target)
    copier = FileCopier(cast("MigrationSource", source), where, ledger, target.abilities, "moved/", Pace(ledger))
    return await copier.copy(LedgerFile(file_id, kind_of(file_id), FileState.COPYING, 1))


async def test_a_file_is_copied_with_what_is_kept_beside_it() -> None:
    target = Target()
    outcome = await copied(Source(THERE, THERE), target, Row())
    assert outcome.state is FileState.COPIED
    assert len(target.keys) == 2


@pytest.mark.parametrize(
    ("facts", "row"),
    [(MISSING, Row()), (OUT_OF_REACH, Row(FileState.DELETED)), (OUT_OF_REACH, Row(FileState.GONE, counts=False))],
)
async def test_nothing_stays_of_a_file_that_was_deleted_meanwhile(facts: SourceFacts, row: Row) -> None:
    target = Target()
    outcome = await copied(Source(THERE, facts), target, row)
    assert outcome.state is FileState.GONE
    assert target.keys == []


async def test_a_worker_whose_claim_was_lost_deletes_nothing() -> None:
    target = Target()
    await copied(Source(THERE, MISSING), target, Row(counts=False))
    assert len(target.keys) == 2


async def test_a_source_that_went_away_proves_nothing() -> None:
    target = Target()
    outcome = await copied(Source(THERE, OUT_OF_REACH), target, Row())
    assert (outcome.state, outcome.failed) == (FileState.PLANNED, True)
    assert len(target.keys) == 2


@pytest.mark.parametrize(
    "source", [Source(THERE, CHANGED), Source(THERE, CHANGED, content=b"other bytes")], ids=["after", "during"]
)
async def test_a_file_that_was_written_to_is_copied_again_and_no_attempt_is_counted(source: Source) -> None:
    outcome = await copied(source, Target(), Row(), APPENDER)
    assert (outcome.state, outcome.failed) == (FileState.PLANNED, False)
    assert (outcome.reason or "").startswith("changed")


@pytest.mark.parametrize("overwrites", [False, True])
async def test_somebody_elses_object_is_neither_taken_for_a_copy_nor_replaced(overwrites: bool) -> None:
    another = TargetObject("key", THERE.size, '"y"', THERE.crc32, metadata={ID_METADATA: "group1/M00/00/00/another"})
    target = Target(another, overwrites=overwrites)
    outcome = await copied(Source(THERE, THERE), target, Row())
    assert outcome.state is FileState.QUARANTINED
    assert (outcome.reason or "").startswith("conflict")
    assert [key for key in target.keys if not key.endswith(METADATA_SUFFIX)] == []


@pytest.mark.parametrize("checks", [True, False])
@pytest.mark.parametrize("file_id", [ORDINARY, APPENDER])
async def test_damaged_bytes_are_put_aside(file_id: FileId, checks: bool) -> None:
    target = Target(checks=checks)
    outcome = await copied(Source(THERE, THERE, content=b"some bites"), target, Row(), file_id)
    assert outcome.state is FileState.QUARANTINED
    assert [key for key in target.keys if not key.endswith(METADATA_SUFFIX)] == []
    assert (outcome.reason or "").startswith("corrupt")


async def test_damaged_bytes_of_a_file_that_cannot_change_are_not_taken_for_a_change() -> None:
    outcome = await copied(Source(THERE, CHANGED, content=b"some bites"), Target(), Row(), ORDINARY)
    assert outcome.state is FileState.QUARANTINED
