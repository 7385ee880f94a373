"""Several worker processes on one ledger, with a broker and without, while all around them fails."""

import asyncio
import itertools
import random
import signal
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from s3py_helper.application.ports.ledger import Limits
from s3py_helper.domain.migration import FileState
from s3py_helper.storage import StorageManager
from tests.support import network_namespace
from tests.support.brokers.broker import Broker
from tests.support.fastdfs import FakeCluster
from tests.support.migration.bench import Bench
from tests.support.migration.dying import DIED
from tests.support.migration.fleet import LEASE_SECONDS, Fleet
from tests.support.migration.whims import whimsical
from tests.support.postgres.server import HOST, PostgresServer
from tests.support.proxy import fault_proxy
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import S3Server
from tests.support.waiting import until

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

WORKERS: Final = 4
_BROKERS: Final = {"no broker": None, "NATS": "nats_server", "Redis": "redis_server"}
_schemas: Final = itertools.count()


@pytest.fixture(params=["PostgreSQL"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the ledger is."""
    if request.param == "SQLite":
        return str(tmp_path / "ledger.db")
    server: PostgresServer = request.getfixturevalue("database")
    return server.url(schema=f"workers_{next(_schemas)}")


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster() as cluster:
        yield cluster


@pytest.fixture
def fleet_bench(
    seaweedfs: S3Server, scenario_bucket: S3Inspector, cluster: FakeCluster, ledger: str, tmp_path: Path
) -> Bench:
    return Bench(seaweedfs, scenario_bucket, cluster.tracker_address, tmp_path, ledger)


@pytest.fixture(params=_BROKERS)
def carrier(request: pytest.FixtureRequest) -> Broker | None:
    """What carries the shards."""
    name = _BROKERS[request.param]
    return None if name is None else request.getfixturevalue(name)


@pytest.fixture
def fleet(fleet_bench: Bench, carrier: Broker | None, tmp_path: Path) -> Fleet:
    return Fleet(tmp_path, fleet_bench.environment, None if carrier is None else carrier.url)


without_broker = pytest.mark.parametrize("carrier", ["no broker"], indirect=True)
on_any_ledger = pytest.mark.parametrize("ledger", ["SQLite", "PostgreSQL"], indirect=True)


async def left(manager: StorageManager) -> int:
    status = await manager.migration.status()
    return status.files_in(FileState.PLANNED, FileState.COPYING)


async def under_way(manager: StorageManager) -> list[str]:
    async with manager.migration.ledger.files(states=[FileState.COPYING]) as files:
        return [str(file.file_id) async for file in files]


async def test_2_5_8_20_25_workers_die_and_sleep_and_nothing_is_lost(
    fleet_bench: Bench, fleet: Fleet, carrier: Broker | None, database: PostgresServer
) -> None:
    bench = fleet_bench
    files = await bench.upload(*(f"one of many {number}".encode() * 50 for number in range(300)))
    async with bench.manager() as manager, fault_proxy(bench.server.endpoint) as proxy:
        await bench.plan(manager)
        await manager.migration.preflight()
        await manager.migration.ledger.set_limits(Limits(files_per_second=40))
        fleet.settings["S3PY_S3__ENDPOINT"] = proxy.endpoint
        proxy.whim = whimsical(random.Random(20), share=0.1)
        async with fleet.at_work(WORKERS):
            await reached(lambda: under_way(manager), within=60)
            async with fleet.one_asleep():
                asleep_since = time.monotonic()
                for happens in (None, "broker", "database", None):
                    await fleet.kill_one()
                    for file_id in (await under_way(manager))[:5]:
                        await bench.delete(manager, file_id)
                    if happens == "broker" and carrier is not None:
                        await asyncio.to_thread(carrier.lose_everything)
                    if happens == "database":
                        await asyncio.to_thread(database.crash)
                        await asyncio.to_thread(database.start)
                    await asyncio.sleep(0.2)
                await manager.migration.ledger.set_limits(Limits(files_per_second=120))
                await reached(lambda: is_done(manager), within=120)
                assert time.monotonic() - asleep_since > LEASE_SECONDS
                assert await manager.migration.ledger.retry() == 0, "nothing is put aside for a target's failures"
                proxy.whim = None
                await bench.leave(manager, drains=True)  # the one asleep knows nothing of this
            await asyncio.sleep(0.2)
        # A worker that is killed between its PUT and its look at the source may leave the object of a file that was
        # deleted meanwhile. Processes look for such objects every minute, and at the end of copying.
        await bench.apply(manager)
        assert (await bench.audit()).damages == {}
        states = await bench.states(manager)
        assert states == {FileState.DRAINED: len(bench.truth.live), FileState.DELETED: len(bench.truth.deleted)}
        assert len(files) == len(bench.truth.live) + len(bench.truth.deleted)
    assert fleet.kills == 4


async def test_3_what_a_dead_worker_has_stored_is_adopted_by_others(fleet_bench: Bench, fleet: Fleet) -> None:
    await fleet_bench.upload(*(f"stored, not noted {number}".encode() for number in range(20)))
    async with fleet_bench.manager() as manager:
        await fleet_bench.plan(manager)
        supervisors = [await fleet.supervisor()] if fleet.has_broker else []
        assert await fleet.dying_worker("record", "before") == DIED
        before = await fleet_bench.written_at()
        assert before
        workers = [await fleet.worker() for _ in range(WORKERS)]
        assert await ended(*workers, *supervisors) == {0}
        assert await fleet_bench.states(manager) == {FileState.COPIED: 20}
        after = await fleet_bench.written_at()
    assert {key: after[key] for key in before} == before
    assert (await fleet_bench.audit()).damages == {}


async def test_4_workers_of_two_ledgers_with_the_same_files_harm_nobody(
    fleet_bench: Bench, fleet: Fleet, carrier: Broker | None, database: PostgresServer, tmp_path: Path
) -> None:
    """With a broker they take each other's shards, which both supervisors put into the one queue of this target."""
    await fleet_bench.upload(*(f"of both {number}".encode() for number in range(60)))
    settings = {**fleet_bench.environment, "S3PY_MIGRATION__LEDGER": database.url(schema=f"other_{next(_schemas)}")}
    other = Fleet(tmp_path, settings, None if carrier is None else carrier.url)
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join(fleet_bench.truth.live))
    for one in (fleet, other):
        assert await (await one.start("plan", "--from-ids", str(ids))).wait() == 0
    workers = [await one.worker() for one in (fleet, other, fleet, other)]
    supervisors = [await one.supervisor() for one in (fleet, other) if one.has_broker]
    assert await ended(*workers, *supervisors) == {0}
    async with fleet_bench.manager() as manager:
        assert await fleet_bench.states(manager) == {FileState.COPIED: 60}
    assert (await fleet_bench.audit()).damages == {}


@without_broker
async def test_workers_that_lose_the_ledger_longer_than_their_lease_spoil_nothing(
    fleet_bench: Bench, fleet: Fleet, cluster: FakeCluster, database: PostgresServer, tmp_path: Path
) -> None:
    """They still reach the source and the target, and go on where they were when the ledger is back."""
    if not network_namespace.may_be_made():
        pytest.skip("this system lets this user make no network namespace")
    bench, parted = fleet_bench, Fleet(tmp_path, fleet_bench.environment)
    parted.runner = network_namespace.runner(
        f"{HOST}:{database.port}",
        bench.server.endpoint.removeprefix("http://"),
        *cluster.tracker_addresses,
        *(storage.address for storage in cluster.storages),
    )
    await bench.upload(*(f"copied in parts {number}".encode() * 50 for number in range(200)))
    async with bench.manager() as manager:
        await bench.plan(manager)
        await manager.migration.ledger.set_limits(Limits(files_per_second=20))
        async with parted.at_work(2):
            await reached(lambda: under_way(manager), within=60)
            network_namespace.cut(parted.workers)
            cut_at, held = time.monotonic(), await under_way(manager)
            assert held
            async with fleet.at_work(2):
                await until(lambda: time.monotonic() - cut_at > 2 * LEASE_SECONDS, within=30)
                for file_id in held[:3]:
                    await bench.delete(manager, file_id)
                network_namespace.mend(parted.workers)
                await manager.migration.ledger.set_limits(Limits(files_per_second=120))
                await reached(lambda: is_done(manager), within=120)
        await bench.apply(manager)
        assert await bench.states(manager) == {FileState.COPIED: 197, FileState.DELETED: 3}
        async with manager.migration.ledger.files() as all_files:
            taken_over = {str(file.file_id) async for file in all_files if file.fence > 1}
        assert taken_over & set(held)
    assert (await bench.audit()).damages == {}


@without_broker
async def test_clocks_that_differ_by_a_minute_take_no_file_from_anybody(fleet_bench: Bench, fleet: Fleet) -> None:
    await fleet_bench.upload(*(f"timely {number}".encode() for number in range(60)))
    async with fleet_bench.manager() as manager:
        await fleet_bench.plan(manager)
        await manager.migration.ledger.set_limits(Limits(files_per_second=15))
        workers = [await fleet.worker(ahead=ahead) for ahead in (-60.0, 0.0, 60.0, 60.0)]
        assert [await worker.wait() for worker in workers] == [0] * WORKERS
        async with manager.migration.ledger.files() as files:
            assert {(file.state, file.fence) async for file in files} == {(FileState.COPIED, 1)}
    assert (await fleet_bench.audit()).damages == {}


async def ended(*processes: Process) -> set[int]:
    """Their exit codes."""
    async with asyncio.timeout(120):
        return {await process.wait() for process in processes}


async def reached(condition: Callable[[], Awaitable[object]], *, within: float) -> None:
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.05)


async def is_done(manager: StorageManager) -> bool:
    return not await left(manager)


async def test_workers_end_by_themselves_when_nothing_is_planned(fleet_bench: Bench, fleet: Fleet) -> None:
    await fleet_bench.upload(*(f"a few {number}".encode() for number in range(40)))
    async with fleet_bench.manager() as manager:
        await fleet_bench.plan(manager)
        workers = [await fleet.worker() for _ in range(2)]
        others = [await fleet.supervisor()] if fleet.has_broker else []
        async with asyncio.timeout(90):
            assert [await process.wait() for process in (*workers, *others)] == [0] * (2 + len(others))
        assert await fleet_bench.states(manager) == {FileState.COPIED: 40}
    assert (await fleet_bench.audit()).damages == {}


@on_any_ledger
@without_broker
async def test_a_worker_that_is_asked_to_stop_gives_its_files_back(fleet_bench: Bench, fleet: Fleet) -> None:
    await fleet_bench.upload(*(f"given back {number}".encode() for number in range(60)))
    async with fleet_bench.manager() as manager:
        await fleet_bench.plan(manager)
        await manager.migration.ledger.set_limits(Limits(files_per_second=5))
        async with fleet.at_work(1):
            await reached(lambda: under_way(manager), within=60)
        assert await under_way(manager) == []
        assert await left(manager) > 0


@without_broker
async def test_a_second_signal_stops_at_once(fleet_bench: Bench, fleet: Fleet) -> None:
    await fleet_bench.upload(*(f"slow {number}".encode() * 1000 for number in range(20)))
    async with fleet_bench.manager() as manager:
        await fleet_bench.plan(manager)
        await manager.migration.ledger.set_limits(Limits(bytes_per_second=100))
        worker = await fleet.worker()
        await reached(lambda: under_way(manager), within=60)
        worker.send_signal(signal.SIGINT)
        await until(lambda: "finishing the files at hand" in fleet.log.read_text(), within=30)
        worker.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            assert await worker.wait() == 130
        assert await under_way(manager) == []
