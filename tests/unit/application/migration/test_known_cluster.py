"""Whether the trackers lead to the cluster that the ledger knows, to another, or to none."""

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.applying import ApplyOptions
from s3py_helper.application.migration.migration import Migration
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.migration import GateRefusedException, Route
from tests.support.migration.in_memory import FIRST, SECOND, MemorySource, MemoryTarget
from tests.support.migration.steps import PREFIX, plan

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("quick_steps")]


async def test_a_ledger_of_another_cluster_is_refused_by_every_step(
    migration: Migration, source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    source.add(b"some")
    await plan(migration)
    await migration.ledger.set_route("group1", Route.S3_ONLY)
    source.servers = {"group1": ("127.0.0.8:23000", "127.0.0.9:23000", "127.0.0.7:23000", "127.0.0.6:23000")}
    elsewhere = Migration(source, target, ledger, PREFIX)
    for step in (elsewhere.preflight, lambda: plan(elsewhere), elsewhere.applier, elsewhere.worker,
                 lambda: elsewhere.route("group1", Route.FASTDFS), lambda: elsewhere.drainer().drain(0)):  # fmt: skip
        with pytest.raises(GateRefusedException, match="another cluster") as refused:
            await step()
        assert f"storage servers {FIRST}, {SECOND}; the trackers name 127.0.0.6:23000, 127.0.0.7:23000, " in str(
            refused.value
        )
        assert "127.0.0.8:23000 and 1 more: name another ledger" in str(refused.value)


async def test_trackers_that_are_down_are_a_finding_and_no_reason_to_copy_nothing(
    migration: Migration, source: MemorySource, target: MemoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.add(b"some")
    await plan(migration)

    async def down() -> object:
        raise StorageUnavailableException("no tracker answers")

    monkeypatch.setattr(source, "groups", down)
    found = await Migration(source, MemoryTarget(), migration.ledger, PREFIX).preflight()
    assert (found.findings[0].subject, found.findings[0].says, found.passed) == (
        "trackers",
        "no tracker answers",
        False,
    )
    another = Migration(source, MemoryTarget(), migration.ledger, PREFIX)
    assert (await (await another.applier()).apply(ApplyOptions())).copied == 1
    with pytest.raises(StorageUnavailableException, match="no tracker answers"):
        await plan(another)


async def test_that_it_is_the_same_cluster_is_found_out_once(
    migration: Migration, source: MemorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, groups = list[int](), source.groups

    async def counted() -> object:
        asked.append(1)
        return await groups()

    monkeypatch.setattr(source, "groups", counted)
    for _ in range(3):
        await migration.applier()
    assert len(asked) == 1


async def test_a_cluster_whose_servers_are_replaced_one_by_one_is_the_same(
    migration: Migration, source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    await plan(migration)
    for servers in ((SECOND, "127.0.0.5:23000"), ("127.0.0.5:23000", "127.0.0.6:23000"), ("127.0.0.6:23000",)):
        source.servers = {"group1": servers}
        await plan(Migration(source, target, ledger, PREFIX))
    noted = [detail["servers"] for _, _, detail in await ledger.events(name="cluster")]
    assert noted == [["127.0.0.6:23000"], ["127.0.0.5:23000"], [FIRST, SECOND]], "each is noted once"


async def test_trackers_without_servers_prove_nothing(
    migration: Migration, source: MemorySource, target: MemoryTarget, ledger: SqliteLedger
) -> None:
    servers, source.servers = source.servers, {}
    await plan(migration)
    source.servers = servers
    await plan(migration)
    assert [detail["servers"] for _, _, detail in await ledger.events(name="cluster")] == [[FIRST, SECOND]]
    source.servers = {}
    await plan(Migration(source, target, ledger, PREFIX))


async def test_a_deployment_without_fastdfs_says_so(target: MemoryTarget, ledger: SqliteLedger) -> None:
    migration = Migration(None, target, ledger, PREFIX)
    for step in (migration.preflight, lambda: plan(migration), migration.applier):
        with pytest.raises(GateRefusedException, match="use mode 'hybrid'"):
            await step()
    with pytest.raises(GateRefusedException, match="use mode 'hybrid'"):
        migration.drainer()
