"""Places: how many requests may hold a connection, and which of them go first."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.s3.http.faults import ClientClosed, NoPlaceInTime
from s3py_helper.adapters.s3.http.places import Hold, Place, Places

pytestmark = pytest.mark.timeout(20)


def taken(places: Places, hold: Hold, count: int) -> list[Place]:
    found = [places.take(hold) for _ in range(count)]
    return [place for place in found if place is not None]


@pytest.mark.parametrize(
    ("limit", "brief", "bulk", "lasting"),
    [(1, 1, 1, 1), (2, 2, 2, 1), (4, 4, 4, 3), (16, 16, 15, 14), (64, 64, 60, 56), (1000, 1000, 938, 875)],
)
def test_requests_that_last_leave_places_to_those_that_are_over_soon(
    limit: int, brief: int, bulk: int, lasting: int
) -> None:
    for hold, most in ((Hold.BRIEF, brief), (Hold.BULK, bulk), (Hold.LASTING, lasting)):
        places = Places(limit)
        for _ in range(2):  # they are as many the second time
            held = taken(places, hold, limit + 1)
            assert len(held) == most
            for place in held:
                place.release()


def test_what_is_over_soon_takes_nothing_from_what_lasts() -> None:
    places = Places(64)
    assert len(taken(places, Hold.BRIEF, 4) + taken(places, Hold.BULK, 4)) == 8
    assert len(taken(places, Hold.LASTING, 64)) == 56


def test_the_reserve_counts_all_that_last_together() -> None:
    places = Places(64)
    held = taken(places, Hold.LASTING, 100)
    held += taken(places, Hold.BULK, 100)
    assert len(held) == 60
    held += taken(places, Hold.BRIEF, 100)
    assert places.in_use == len(held) == 64


def test_a_place_is_released_once() -> None:
    places = Places(2)
    place, other = taken(places, Hold.BRIEF, 2)
    place.release()
    place.release()
    assert places.in_use == 1
    other.release()
    assert places.in_use == 0


async def test_waiting_ends_with_an_error_that_says_how_many_were_in_use() -> None:
    places = Places(2)
    held = taken(places, Hold.BRIEF, 2)
    with pytest.raises(NoPlaceInTime, match=r"all 2 stayed in use for 0\.01 s"):
        await places.wait(Hold.BRIEF, 0.01)
    assert not any(places._waiting)  # noqa: SLF001 - those who gave up would stay in memory
    held[0].release()
    assert (await places.wait(Hold.BRIEF, 0.01)) is not None


async def test_places_are_granted_in_the_order_of_the_requests() -> None:
    places = Places(1)
    (held,) = taken(places, Hold.BRIEF, 1)
    order: list[int] = []

    async def wait(number: int, hold: Hold) -> None:
        place = await places.wait(hold, 10)
        order.append(number)
        place.release()

    holds = [Hold.LASTING, Hold.BRIEF, Hold.BULK, Hold.LASTING, Hold.BRIEF]
    tasks = [asyncio.create_task(wait(number, hold)) for number, hold in enumerate(holds)]
    await asyncio.sleep(0)
    held.release()
    assert places.take(Hold.BRIEF) is None, "a newcomer does not overtake"
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]


async def test_a_brief_request_passes_those_whose_places_are_all_held() -> None:
    places = Places(2)
    (held,) = taken(places, Hold.LASTING, 2)
    waiting = asyncio.create_task(places.wait(Hold.LASTING, 10))
    await asyncio.sleep(0)
    (brief,) = taken(places, Hold.BRIEF, 2)
    brief.release()
    await asyncio.sleep(0)
    assert not waiting.done(), "the reserve is not for it"
    held.release()
    (await waiting).release()
    assert places.in_use == 0


@pytest.mark.parametrize("before", [True, False])
async def test_cancelled_in_the_moment_of_the_grant_the_place_goes_to_the_next(before: bool) -> None:
    places = Places(1)
    (held,) = taken(places, Hold.BRIEF, 1)
    first, second = (asyncio.create_task(places.wait(Hold.BRIEF, 10)) for _ in range(2))
    await asyncio.sleep(0)
    if before:
        first.cancel()
    held.release()
    first.cancel()
    (await asyncio.wait_for(second, 2)).release()
    assert first.cancelled() or await asyncio.wait([first])
    assert places.in_use == 0


@pytest.mark.parametrize("before", [True, False])
async def test_cancelled_in_the_moment_of_the_end_a_wait_is_cancelled(before: bool) -> None:
    places = Places(1)
    assert taken(places, Hold.BRIEF, 1)
    first, second = (asyncio.create_task(places.wait(Hold.BRIEF, 10)) for _ in range(2))
    await asyncio.sleep(0)
    if before:
        first.cancel()
    places.close()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(ClientClosed):
        await second


async def test_closing_ends_all_waits() -> None:
    places = Places(1)
    (held,) = taken(places, Hold.BRIEF, 1)
    waiting = [asyncio.create_task(places.wait(hold, 10)) for hold in Hold]
    await asyncio.sleep(0)
    places.close()
    assert all(isinstance(error, ClientClosed) for error in await asyncio.gather(*waiting, return_exceptions=True))
    held.release()
    assert places.in_use == 0
    assert places.take(Hold.BRIEF) is None
    with pytest.raises(ClientClosed):
        await places.wait(Hold.BRIEF, 10)


@given(
    limit=st.integers(1, 20),
    steps=st.lists(st.tuples(st.sampled_from(["ask", "release", "cancel"]), st.sampled_from(Hold)), max_size=60),
)
async def test_no_place_is_lost_or_granted_twice_whatever_happens(limit: int, steps: list[tuple[str, Hold]]) -> None:
    places = Places(limit)
    tasks: list[asyncio.Task[Place]] = []
    for act, hold in steps:
        if act == "ask":
            tasks.append(asyncio.create_task(places.wait(hold, 10)))
        elif act == "release":
            for task in [task for task in tasks if task.done() and not task.cancelled()][:1]:
                tasks.remove(task)
                task.result().release()
        else:
            for task in [task for task in tasks if not task.done()][:1]:
                task.cancel()
        if hold is not Hold.BRIEF:
            await asyncio.sleep(0)
        assert 0 <= places.in_use <= limit
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    granted = [place for place in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(place, Place)]
    assert places.in_use == len(granted)
    for place in granted:
        place.release()
    assert places.in_use == 0
