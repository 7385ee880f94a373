"""Gate and room through any order of coming, leaving and being cancelled: first come, first served, nothing lost."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.application.concurrency.gate import Gate
from s3py_helper.application.concurrency.room import Room

pytestmark = pytest.mark.timeout(60)

CAPACITY = 5

type Step = tuple[str, int]
"""What happens, and to whom or with how many bytes."""

STEPS = st.lists(
    st.tuples(st.sampled_from(["come", "come", "leave", "cancel", "settle"]), st.integers(1, 7)), max_size=40
)


@dataclass
class Model:
    """Drives what is tested, and knows who should be in."""

    acquire: Callable[[int], Awaitable[None]]
    release: Callable[[int], None]
    capacity: int
    came: list[int] = field(default_factory=list)
    admitted: list[int] = field(default_factory=list)
    left: set[int] = field(default_factory=set)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def hold(self, number: int) -> None:
        await self.acquire(self.came[number])
        self.admitted.append(number)

    @property
    def inside(self) -> list[int]:
        return [number for number in self.admitted if number not in self.left]

    @property
    def waiting(self) -> list[int]:
        return [number for number, task in enumerate(self.tasks) if not task.done()]

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    def step(self, what: str, number: int) -> None:
        if what == "come":
            self.came.append(number)
            self.tasks.append(asyncio.ensure_future(self.hold(len(self.tasks))))
        elif what == "leave" and (inside := self.inside):
            leaving = inside[number % len(inside)]
            self.left.add(leaving)
            self.release(self.came[leaving])
        elif what == "cancel" and (waiting := self.waiting):
            self.tasks[waiting[number % len(waiting)]].cancel()

    def check(self) -> None:
        for task in self.tasks:
            if task.done() and not task.cancelled():
                task.result()
        held = [self.came[number] for number in self.inside]
        assert sum(held) <= self.capacity or len(held) == 1
        assert self.admitted == sorted(self.admitted)
        if waiting := self.waiting:
            assert held, "somebody waits for nobody"
            assert sum(held) + self.came[waiting[0]] > self.capacity, "the first in line would fit"

    async def run(self, steps: list[Step]) -> None:
        for what, number in steps:
            # Whoever comes stands in line when it does; all others may leave, and be cancelled, at the same time.
            if what in {"come", "settle"}:
                await self.settle()
                self.check()
            self.step(what, number)
            if what == "come":
                await self.settle()
        await self.settle()
        self.check()
        while self.inside:
            self.step("leave", 0)
            await self.settle()
            self.check()
        assert not self.waiting
        # All of it is there again, and no more.
        for _ in range(self.capacity):
            self.step("come", 1)
        await self.settle()
        assert len(self.inside) == self.capacity
        self.step("come", 1)
        await self.settle()
        assert len(self.inside) == self.capacity
        self.tasks[-1].cancel()
        await asyncio.wait(self.tasks)


@given(STEPS)
def test_a_room_in_any_order(steps: list[Step]) -> None:
    async def run() -> None:
        room = Room(CAPACITY)
        await Model(room.acquire, room.release, CAPACITY).run(steps)

    asyncio.run(run())


@given(STEPS)
def test_a_gate_in_any_order(steps: list[Step]) -> None:
    async def run() -> None:
        gate = Gate(CAPACITY)

        async def acquire(_size: int) -> None:
            await gate.acquire()

        model = Model(acquire, lambda _size: gate.release(), CAPACITY)
        await model.run([(what, 1 if what == "come" else number) for what, number in steps])

    asyncio.run(run())


async def test_a_gate_has_one_place_at_least() -> None:
    gate = Gate(3)
    gate.resize(0)
    async with asyncio.timeout(5), gate:
        pass


async def test_who_is_cancelled_while_another_leaves_is_just_cancelled() -> None:
    gate, room = Gate(1), Room(1)
    for acquire, release in ((gate.acquire, gate.release), (partial(room.acquire, 1), partial(room.release, 1))):
        await acquire()
        waiting = [asyncio.ensure_future(acquire()) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        release()
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        async with asyncio.timeout(5):
            await waiting[1]
