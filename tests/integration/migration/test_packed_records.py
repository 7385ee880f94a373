"""Records of a real FastDFS that it has packed, as it does at night with those that all its servers have read."""

import asyncio
import gzip
import re
from pathlib import Path

import pytest

from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.domain.migration import FileState
from tests.support.fastdfs.real_site import RealSite
from tests.support.migration.bench import Bench
from tests.support.migration.servers import RealServers
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import S3Server

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]


def _pack(binlog: Path) -> None:
    """What `compress_binlog` leaves: older records packed, newer ones in the next file."""
    packed = binlog.with_name(binlog.name + ".gz")
    packed.write_bytes(gzip.compress(binlog.read_bytes()))
    binlog.unlink()
    binlog.with_name("binlog.001").touch()
    binlog.with_name("binlog_index.dat").write_text("current_write=1\ncurrent_compress=1\n")
    for mark in binlog.parent.glob("*.mark"):  # how far the peer has been told: of all that is packed
        told = re.sub(r"binlog_index=\d+", "binlog_index=1", mark.read_text())
        mark.write_text(re.sub(r"binlog_offset=\d+", "binlog_offset=0", told))


async def test_19_packed_records_are_listed(
    damaged_site: RealSite, seaweedfs: S3Server, scenario_bucket: S3Inspector, tmp_path: Path
) -> None:
    servers = RealServers(damaged_site)
    bench = Bench(seaweedfs, scenario_bucket, servers.tracker, tmp_path)
    older = await bench.upload(*(f"packed {number}".encode() for number in range(5)))
    for file_id in older:
        await servers.replicated(file_id)
    binlogs = [damaged_site.binlog("group1", index) for index in (0, 1)]
    for index, binlog in enumerate(binlogs):
        damaged_site.stop_storage("group1", index)
        if not binlog.with_name("binlog.001").exists():
            _pack(binlog)
        damaged_site.start_storage("group1", index)
    assert all(binlog.with_name("binlog.000.gz").exists() for binlog in binlogs)
    await bench.upload(*(f"after it {number}".encode() for number in range(5)))
    try:
        async with bench.manager() as manager:
            plan = PlanOptions(groups=frozenset({"group1"}))
            async with asyncio.timeout(60):  # a server lists a new file when its buffer has been written
                while None in [await bench.state_of(manager, file_id) for file_id in bench.truth.live]:
                    assert (await manager.migration.plan(plan, settle_seconds=30)).incomplete == []
            await bench.apply(manager)
            for file_id in bench.truth.live:
                assert await bench.state_of(manager, file_id) is FileState.COPIED, file_id
        assert (await bench.audit()).damages == {}
    finally:
        await bench.files.clean_up()
