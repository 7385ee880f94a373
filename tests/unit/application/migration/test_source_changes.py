"""A file that goes, or is written to, before or while it is copied."""

import pytest

from s3py_helper.application.ports.ledger import PlannedFile
from s3py_helper.application.ports.migration_source import SourceFacts, SourceMetadata
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState
from tests.support.migration.in_memory import CREATED, Kept, appender_id, id_of
from tests.support.migration.one_file import CONTENT, CRC32, DESCRIBED, World

pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize(("away", "state", "failed"), [(False, FileState.GONE, False), (True, FileState.PLANNED, True)])
@pytest.mark.parametrize("unplanned", [True, False])
async def test_a_file_that_its_source_lacks_is_gone_or_waits(
    world: World, way: str, away: bool, unplanned: bool, state: FileState, failed: bool
) -> None:
    file_id = world.source.add(CONTENT, described=DESCRIBED)
    facts = PlannedFile(file_id, FileKind.NORMAL, len(CONTENT), CRC32, CREATED)
    await world.ledger.plan([PlannedFile(file_id, FileKind.NORMAL) if unplanned else facts])
    del world.source.files[file_id]
    world.source.down = {file_id} if away else set()
    outcome = await world.copied(file_id, unplanned=True)
    assert (outcome.state, outcome.failed) == (state, failed)
    assert world.target.objects == {}


@pytest.mark.parametrize(("away", "state", "failed"), [(False, FileState.GONE, False), (True, FileState.PLANNED, True)])
async def test_a_file_that_goes_before_its_bytes_are_read_is_gone_or_waits(
    world: World, monkeypatch: pytest.MonkeyPatch, away: bool, state: FileState, failed: bool
) -> None:
    file_id = id_of(CONTENT, tail="_150x150.jpg")
    world.source.files[file_id] = Kept(CONTENT, DESCRIBED)

    async def described_and_gone(file_id: FileId) -> SourceMetadata:
        world.source.down = {file_id} if away else set()
        return world.source.files.pop(file_id).described

    monkeypatch.setattr(world.source, "metadata", described_and_gone)
    outcome = await world.copied(file_id, kind=FileKind.SLAVE)
    assert (outcome.state, outcome.failed) == (state, failed)
    assert world.target.objects == {}


async def test_a_change_that_a_server_reports_in_its_sum_alone_is_one(world: World) -> None:
    file_id = appender_id()
    world.source.files[file_id] = Kept(CONTENT, DESCRIBED)
    facts = world.source.facts

    async def facts_of(asked: FileId) -> SourceFacts:
        found = await facts(asked)
        world.source.files[file_id].content = CONTENT[:-1] + b"?"
        return found

    world.source.facts = facts_of  # type: ignore[method-assign,assignment]  # a file that is written to after each look
    outcome = await world.copied(file_id, kind=FileKind.APPENDER)
    assert (outcome.state, outcome.failed, outcome.reason) == (
        FileState.PLANNED, False, "changed: it was written to while it was copied"
    )  # fmt: skip
