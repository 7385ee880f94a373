"""Whole migrations under conditions that are not those of a sunny day; each ends with the auditor."""

import asyncio
import random
import resource
from collections import Counter
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from s3py_helper.adapters.s3.migration_target import S3MigrationTarget
from s3py_helper.application.migration.planning import PlanOptions, PlanResult
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.application.ports.ledger import Limits
from s3py_helper.application.ports.migration_target import NewObject, TargetObject
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.migration import ID_METADATA, FileState, GateRefusedException, Route
from s3py_helper.storage import StorageException, StorageManager, StorageMode, StorageUnavailableException
from tests.support.fastdfs import FakeCluster
from tests.support.fastdfs.real_site import RealSite
from tests.support.migration.bench import Bench
from tests.support.migration.servers import Servers
from tests.support.migration.truth import digest
from tests.support.migration.whims import whimsical
from tests.support.proxy import fault_proxy
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import S3Server

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

MIB: Final = 1024 * 1024


@pytest.fixture(params=["real", "protocol-level", "storage ids", "trunk"])
async def any_bench(
    request: pytest.FixtureRequest, seaweedfs: S3Server, scenario_bucket: S3Inspector, tmp_path: Path
) -> AsyncIterator[Bench]:
    fixtures = {"real": "damaged_site", "storage ids": "storage_id_site", "trunk": "trunk_site"}
    if request.param == "protocol-level":
        async with FakeCluster() as cluster:
            yield Bench(seaweedfs, scenario_bucket, cluster.tracker_address, tmp_path)
        return
    site: RealSite = request.getfixturevalue(fixtures[request.param])
    bench = Bench(seaweedfs, scenario_bucket, site.trackers[0], tmp_path)
    yield bench
    await bench.files.clean_up()


async def of_every_kind(bench: Bench) -> None:
    """Sizes from nothing to several parts, appenders, slaves of every shape, and files that are gone already."""
    sizes = random.Random(1)
    await bench.upload(b"", b"1", *(sizes.randbytes(sizes.randrange(1, 100_000)) for _ in range(20)))
    await bench.upload(sizes.randbytes(9 * MIB), sizes.randbytes(66 * MIB))
    appender = await bench.upload_appender(b"first")
    await bench.append(appender, b", second", b"first, second")
    [master] = await bench.upload(b"a master")
    slave = await bench.upload_slave(master, "_150x150", "jpg", b"a slave")
    await bench.upload_slave(slave, "_s", "jpg", b"a slave of a slave")
    await bench.upload_slave(master, "-b", "", b"another size")
    [twin, other] = await bench.upload(b"of 8 byt", b"deleted when its slave was there")
    await bench.upload_slave(twin, "-t", "", b"as large")
    await bench.upload_slave(other, "_orphan", "png", b"an orphan")
    await bench.delete_past_the_kit(other)
    for file_id in await bench.upload(b"deleted", b"before", b"the plan"):
        await bench.delete_past_the_kit(file_id)


async def listed(bench: Bench, manager: StorageManager) -> PlanResult:
    """The plan that knows all files; a server lists a new one when its buffer has been written."""
    async with asyncio.timeout(30):
        while True:
            result = await manager.migration.plan(PlanOptions(), settle_seconds=0)
            if None not in [await bench.state_of(manager, file_id) for file_id in bench.truth.live]:
                return result


async def test_1_15_16_files_of_every_kind_move_and_their_ids_go_on(any_bench: Bench) -> None:
    bench = any_bench
    await of_every_kind(bench)
    async with bench.manager() as manager:
        await bench.plan(manager)
        assert (await bench.apply(manager)).quarantined == 0
        assert await bench.states(manager) == {FileState.COPIED: len(bench.truth.live), FileState.GONE: 4}
        assert (await bench.audit()).damages == {}
        await bench.leave(manager, drains=True)
    async with bench.manager(mode=StorageMode.S3) as manager:
        for file_id in bench.truth.live:
            await manager.download_service.download_bytes(file_id)
    assert (await bench.audit()).damages == {}


@pytest.mark.parametrize("site", ["damaged_site", "trunk_site", "storage_id_site"])
async def test_a_real_cluster_is_listed_with_all_that_it_has_and_nothing_that_it_has_not(
    site: str, request: pytest.FixtureRequest, seaweedfs: S3Server, scenario_bucket: S3Inspector, tmp_path: Path
) -> None:
    cluster: RealSite = request.getfixturevalue(site)
    bench = Bench(seaweedfs, scenario_bucket, cluster.trackers[0], tmp_path)
    await of_every_kind(bench)
    try:
        async with bench.manager() as manager:
            assert (await listed(bench, manager)).incomplete == []
            await bench.apply(manager)
            for file_id in bench.truth.live:
                assert await bench.state_of(manager, file_id) is FileState.COPIED, file_id
            for file_id in bench.truth.deleted:
                assert await bench.state_of(manager, file_id) in {None, FileState.GONE}, file_id
            again = await manager.migration.run()
            assert (again.plan.new, again.applied.copied) == (0, 0)
        assert (await bench.audit()).damages == {}
    finally:
        await bench.files.clean_up()


async def test_4_two_workers_with_the_same_files_write_each_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    files = await bench.upload(*(f"once {number}".encode() for number in range(60)))
    written: Counter[str] = Counter()
    real = S3MigrationTarget.put

    async def put(target: S3MigrationTarget, new: NewObject, body: IncomingBody) -> TargetObject:
        stored = await real(target, new, body)
        written[new.metadata[ID_METADATA]] += 1
        return stored

    monkeypatch.setattr(S3MigrationTarget, "put", put)
    # With a ledger of its own each, neither knows of the other.
    async with bench.manager() as one, bench.manager(ledger="other.db") as other:
        await asyncio.gather(bench.plan(one), bench.plan(other))
        await asyncio.gather(bench.apply(one), bench.apply(other))
        for manager in (one, other):
            assert await bench.states(manager) == {FileState.COPIED: len(files)}
    assert written == Counter(files)
    assert (await bench.audit()).damages == {}


@pytest.mark.parametrize("everywhere", [False, True], ids=["13 at the source", "14 everywhere"])
async def test_a_flipped_bit_never_arrives(bench: Bench, servers: Servers, everywhere: bool) -> None:
    damaged, _ = await bench.upload(b"a bit of this flips" * 100, b"sound")
    await servers.replicated(damaged)
    await servers.damage(damaged, everywhere=everywhere)
    async with bench.manager() as manager:
        await bench.plan(manager)
        await bench.apply(manager)
        state = await bench.state_of(manager, damaged)
        assert state is (FileState.QUARANTINED if everywhere else FileState.COPIED)
        if everywhere:
            bench.truth.stays(damaged)
            with pytest.raises(GateRefusedException):
                await bench.leave(manager)
    assert (await bench.audit()).damages == {}
    if everywhere:
        code, summary = await bench.commands().migrate("apply")
        assert (code, summary["quarantined"]) == (3, 1)


async def test_17_a_listing_that_breaks_off_is_told_and_opens_no_gate(bench: Bench, servers: Servers) -> None:
    await bench.upload(b"one", b"two", b"three")
    await servers.poison_listings()
    try:
        async with bench.manager() as manager:
            result = await manager.migration.plan(PlanOptions(), settle_seconds=0)
            assert not result.complete
            await bench.apply(manager)
            await manager.migration.verify(VerifyOptions())
            with pytest.raises(GateRefusedException, match="not whole"):
                await manager.migration.route("group1", Route.S3_ONLY)
    finally:
        await servers.mend()


async def test_18_a_replica_that_is_down_hides_no_file(bench: Bench, servers: Servers) -> None:
    files = await bench.upload(*(f"either source {number}".encode() for number in range(6)))
    for file_id in files:
        await servers.replicated(file_id)
    async with bench.manager() as manager:
        await servers.stop_one()
        try:
            assert not (await listed(bench, manager)).complete, "who is down cannot be listed"
            await bench.apply(manager)
            for file_id in files:
                assert await bench.state_of(manager, file_id) is FileState.COPIED
        finally:
            await servers.start_one()
        assert (await bench.audit()).damages == {}
        assert (await manager.migration.plan(PlanOptions(), settle_seconds=30)).complete
        await manager.migration.verify(VerifyOptions())
        await manager.migration.route("group1", Route.S3_ONLY)


async def test_18_what_only_one_replica_has_is_found(
    seaweedfs: S3Server, scenario_bucket: S3Inspector, tmp_path: Path
) -> None:
    async with FakeCluster() as cluster:
        cluster.group("group1").replication_lag = float("inf")
        bench = Bench(seaweedfs, scenario_bucket, cluster.tracker_address, tmp_path)
        await bench.upload(*(f"on one alone {number}".encode() for number in range(6)))
        async with bench.manager() as manager:
            assert (await manager.migration.plan(PlanOptions(), settle_seconds=0)).complete
            await bench.apply(manager)
        assert (await bench.audit()).damages == {}


async def test_19_servers_without_their_first_records_are_told_and_lists_help(bench: Bench, servers: Servers) -> None:
    files = await bench.upload(b"one", b"two", b"three")
    await servers.lose_first_records()
    try:
        async with bench.manager() as manager:
            result = await manager.migration.plan(PlanOptions(groups=frozenset({"group1"})), settle_seconds=0)
            assert len(result.incomplete) == 2
            assert all("binlog.000" in reason for reason in result.incomplete)
            await bench.plan(manager)
            await bench.apply(manager)
            assert await bench.states(manager) == {FileState.COPIED: len(files)}
    finally:
        await servers.mend()
    assert (await bench.audit()).damages == {}


async def test_20_a_target_that_fails_every_fifth_time_loses_and_invents_nothing(
    bench: Bench, seaweedfs: S3Server
) -> None:
    await bench.upload(*(f"through a storm {number}".encode() * 500 for number in range(80)))
    async with fault_proxy(seaweedfs.endpoint) as proxy:
        s3 = bench.server.config(endpoint=proxy.endpoint, default_bucket=bench.inspector.bucket)
        async with bench.manager(s3=s3) as manager:
            await bench.plan(manager)
            await manager.migration.preflight()
            proxy.whim = whimsical(random.Random(20), share=0.2)
            while (await bench.states(manager)).get(FileState.COPIED) != len(bench.truth.live):
                await bench.apply(manager)
                assert await manager.migration.ledger.retry() == 0, "nothing is put aside for a target's failures"
            assert (await bench.audit()).damages == {}
            await manager.migration.route("group1", Route.S3_FIRST)
            await _reads_are_right(bench, manager)
            proxy.whim = None
            await bench.leave(manager, drains=True)
            proxy.whim = whimsical(random.Random(21), share=0.2)
            await _reads_are_right(bench, manager)
            proxy.whim = None
    assert (await bench.audit()).damages == {}


async def _reads_are_right(bench: Bench, manager: StorageManager) -> None:
    """Reads may fail for now; they never give other bytes, and never say that a live file is not there."""
    good = 0
    for file_id in bench.truth.live:
        try:
            content = await manager.download_service.download_bytes(file_id)
        except StorageUnavailableException:
            continue
        assert digest(content) == bench.truth.live[file_id]
        good += 1
    assert good > len(bench.truth.live) / 2


@pytest.mark.parametrize("mark", [False, True], ids=["somebody else's", "of other bytes"])
async def test_22_an_object_under_the_key_of_a_file_is_left_as_it_is(bench: Bench, mark: bool) -> None:
    taken, _ = await bench.upload(b"ours", b"another")
    metadata = {ID_METADATA: taken} if mark else {}
    await bench.inspector.put(bench.key_of(taken), b"theirs", Metadata=metadata)
    async with bench.manager() as manager:
        await bench.plan(manager)
        await bench.apply(manager)
        assert await bench.state_of(manager, taken) is FileState.QUARANTINED
        await manager.migration.route("group1", Route.S3_FIRST)
        assert await manager.download_service.download_bytes(taken) == b"ours"
    assert await bench.inspector.read(bench.key_of(taken)) == b"theirs"
    assert (await bench.audit()).damages == {"corrupt": [taken]}, "and nothing else"


@pytest.mark.parametrize("servers", ["protocol-level"], indirect=True)
@pytest.mark.parametrize("limits", [Limits(files_per_second=40), Limits(bytes_per_second=40_000)], ids=str)
async def test_25_limits_hold_and_change_while_it_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, limits: Limits
) -> None:
    await bench.upload(*(bytes(1000) for _ in range(160)))
    began: list[float] = []
    real = S3MigrationTarget.put

    async def put(target: S3MigrationTarget, new: NewObject, body: IncomingBody) -> TargetObject:
        stored = await real(target, new, body)
        began.append(asyncio.get_running_loop().time())
        if len(began) == 130:
            await manager.migration.ledger.set_limits(Limits())
        return stored

    monkeypatch.setattr(S3MigrationTarget, "put", put)
    async with bench.manager() as manager:
        await bench.plan(manager)
        await manager.migration.ledger.set_limits(limits)
        await bench.apply(manager)
    limited = began[:120]
    # A second's worth may be saved up; after that two seconds bring twice what one may.
    most = max(sum(start <= at < start + 2 for at in limited) for start in limited)
    assert most <= 40 * 2 + 40 + 16, "so many may be under way at once"
    assert (await bench.audit()).damages == {}


async def test_25_a_clock_that_jumps_costs_no_more_than_adoptions(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = await bench.upload(*(f"jumped over {number}".encode() for number in range(20)))
    jumped = False
    real = S3MigrationTarget.put

    async def put(target: S3MigrationTarget, new: NewObject, body: IncomingBody) -> TargetObject:
        nonlocal jumped
        if not jumped:
            jumped = True
            bench.end_leases()  # all leases have ended, says the clock
            await bench.apply(other)
        return await real(target, new, body)

    monkeypatch.setattr(S3MigrationTarget, "put", put)
    async with bench.manager() as manager, bench.manager() as other:
        await bench.plan(manager)
        await bench.apply(manager)
        assert await bench.states(manager) == {FileState.COPIED: len(files)}
    assert (await bench.audit()).damages == {}


async def test_25_a_ledger_on_a_full_disk_stops_everything_and_loses_nothing(bench: Bench) -> None:
    kept, deleted, *_ = await bench.upload(*(f"no room {number}".encode() for number in range(40)))
    async with bench.manager() as manager:
        await bench.plan(manager)
        with full_disk():
            with pytest.raises(StorageUnavailableException):
                await manager.delete_service.delete_file(deleted)
            assert await manager.download_service.download_bytes(kept) == b"no room 0"
            with pytest.raises(StorageException):
                await bench.apply(manager)
        assert (await bench.audit_source(kept, deleted)).damages == {}, "what was not written down was not deleted"
        await bench.delete(manager, deleted)
        bench.end_leases()
        await bench.apply(manager)
        assert await bench.states(manager) == {FileState.COPIED: 39, FileState.DELETED: 1}
    assert (await bench.audit()).damages == {}


@contextmanager
def full_disk() -> Generator[None]:
    """No file of this process can grow, as on a disk without room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
