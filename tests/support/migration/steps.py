"""Steps of a migration in memory, as operators take them, and what can be seen of them afterwards."""

from collections.abc import AsyncIterator
from typing import Final

from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.migration.planning import PlanOptions, PlanResult
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState
from tests.support.migration.in_memory import MemorySource

PREFIX: Final = "moved/"


class CleaningUp:
    """Counts how often it was asked to."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1


async def plan(migration: Migration, options: PlanOptions | None = None) -> PlanResult:
    """Plan all files, or what is said, whatever was changed a moment ago."""
    return await migration.plan(options or PlanOptions(), settle_seconds=0)


async def planned_alone(migration: Migration, source: MemorySource) -> FileId:
    """A file that is planned by its id: nothing was listed."""
    file_id = source.add(b"some")
    await plan(migration, PlanOptions(cluster=False, ids=[("ids.txt", lines(file_id))]))
    return file_id


async def states(migration: Migration) -> dict[FileId, FileState]:
    """Of every file of the ledger."""
    async with migration.ledger.files() as files:
        return {file.file_id: file.state async for file in files}


async def facts_of(migration: Migration, event: str) -> dict[str, object]:
    """The details of the only event of that name."""
    [(_, _, detail)] = await migration.ledger.events(name=event)
    return dict(detail)


async def put(migration: Migration, file_id: FileId, state: FileState) -> None:
    """Put a file into a state that it has not come to by itself."""
    row = await migration.ledger.find(file_id)
    assert row is not None
    assert await migration.ledger.put(row, state)


async def lines(*ids: FileId | str) -> AsyncIterator[str]:
    """Ids as a file has them."""
    for file_id in ids:
        yield str(file_id)
