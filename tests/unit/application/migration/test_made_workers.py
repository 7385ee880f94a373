"""The appliers, workers and supervisors that a migration makes: whom they report to, and who cleans up."""

import asyncio
from typing import override

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import applying, working
from s3py_helper.application.migration.applying import ApplyOptions
from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.ports.ledger import Outcome
from s3py_helper.application.ports.observer import FailedOver, FallbackTaken, RequestRetried
from s3py_helper.application.ports.shard_queue import ShardQueue
from s3py_helper.domain.errors import InvalidArgumentException, StorageUnavailableException
from s3py_helper.domain.migration import FileState
from tests.support.migration.in_memory import FIRST, SECOND, Kept, MemorySource, MemoryTarget, id_of
from tests.support.migration.steps import PREFIX, CleaningUp, plan, planned_alone
from tests.support.recorder import Recorder
from tests.support.waiting import until

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("quick_steps")]


async def test_events_of_copies_reach_the_observer(
    migration: Migration, source: MemorySource, observer: Recorder
) -> None:
    file_id = id_of(b"as it was")
    source.files[file_id] = Kept(b"damaged!!", elsewhere=b"as it was")
    await plan(migration)
    assert (await (await migration.applier()).apply(ApplyOptions())).copied == 1
    [event] = observer.of(FailedOver)
    assert (event.server, event.instead) == (FIRST, SECOND)


async def test_events_of_attempts_that_are_repeated_reach_the_observer(
    migration: Migration, source: MemorySource, observer: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "_FIRST_PAUSE", 0)
    await planned_alone(migration, source)
    source.silent = set(source.files)
    assert (await (await migration.applier()).apply(ApplyOptions())).quarantined == 1
    assert len(observer.of(RequestRetried)) == 7


async def test_copying_ends_with_a_clean_up(migration: Migration, clean_up: CleaningUp) -> None:
    await (await migration.applier()).apply(ApplyOptions())
    assert clean_up.times == 1
    applier = await migration.applier()
    applier.stop()
    await applier.apply(ApplyOptions())
    assert clean_up.times == 1, "it was stopped: somebody goes on"


class Empty:
    """A broker without shards."""

    async def put(self, shards: object) -> None: ...

    async def take(self, work: object, **_how: object) -> int:
        return 0


async def test_a_worker_copies_reports_and_cleans_up(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, clean_up: CleaningUp
) -> None:
    source.add(b"some")
    migration = Migration(source, target, ledger, PREFIX, clean_up=clean_up)
    await plan(migration)
    outcomes: list[Outcome] = []
    worker = await migration.worker(lambda _file, outcome: outcomes.append(outcome))
    await worker.apply(ApplyOptions())
    assert [outcome.state for outcome in outcomes] == [FileState.COPIED]
    assert clean_up.times == 1
    with_broker = Migration(source, target, ledger, PREFIX, clean_up=clean_up, queue=_empty)
    await (await with_broker.worker()).apply(ApplyOptions())
    assert clean_up.times == 2
    supervisor = with_broker.supervisor()
    await supervisor.supervise()
    assert supervisor.put == 0
    with pytest.raises(InvalidArgumentException, match="needs a broker"):
        migration.supervisor()


def _empty() -> ShardQueue:
    return Empty()


class Fallible(Empty):
    """A broker that is away when it is first asked for more than whether it is there."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    @override
    async def put(self, shards: object) -> None:
        if shards:
            self._called("put")

    @override
    async def take(self, work: object, **_how: object) -> int:
        self._called("take")
        return 0

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if len(self.calls) == 1:
            raise StorageUnavailableException("away")


@pytest.mark.parametrize("supervises", [True, False])
async def test_events_of_workers_and_supervisors_reach_the_observer(
    migration: Migration,
    source: MemorySource,
    target: MemoryTarget,
    observer: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    *,
    supervises: bool,
) -> None:
    for name in ("_FIRST_PAUSE", "_LOOK_SECONDS", "KICK_SECONDS"):
        monkeypatch.setattr(working, name, 0.001)
    queue = Fallible()
    with_broker = Migration(source, target, migration.ledger, PREFIX, observer, queue=lambda: queue)
    if supervises:
        await planned_alone(migration, source)
        supervising = asyncio.ensure_future((supervisor := with_broker.supervisor()).supervise())
        await until(lambda: len(queue.calls) > 1)
        supervisor.stop()
        await supervising
    else:
        await (await with_broker.worker()).apply(ApplyOptions())
    assert set(queue.calls) == {"put" if supervises else "take"}
    assert [event.reason for event in observer.of(FallbackTaken)] == ["away"]
