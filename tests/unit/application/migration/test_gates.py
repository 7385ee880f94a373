"""What must be true before a route is changed, and what a refusal says."""

from collections.abc import Sequence

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.gates import Gates
from s3py_helper.application.ports.ledger import PlannedFile
from s3py_helper.application.ports.migration_source import SourceGroup
from s3py_helper.domain.errors import InvalidArgumentException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState, GateRefusedException, Route
from tests.support.migration.in_memory import MemorySource

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def gates(source: MemorySource, ledger: SqliteLedger) -> Gates:
    return Gates(source, ledger)


async def with_files(
    source: MemorySource, ledger: SqliteLedger, *states: FileState, group: str = "group1"
) -> list[FileId]:
    """Files of a group in these states; a listing of the group was whole."""
    ids = [FileId.parse(f"{group}/M00/00/00/{number:03}.txt") for number in range(len(states))]
    await ledger.plan([PlannedFile(file_id, FileKind.SLAVE, 4) for file_id in ids])
    for file_id, state in zip(ids, states, strict=True):
        if state not in {FileState.GONE, FileState.DRAINED}:
            source.add(b"some", file_id=file_id)
        row = await ledger.find(file_id)
        assert row is not None
        assert await ledger.put(row, state)
    await ledger.note("listing", {"group": group, "complete": True})
    return ids


async def route_of(ledger: SqliteLedger) -> dict[str, Route]:
    return dict(await ledger.routes())


HARMLESS = (FileState.VERIFIED, FileState.DRAINED, FileState.GONE, FileState.DELETED)


async def test_what_is_proven_and_listed_may_be_read_from_s3_alone(
    gates: Gates, source: MemorySource, ledger: SqliteLedger
) -> None:
    await with_files(source, ledger, *HARMLESS)
    await with_files(source, ledger, FileState.PLANNED, group="group2")
    await gates.route("group1", Route.S3_ONLY)
    assert await route_of(ledger) == {"group1": Route.S3_ONLY}


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (FileState.PLANNED, "2 files of group1 are planned, not verified: run 'apply' and 'verify' first"),
        (FileState.COPYING, "2 files of group1 are copying, not verified"),
        (FileState.COPIED, "2 files of group1 are copied, not verified"),
        (FileState.MISSING_AT_SOURCE, "2 files of group1 have a copy but are missing at their source"),
        (FileState.QUARANTINED, "2 files of group1 are quarantined, for example group1/M00/00/00/000.txt"),
    ],
)
async def test_what_is_not_proven_is_a_closed_gate(
    gates: Gates, source: MemorySource, ledger: SqliteLedger, state: FileState, says: str
) -> None:
    await with_files(source, ledger, state, state, FileState.VERIFIED)
    with pytest.raises(GateRefusedException, match=says):
        await gates.route("group1", Route.S3_ONLY, accept_incomplete=True)
    assert await route_of(ledger) == {}
    await gates.route("group1", Route.S3_FIRST)
    assert await route_of(ledger) == {"group1": Route.S3_FIRST}


@pytest.mark.parametrize(
    "state",
    [
        FileState.PLANNED, FileState.COPYING, FileState.COPIED, FileState.MISSING_AT_SOURCE, FileState.QUARANTINED,
    ],
)  # fmt: skip
async def test_a_file_that_changes_after_the_look_keeps_the_gate_closed(
    gates: Gates, source: MemorySource, ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch, state: FileState
) -> None:
    [file_id] = await with_files(source, ledger, FileState.VERIFIED)
    look = ledger.events

    async def changed_after(**which: object) -> object:
        found = await look(**which)  # type: ignore[arg-type]  # as the gates ask
        row = await ledger.find(file_id)
        assert row is not None
        await ledger.put(row, state)
        return found

    monkeypatch.setattr(ledger, "events", changed_after)
    with pytest.raises(GateRefusedException, match="the files of group1 have changed meanwhile"):
        await gates.route("group1", Route.S3_ONLY)
    assert await route_of(ledger) == {}


async def test_quarantined_files_of_the_group_can_be_accepted_by_name(
    gates: Gates, source: MemorySource, ledger: SqliteLedger
) -> None:
    one, two, verified = await with_files(
        source, ledger, FileState.QUARANTINED, FileState.QUARANTINED, FileState.VERIFIED
    )
    [other] = await with_files(source, ledger, FileState.QUARANTINED, group="group2")
    unknown = FileId.parse("group1/M00/00/00/unknown.txt")
    for wrong in (verified, other, unknown):
        with pytest.raises(InvalidArgumentException, match=f"{wrong} is no quarantined file of group1"):
            await gates.route("group1", Route.S3_ONLY, accept=[one, wrong])
        row = await ledger.find(one)
        assert row is not None
        assert not row.accepted, "all or none"
    with pytest.raises(GateRefusedException, match=f"1 files of group1 are quarantined, for example {two}"):
        await gates.route("group1", Route.S3_ONLY, accept=[one])
    await gates.route("group1", Route.S3_ONLY, accept=[two])
    assert await route_of(ledger) == {"group1": Route.S3_ONLY}


@pytest.mark.parametrize(
    "listings",
    [
        [],
        [{"group": "group1", "complete": False}],
        [{"group": "group2", "complete": True}],
        [{"group": "group1"}],
    ],
)
async def test_a_group_that_was_never_listed_whole_is_a_closed_gate(
    gates: Gates, source: MemorySource, ledger: SqliteLedger, listings: Sequence[dict[str, object]]
) -> None:
    file_id = source.add(b"some")
    await ledger.plan([PlannedFile(file_id, FileKind.NORMAL, 4, state=FileState.GONE)])
    for detail in listings:
        await ledger.note("listing", detail)
    with pytest.raises(GateRefusedException, match="the last listing of group1 was not whole"):
        await gates.route("group1", Route.S3_ONLY)
    await gates.route("group1", Route.S3_ONLY, accept_incomplete=True)
    assert await route_of(ledger) == {"group1": Route.S3_ONLY}


async def test_a_group_that_nobody_knows_has_no_route(gates: Gates, source: MemorySource, ledger: SqliteLedger) -> None:
    await with_files(source, ledger, FileState.VERIFIED)
    for route in Route:
        with pytest.raises(InvalidArgumentException, match="the ledger knows no group 'group2': plan it first"):
            await gates.route("group2", route)


async def test_the_way_back_is_open_until_the_drain(gates: Gates, source: MemorySource, ledger: SqliteLedger) -> None:
    await with_files(source, ledger, FileState.VERIFIED, FileState.COPIED, FileState.PLANNED)
    [lost] = await with_files(source, ledger, FileState.VERIFIED, group="group3")
    del source.files[lost]
    await with_files(source, ledger, FileState.DRAINED, group="group2")
    await ledger.set_route("group1", Route.S3_ONLY)
    await gates.route("group1", Route.FASTDFS)
    assert await route_of(ledger) == {"group1": Route.FASTDFS}
    with pytest.raises(GateRefusedException, match="1 files of group2 were deleted from FastDFS: there is no way"):
        await gates.route("group2", Route.FASTDFS)


async def test_a_drain_that_begins_after_the_look_closes_the_way_back(
    source: MemorySource, ledger: SqliteLedger
) -> None:
    [file_id] = await with_files(source, ledger, FileState.VERIFIED)

    class Slow(MemorySource):
        async def groups(self) -> Sequence[SourceGroup]:
            row = await ledger.find(file_id)
            assert row is not None
            await ledger.put(row, FileState.DRAINED)
            return await super().groups()

    with pytest.raises(GateRefusedException, match="changed meanwhile"):
        await Gates(Slow(), ledger).route("group1", Route.FASTDFS)


async def test_fastdfs_must_answer_for_its_files_on_the_way_back(
    gates: Gates, source: MemorySource, ledger: SqliteLedger
) -> None:
    ids = await with_files(source, ledger, *[FileState.VERIFIED, FileState.COPIED] * 6)
    await gates.route("group1", Route.FASTDFS)
    assert len(source.asked) == 10, "a few files, of either state, are proof enough"
    source.silent = {ids[1]}
    with pytest.raises(GateRefusedException, match="FastDFS does not answer: nobody answers") as refused:
        await gates.route("group1", Route.FASTDFS)
    assert isinstance(refused.value.__cause__, StorageUnavailableException)
    source.silent = set()
    del source.files[ids[9]]
    with pytest.raises(GateRefusedException, match=f"FastDFS no longer has {ids[9]}: plan again"):
        await gates.route("group1", Route.FASTDFS)
    source.servers = {"group2": source.servers["group2"]}
    with pytest.raises(GateRefusedException, match="FastDFS has no group group1 any more"):
        await gates.route("group1", Route.FASTDFS)


async def test_a_deployment_without_fastdfs_has_no_way_back(source: MemorySource, ledger: SqliteLedger) -> None:
    await with_files(source, ledger, FileState.VERIFIED)
    with pytest.raises(GateRefusedException, match="this deployment has no FastDFS"):
        await Gates(None, ledger).route("group1", Route.FASTDFS)
    await Gates(None, ledger).route("group1", Route.S3_ONLY)
