"""Workers wait for a ledger or a broker that is out of reach, and supervisors do."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import pytest

from s3py_helper.application.migration import working
from s3py_helper.application.migration.applying import Applier, ApplyOptions, ApplyProgress
from s3py_helper.application.migration.working import Patience, Supervisor, Worker
from s3py_helper.application.ports.ledger import Ledger
from s3py_helper.application.ports.observer import FallbackTaken, RequestRetried
from s3py_helper.application.ports.shard_queue import SHARD_SECONDS
from s3py_helper.domain.errors import StorageUnavailableException
from tests.support.recorder import Recorder
from tests.support.waiting import until

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
        self.waiting = list(waiting)

    async def has_work(self, _group: str | None = None) -> bool:
        return bool(self.waiting)

    async def waiting_shards(self, _group: str | None = None) -> list[int]:
        found = self.waiting.pop(0) if self.waiting else []
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
        await asyncio.sleep(0)
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


async def test_a_worker_that_watches_waits_for_its_broker_until_it_is_stopped() -> None:
    queue = Queue(*[True] * 1000)
    worker = worker_of(Copying(0), Work(), Recorder(), queue)
    working = asyncio.ensure_future(worker.apply(ApplyOptions(watch=True)))
    await until(lambda: queue.takes > 15)  # longer than one that is to end some day would
    assert not working.done()
    worker.stop()
    await working


async def test_a_worker_that_is_to_end_some_day_does_not_wait_for_its_broker_for_ever() -> None:
    queue = Queue(False, *[True] * 1000)
    with pytest.raises(StorageUnavailableException):
        await worker_of(Copying(0), Work([3]), Recorder(), queue).apply(ApplyOptions())
    assert 1 < queue.takes < 15


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
        await worker_of(Copying(0), Work(), Recorder(), Queue(True)).apply(ApplyOptions())
    queue, observer = Queue(False, True, True, False), Recorder()
    await worker_of(Copying(0), Work(), observer, queue).apply(ApplyOptions())
    assert queue.takes == 1, "nothing is planned: there is no need to wait for it"
    assert [type(event) for event in observer.events] == [FallbackTaken]


async def test_who_watches_waits_for_a_broker_from_the_beginning_on() -> None:
    copying, queue, observer = Copying(0), Queue(True, True, False), Recorder()
    queue.put_so_far = [3]
    worker = worker_of(copying, Work(), observer, queue)
    working = asyncio.ensure_future(worker.apply(ApplyOptions(watch=True)))
    await until(lambda: [options.shard for options in copying.applied] == [3])
    worker.stop()
    await working
    assert [type(event) for event in observer.events] == [FallbackTaken, RequestRetried]


async def test_a_supervisor_puts_again_what_waits_until_nothing_does() -> None:
    queue, observer = Queue(False, True), Recorder()
    supervisor = Supervisor(cast("Ledger", Work([1, 2], None, [2], [])), queue, observer=observer)
    await supervisor.supervise()
    assert (queue.put_so_far, supervisor.put) == ([2], 1), "the first round met a broker that was down"
    assert [type(event) for event in observer.events] == [FallbackTaken, RequestRetried]


@pytest.mark.parametrize("watch", [True, False])
async def test_only_a_supervisor_that_watches_waits_for_ever(watch: bool) -> None:
    down = Work(*[None] * 1000)
    supervisor = Supervisor(cast("Ledger", down), Queue(), observer=Recorder())
    supervising = asyncio.ensure_future(supervisor.supervise(watch=watch))
    if not watch:
        with pytest.raises(StorageUnavailableException):
            await supervising
        return
    await until(lambda: len(down.waiting) < 980)  # longer than one that is to end some day would
    assert not supervising.done()
    supervisor.stop()
    await supervising


async def test_a_supervisor_that_watches_waits_for_its_broker_from_the_beginning_on() -> None:
    queue, observer = Queue(True), Recorder()
    supervisor = Supervisor(cast("Ledger", Work([1], [2])), queue, observer=observer)
    supervising = asyncio.ensure_future(supervisor.supervise(watch=True))
    await until(lambda: queue.put_so_far == [2])
    supervisor.stop()
    await supervising
    assert [type(event) for event in observer.events] == [FallbackTaken]


async def test_outages_are_logged_where_nobody_observes(caplog: pytest.LogCaptureFixture) -> None:
    await Worker(cast("Applier", Copying(1)), cast("Ledger", Work())).apply(ApplyOptions())
    await Supervisor(cast("Ledger", Work(None)), Queue()).supervise()
    assert [("ledger" in record.getMessage(), "down" in record.getMessage()) for record in caplog.records] == [
        (True, True)
    ] * 2


async def test_a_supervisor_that_watches_ends_when_it_is_stopped() -> None:
    supervisor = Supervisor(cast("Ledger", Work()), Queue(), observer=Recorder())
    supervising = asyncio.ensure_future(supervisor.supervise(watch=True))
    await asyncio.sleep(0.05)
    assert not supervising.done()
    supervisor.stop()
    await supervising


class Stopwatch:
    """Pauses that take no time, and are remembered."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    async def rest(self, _stopping: asyncio.Event, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    stopwatch = Stopwatch()
    monkeypatch.setattr(working, "_rest", stopwatch.rest)
    for name, seconds in (("_FIRST_PAUSE", 0.5), ("_LONGEST_PAUSE", 15.0), ("_OUTAGE_SECONDS", 600.0)):
        monkeypatch.setattr(working, name, seconds)
    monkeypatch.setattr(working, "_LOOK_SECONDS", 2.0)
    monkeypatch.setattr(working, "KICK_SECONDS", 15.0)
    return stopwatch


async def test_pauses_grow_to_their_longest_until_patience_ends(stopwatch: Stopwatch) -> None:
    observer = Recorder()
    patience = Patience("ledger", observer, asyncio.Event(), for_ever=False)

    async def fail_for_ever() -> None:
        while True:
            await patience.wait(DOWN)

    with pytest.raises(StorageUnavailableException) as ended:
        await fail_for_ever()
    assert ended.value is DOWN
    assert stopwatch.pauses[:7] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    assert 600 <= sum(stopwatch.pauses) < 615
    assert observer.events[0] == FallbackTaken("ledger", "work rests until it answers again", "down")
    assert observer.events[1:] == [
        RequestRetried("ledger", "migrate", number, pause, "down")
        for number, pause in enumerate(stopwatch.pauses[1:], start=2)
    ]


async def test_patience_begins_anew_when_it_was_reached_and_need_not_end(stopwatch: Stopwatch) -> None:
    observer = Recorder()
    patience = Patience("ledger", observer, asyncio.Event(), for_ever=False)
    for _ in range(100):
        for _ in range(4):
            await patience.wait(DOWN)
        patience.reached()
    assert stopwatch.pauses == [0.5, 1.0, 2.0, 4.0] * 100
    assert len(observer.of(FallbackTaken)) == 100
    endless = Patience("ledger", observer, asyncio.Event(), for_ever=True)
    for _ in range(1100):  # two to that power is no number
        await endless.wait(DOWN)


async def test_a_wait_ends_when_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "_FIRST_PAUSE", 3600.0)
    monkeypatch.setattr(working, "_LONGEST_PAUSE", 3600.0)
    worker = worker_of(Copying(outages=10**9), Work(), observer := Recorder())
    working_it = asyncio.ensure_future(worker.apply(ApplyOptions()))
    await until(lambda: observer.events)
    worker.stop()
    async with asyncio.timeout(10):
        assert (await working_it).stopped_by == "interrupted"


async def test_outages_that_are_far_apart_are_not_added_up(stopwatch: Stopwatch) -> None:
    """Of the ledger and of the broker, each alone shorter than patience."""

    class Flickering(Copying):
        async def apply(self, options: ApplyOptions) -> ApplyProgress:
            if self._outages % 40:
                self._outages -= 1
                raise DOWN
            self._outages -= 1
            return self.progress

    class FlickeringQueue(Queue):
        async def take(self, work: Callable[[int], Awaitable[None]], **_how: object) -> int:
            self.takes += 1
            if self.takes % 40:
                raise DOWN
            await work(1)
            return 1

    looks = Work(*([1],) * 10_000)
    worker = worker_of(Flickering(199), looks, Recorder(), queue := FlickeringQueue())
    working_it = asyncio.ensure_future(worker.apply(ApplyOptions()))
    await until(lambda: queue.takes > 300 or working_it.done())
    assert not working_it.done()
    worker.stop()
    await working_it


class Patient(Queue):
    """A broker that hands out what it has, and then waits for more."""

    patience = 0.0

    async def take(self, work: Callable[[int], Awaitable[None]], *, patience: float, stopping: asyncio.Event) -> int:
        self.patience = patience
        taken = await super().take(work, patience=patience, stopping=stopping)
        await stopping.wait()
        return taken


async def test_a_shard_is_worked_for_a_bounded_time_and_as_it_was_asked_for() -> None:
    copying, queue = Copying(0), Patient()
    queue.put_so_far = [3]
    worker = worker_of(copying, Work(), Recorder(), queue)
    working_it = asyncio.ensure_future(worker.apply(ApplyOptions(group="group1", concurrency=2, watch=True)))
    await until(lambda: copying.applied)
    worker.stop()
    await working_it
    assert copying.applied == [
        ApplyOptions(group="group1", concurrency=2, shard=3, max_seconds=SHARD_SECONDS, watch=False)
    ]


async def test_a_queue_is_told_how_long_to_wait_and_when_to_stop() -> None:
    queue = Patient()
    worker = worker_of(Copying(0), Work(), Recorder(), queue)
    working_it = asyncio.ensure_future(worker.apply(ApplyOptions(watch=True)))
    await until(lambda: queue.takes)
    assert not working_it.done()
    worker.stop("time")
    async with asyncio.timeout(10):
        assert (await working_it).stopped_by == "time"
    assert (queue.takes, queue.patience) == (1, 5.0)


class Grouped(Work):
    """Work of one group alone."""

    async def has_work(self, group: str | None = None) -> bool:
        return group != "group1"

    async def waiting_shards(self, group: str | None = None) -> list[int]:
        return [] if group == "group1" else [1]


async def test_work_of_other_groups_is_nobodys_business(stopwatch: Stopwatch) -> None:
    queue = Queue()
    worker = worker_of(Copying(0), Grouped(), Recorder(), queue)
    async with asyncio.timeout(10):
        await worker.apply(ApplyOptions(group="group1"))
        await Supervisor(cast("Ledger", Grouped()), queue).supervise("group1")
    assert queue.put_so_far == []


@pytest.mark.parametrize("outages", [0, 2])
async def test_a_worker_with_a_broker_cleans_up_once_at_its_end_and_not_when_it_is_stopped(
    stopwatch: Stopwatch, outages: int
) -> None:
    cleaned: list[int] = []

    async def clean_up() -> None:
        cleaned.append(1)
        if len(cleaned) <= outages:
            raise DOWN

    def worker(work: Work, queue: Queue) -> Worker:
        return Worker(
            cast("Applier", Copying(0)), cast("Ledger", work), queue=queue, observer=Recorder(), clean_up=clean_up
        )

    await worker(Work(), queue := Queue()).apply(ApplyOptions())
    assert len(cleaned) == outages + 1
    assert queue.takes == 1

    class Stopping(Work):
        async def has_work(self, _group: str | None = None) -> bool:
            stopped.stop()
            raise DOWN

    stopped = worker(Stopping(), Queue())
    await stopped.apply(ApplyOptions())
    assert len(cleaned) == outages + 1, "nobody knows whether anything is left"


async def test_a_supervisor_looks_often_and_puts_again_seldom(stopwatch: Stopwatch) -> None:
    class Some(Work):
        looks = 0

        async def has_work(self, _group: str | None = None) -> bool:
            return self.looks < 5

        async def waiting_shards(self, _group: str | None = None) -> list[int]:
            self.looks += 1
            return [1, 2, 3] if self.looks in {1, 4} else []

    queue = Queue()
    supervisor = Supervisor(cast("Ledger", Some()), queue, observer=Recorder())
    await supervisor.supervise()
    assert stopwatch.pauses == [15.0, 2.0, 2.0, 15.0]
    assert (queue.put_so_far, supervisor.put) == ([1, 2, 3] * 2, 6)


async def test_a_supervisors_patience_ends_and_begins_anew(stopwatch: Stopwatch) -> None:
    down = Work(*[None] * 10_000)
    with pytest.raises(StorageUnavailableException):
        await Supervisor(cast("Ledger", down), Queue(), observer=Recorder()).supervise()
    with pytest.raises(StorageUnavailableException):
        await Supervisor(cast("Ledger", Work()), Queue(True), observer=Recorder()).supervise()
    flickering = Work(*([[1], *[None] * 30] * 20))
    supervisor = Supervisor(cast("Ledger", flickering), Queue(), observer=Recorder())
    await supervisor.supervise()
    assert supervisor.put == 20
