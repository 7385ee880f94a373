"""Slots of a pool: shared, kept for short requests, never lost."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.fastdfs.protocol.slots import Slots


@pytest.mark.parametrize(("size", "for_long"), [(1, 1), (2, 1), (8, 7), (15, 14), (16, 14), (64, 56), (100, 88)])
def test_an_eighth_is_out_of_reach_of_those_who_stay(size: int, for_long: int) -> None:
    slots = Slots(size)
    assert [slots.try_acquire(long=True) for _ in range(size + 1)].count(True) == for_long
    assert [slots.try_acquire(long=False) for _ in range(size + 1)].count(True) == size - for_long
    assert slots.free == 0


def test_what_short_requests_use_is_not_there_for_long_ones() -> None:
    slots = Slots(8)
    for _ in range(8):
        assert slots.try_acquire(long=False)
    assert not slots.try_acquire(long=True)
    slots.release(long=False)
    assert slots.try_acquire(long=True)


async def test_short_requests_go_first_and_all_in_their_order() -> None:
    slots = Slots(1)
    await slots.acquire(long=False)
    served: list[str] = []

    async def user(name: str, *, long: bool) -> None:
        await slots.acquire(long=long)
        served.append(name)
        slots.release(long=long)

    tasks = []
    for name, long in (("long 1", True), ("short 1", False), ("long 2", True), ("short 2", False)):
        tasks.append(asyncio.create_task(user(name, long=long)))
        await asyncio.sleep(0)
    assert slots.waiting == 4
    slots.release(long=False)
    await asyncio.gather(*tasks)
    assert served == ["short 1", "short 2", "long 1", "long 2"]
    assert (slots.free, slots.waiting) == (1, 0)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("long", [False, True])
async def test_a_slot_passes_over_those_who_have_left_the_queue(*, long: bool) -> None:
    slots = Slots(1)
    await slots.acquire(long=long)
    tasks = [asyncio.create_task(slots.acquire(long=long)) for _ in range(4)]
    await asyncio.sleep(0)
    for task in tasks[:3]:
        task.cancel()
    slots.release(long=long)  # before those who were cancelled have run
    await tasks[3]
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (slots.free, slots.waiting) == (0, 0)


async def test_all_who_wait_can_be_woken() -> None:
    slots = Slots(2)
    assert slots.try_acquire(long=True)
    assert slots.try_acquire(long=False)
    tasks = [asyncio.create_task(slots.acquire(long=bool(n % 2))) for n in range(6)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    slots.wake_all()
    await asyncio.gather(*tasks[1:])


async def test_a_slot_that_was_just_granted_to_one_who_leaves_is_the_next_one_s() -> None:
    slots = Slots(2)
    assert slots.try_acquire(long=False)
    assert slots.try_acquire(long=True)
    leaving, staying = (asyncio.ensure_future(slots.acquire(long=True)) for _ in range(2))
    await asyncio.sleep(0)
    slots.release(long=True)
    leaving.cancel()
    await asyncio.wait([leaving])
    assert leaving.cancelled()
    await asyncio.wait_for(staying, 5)
    assert (slots.free, slots.waiting) == (0, 0)


async def test_a_short_request_that_ends_makes_no_room_for_a_long_one() -> None:
    slots = Slots(8)
    for _ in range(7):
        assert slots.try_acquire(long=True)
    assert slots.try_acquire(long=False)
    waiting = asyncio.ensure_future(slots.acquire(long=True))
    await asyncio.sleep(0)
    slots.release(long=False)
    await asyncio.sleep(0)
    assert (waiting.done(), slots.free, slots.waiting) == (False, 1, 1)
    slots.release(long=True)
    await asyncio.wait_for(waiting, 5)
    assert slots.free == 1


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(["stay", "cancel", "leave"])), max_size=40), st.integers(1, 12)
)
def test_none_is_lost_whoever_is_cancelled_when(users: list[tuple[bool, str]], size: int) -> None:
    async def run() -> None:
        slots = Slots(size)
        inside: list[bool] = []

        async def user(*, long: bool) -> None:
            await slots.acquire(long=long)
            inside.append(long)
            assert len(inside) <= size
            try:
                await asyncio.sleep(0)
            finally:
                inside.remove(long)
                slots.release(long=long)

        tasks = []
        for long, fate in users:
            task = asyncio.create_task(user(long=long))
            tasks.append(task)
            if fate != "stay":
                await asyncio.sleep(0)
            if fate == "cancel":
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert slots.free == size
        for _ in range(size):
            assert slots.try_acquire(long=False)

    asyncio.run(run())
