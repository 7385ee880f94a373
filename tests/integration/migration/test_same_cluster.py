"""Ledgers that meet another cluster than the one they are of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.application.migration.same_cluster import SameCluster
from s3py_helper.application.ports.migration_source import MigrationSource, SourceGroup, SourceServer
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.migration import FileState, GateRefusedException, Route
from tests.support.migrating import copied, migrating, s3_only, states
from tests.support.s3.inspector import inspector_of
from tests.support.s3.server import S3Server

pytestmark = pytest.mark.timeout(60)

BUCKET = "same-cluster"


@dataclass
class Servers:
    """A source of which only the servers are asked."""

    names: Sequence[str] = ()
    is_down: bool = False

    async def groups(self) -> Sequence[SourceGroup]:
        if self.is_down:
            raise StorageUnavailableException("no tracker answers")
        servers = [SourceServer(name, 1, "6.16.1", True, 0, None, 1) for name in self.names]
        return [SourceGroup("group1", servers)]


async def test_nothing_is_done_with_the_ledger_of_another_cluster(seaweedfs: S3Server, tmp_path: Path) -> None:
    inspector_of(seaweedfs, BUCKET)
    s3, ledger = seaweedfs.config(default_bucket=BUCKET), tmp_path / "ledger.db"
    async with migrating(s3, ledger, "") as site, site.manager() as manager:
        await copied(manager.migration, [await site.files.upload(b"of the first cluster")])
        await manager.migration.verify()
        await s3_only(manager.migration)
    async with migrating(s3, ledger, "") as other, other.manager() as manager:
        migration = manager.migration
        before = await migration.status()
        refused = pytest.raises(
            GateRefusedException, match="the ledger belongs to another cluster, with storage servers "
        )
        with refused:
            await migration.preflight()
        with refused:
            await migration.plan(PlanOptions())
        with refused:
            await migration.applier()
        with refused:
            await migration.route("group1", Route.FASTDFS)
        with refused:
            await migration.drainer().drain(-1)
        assert await migration.status() == before
        assert await states(migration) == {FileState.VERIFIED: 1}


async def test_servers_may_be_replaced_one_after_the_other(tmp_path: Path) -> None:
    servers = Servers()
    source = cast("MigrationSource", servers)
    async with SqliteLedger(tmp_path / "ledger.db", "one") as ledger:
        for names in (["a:1", "b:1"], ["b:1", "c:1"], ["c:1", "d:1"], ["a:1"]):
            servers.names = names
            await SameCluster(source, ledger).require()
        servers.names = ["x:1"]
        with pytest.raises(GateRefusedException, match="a:1, b:1, c:1 and 1 more; the trackers name x:1"):
            await SameCluster(source, ledger).require()


async def test_a_cluster_that_says_nothing_of_itself_is_not_taken_for_another(tmp_path: Path) -> None:
    servers = Servers(["a:1"])
    source = cast("MigrationSource", servers)
    async with SqliteLedger(tmp_path / "ledger.db", "one") as ledger:
        await SameCluster(source, ledger).require()
        servers.names = []  # as a tracker answers that was just started
        looks_again = SameCluster(source, ledger)
        await looks_again.require()
        servers.names = ["x:1"]
        with pytest.raises(GateRefusedException):
            await looks_again.require()
        servers.is_down = True
        await SameCluster(source, ledger).require()
