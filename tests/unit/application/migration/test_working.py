"""Workers wait for a ledger or a broker that is out of reach, and supervisors do."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import pytest

from s3py_helper.application.migration import working
from s3py_helper.application.migration.applying import Applier, ApplyOptions, ApplyProgress
from s3py_helper.application.migration.working import Supervisor, Worker
from s3py_helper.application.ports.ledger import Ledger
from s3py_helper.application.ports.observer import FallbackTaken, RequestRetried
from s3py_helper.domain.errors import StorageUnavailableException
from tests.support.recorder import Recorder

pytestmark = pytest.mark.timeout(30)

DOWN = StorageUnavailableException("down")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(working, "_LONGEST_PAUSE", 0.004)
    monkeypatch.setattr(working, "_OUTAGE_SECONDS", 0.02)
    monkeypatch.setattr(working, "_LOOK_SECONDS", 0.001)
    monkeypatch.setattr(working, "KICK_SECONDS", 0.001)


class Copying:
    """An applier whose ledger is down a number of times."""

    def __init__(self, outages: int) -> None:
        self.progress = ApplyProgress()
        self.applied: list[ApplyOptions] = []
        self._outages = outages

    async def apply(self, options: ApplyOptions) -> ApplyProgress:
        if self._outages:
            self._outages -= 1
            raise DOWN
        self.applied.append(options)
        return self.progress

    def stop(self, reason: str) -> None:
        self.progress.stopped_by = reason


class Work:
    """A ledger with so many looks at work."""

    def __init__(self, *waiting: list[int] | None) -> None:
        self._waiting = list(waiting)

    async def has_work(self, _group: str | None = None) -> bool:
        return bool(self._waiting)

    async def waiting_shards(self, _group: str | None = None) -> list[int]:
        found = self._waiting.pop(0) if self._waiting else []
        if found is None:
            raise DOWN
        return found


class Queue:
    """A broker that is down at some calls; `first` is one that opens it alone."""

    def __init__(self, *outages: bool) -> None:
        self.put_so_far: list[int] = []
        self._outages = list(outages)
        self.takes = 0

    async def put(self, shards: Sequence[int]) -> None:
        if self._outages and self._outages.pop(0):
            raise DOWN
        self.put_so_far += shards

    async def take(self, work: Callable[[int], Awaitable[None]], *, patience: float, stopping: asyncio.Event) -> int:
        self.takes += 1
        if self._outages and self._outages.pop(0):
            raise DOWN
        for shard in self.put_so_far:
            await work(shard)
        taken, self.put_so_far = len(self.put_so_far), []
        return taken


def worker_of(copying: Copying, work: Work, observer: Recorder, queue: Queue | None = None) -> Worker:
    return Worker(cast("Applier", copying), cast("Ledger", work), observer=observer, queue=queue)


async def test_a_worker_goes_on_when_its_ledger_is_back() -> None:
    copying, observer = Copying(outages=3), Recorder()
    await worker_of(copying, Work(), observer).apply(ApplyOptions(group="group1"))
    assert copying.applied == [ApplyOptions(group="group1")]
    assert [type(event) for event in observer.events] == [FallbackTaken, RequestRetried, RequestRetried]


async def test_a_worker_that_is_to_end_some_day_does_not_wait_for_ever() -> None:
    with pytest.raises(StorageUnavailableException):
        await worker_of(Copying(outages=10**9), Work(), Recorder()).apply(ApplyOptions())


async def test_a_worker_that_watches_waits_until_it_is_stopped() -> None:
    copying = Copying(outages=10**9)
    worker = worker_of(copying, Work(), Recorder())
    working = asyncio.ensure_future(worker.apply(ApplyOptions(watch=True)))
    await asyncio.sleep(0.1)
    assert not working.done()
    worker.stop()
    assert (await working).stopped_by == "interrupted"


async def test_shards_of_a_queue_are_worked_until_nothing_is_left() -> None:
    copying, queue = Copying(outages=1), Queue()
    queue.put_so_far = [3, 5]
    worker = worker_of(copying, Work(), Recorder(), queue)
    await worker.apply(ApplyOptions(concurrency=2))
    assert [(options.shard, options.concurrency, options.watch) for options in copying.applied] == [
        (3, 2, False), (5, 2, False)
    ]  # fmt: skip


async def test_a_broker_that_is_not_there_at_the_beginning_is_an_error_and_later_is_waited_for() -> None:
    with pytest.raises(StorageUnavailableException):
        await worker_of(Copying(0), Work(), Recorder(), Queue(True)).apply(ApplyOptions(watch=True))
    queue, observer = Queue(False, True, True, False), Recorder()
    await worker_of(Copying(0), Work(), observer, queue).apply(ApplyOptions())
    assert queue.takes == 1, "nothing is planned: there is no need to wait for it"
    assert [type(event) for event in observer.events] == [FallbackTaken]


async def test_a_supervisor_puts_again_what_waits_until_nothing_does() -> None:
    queue, observer = Queue(False, True), Recorder()
    supervisor = Supervisor(cast("Ledger", Work([1, 2], None, [2], [])), queue, observer=observer)
    await supervisor.supervise()
    assert (queue.put_so_far, supervisor.put) == ([2], 1), "the first round met a broker that was down"
    assert [type(event) for event in observer.events] == [FallbackTaken, RequestRetried]


async def test_a_supervisor_that_watches_ends_when_it_is_stopped() -> None:
    supervisor = Supervisor(cast("Ledger", Work()), Queue(), observer=Recorder())
    supervising = asyncio.ensure_future(supervisor.supervise(watch=True))
    await asyncio.sleep(0.05)
    assert not supervising.done()
    supervisor.stop()
    await supervising
