"""Places that clients share."""

import asyncio
import contextlib
import random
import weakref

import pytest

from s3py_helper.entrypoints.http.limits.errors import ServiceBusyException
from s3py_helper.entrypoints.http.limits.slots import Slots

pytestmark = pytest.mark.timeout(30)


def _slots(total: int = 4, *, share: float = 0.5, patience: float = 10) -> Slots:
    return Slots("tests", total, share=share, patience=patience)


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_places_are_taken_and_given_back() -> None:
    slots = _slots(2, share=1)
    assert [slots.take_now("a") for _ in range(3)] == [True, True, False]
    slots.release("a")
    assert slots.take_now("b")
    assert not slots.take_now("a")
    slots.release("a")
    slots.release("b")
    assert slots.free == 2


@pytest.mark.parametrize(
    ("total", "share", "each"), [(4, 0.5, 2), (5, 0.5, 3), (4, 1, 4), (1, 0.5, 1), (100, 0.001, 1), (3, 0.34, 2)]
)
def test_one_client_has_no_more_than_its_share(total: int, share: float, each: int) -> None:
    slots = _slots(total, share=share)
    assert [slots.take_now("greedy") for _ in range(each)] == [True] * each
    assert not slots.take_now("greedy")
    assert slots.take_now("other") is (total > each)


def test_a_place_that_is_given_back_leaves_the_others_counted() -> None:
    slots = _slots(4)
    assert [slots.take_now("a") for _ in range(2)] == [True, True]
    slots.release("a")
    assert [slots.take_now("a") for _ in range(2)] == [True, False]


def test_nothing_is_kept_of_a_client_that_holds_no_place() -> None:
    class Name(str):
        """Unlike a plain string, it can be watched."""

        __slots__ = ("__weakref__",)

    slots = _slots()
    client = Name("a")
    seen = weakref.ref(client)
    assert slots.take_now(client)
    assert slots.take_now(client)
    slots.release("a")
    slots.release("a")
    del client
    assert seen() is None, "a service would remember every client it ever had"


async def test_a_client_with_its_share_does_not_stop_another() -> None:
    slots = _slots(4)
    waiting = [asyncio.create_task(slots.take("greedy")) for _ in range(10)]
    await _settled()
    assert slots.free == 2
    await slots.take("other")
    await slots.take("third")
    for task in waiting:
        task.cancel()


async def test_clients_that_wait_take_turns() -> None:
    slots = _slots(1)
    await slots.take("holder")
    order: list[str] = []

    async def take(client: str) -> None:
        async with slots.held_by(client):
            order.append(client)

    async with asyncio.TaskGroup() as group:
        for client in ("many", "many", "many", "few", "few", "one"):
            group.create_task(take(client))
        await _settled()
        slots.release("holder")
    assert order == ["many", "few", "one", "many", "few", "many"]
    assert slots.free == 1


async def test_a_place_goes_to_the_next_whose_share_allows_it() -> None:
    slots = _slots(4)
    for client in ("a", "a", "b", "c"):
        await slots.take(client)
    a, d = asyncio.create_task(slots.take("a")), asyncio.create_task(slots.take("d"))
    await _settled()
    slots.release("b")
    await d
    assert not a.done()
    slots.release("a")
    await a


async def test_waiting_ends_in_an_error_that_says_when_to_come_back() -> None:
    slots = _slots(2, patience=0.01)
    await slots.take("a")
    with pytest.raises(ServiceBusyException, match="this client has all 1") as own:
        await slots.take("a")
    await slots.take("b")
    with pytest.raises(ServiceBusyException, match="all 2 are taken") as everybody:
        await slots.take("c")
    assert slots.waiting == 0
    for caught in (own, everybody):
        assert caught.value.retryable
        assert "no place for tests within 0.01 s" in caught.value.detail
    slots.release("a")
    slots.release("b")
    assert slots.free == 2


async def test_without_patience_nobody_waits() -> None:
    slots = _slots(1, patience=0)
    await slots.take("a")
    with pytest.raises(ServiceBusyException):
        await slots.take("b")


async def test_a_place_is_given_back_when_its_work_fails() -> None:
    slots = _slots(1)
    with pytest.raises(RuntimeError):
        async with slots.held_by("a"):
            raise RuntimeError
    assert slots.free == 1


async def test_one_who_leaves_the_queue_takes_nothing_along() -> None:
    slots = _slots(1)
    await slots.take("a")
    leaving, staying = asyncio.create_task(slots.take("b")), asyncio.create_task(slots.take("c"))
    await _settled()
    leaving.cancel()
    slots.release("a")
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await staying
    slots.release("c")
    assert (slots.free, slots.waiting) == (1, 0)


async def test_one_who_leaves_with_the_place_in_hand_gives_it_back() -> None:
    slots = _slots(1)
    await slots.take("a")
    leaving = asyncio.create_task(slots.take("b"))
    await _settled()
    slots.release("a")
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert slots.free == 1
    assert slots.take_now("c")


@pytest.mark.parametrize("seed", range(10))
async def test_no_place_is_lost_and_no_share_exceeded(seed: int) -> None:
    chance = random.Random(seed)
    slots = _slots(5, share=0.4, patience=0.005)
    held: dict[str, int] = dict.fromkeys("abcd", 0)

    async def work() -> None:
        client = chance.choice("abcd")
        with contextlib.suppress(ServiceBusyException):
            async with slots.held_by(client):
                held[client] += 1
                assert held[client] <= 2
                assert sum(held.values()) <= 5
                try:
                    await asyncio.sleep(chance.random() * 0.003)
                finally:
                    held[client] -= 1

    tasks = [asyncio.create_task(work()) for _ in range(200)]
    while any(not task.done() for task in tasks):
        chance.choice(tasks).cancel()
        await asyncio.sleep(0.0005)
    for task in tasks:
        assert task.cancelled() or task.exception() is None
    assert (slots.free, slots.waiting) == (5, 0)
    assert slots.take_now("a")
