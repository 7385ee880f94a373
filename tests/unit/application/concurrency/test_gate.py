"""A gate lets through as many as it is told to, also after it was changed."""

import asyncio

import pytest

from s3py_helper.application.concurrency.gate import Gate


async def _through(gate: Gate, order: list[int], number: int) -> None:
    await gate.acquire()
    order.append(number)


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_further_ones_wait_and_come_in_order() -> None:
    gate, order = Gate(2), list[int]()
    tasks = [asyncio.create_task(_through(gate, order, number)) for number in range(5)]
    await _settle()
    assert order == [0, 1]
    gate.release()
    await _settle()
    assert order == [0, 1, 2]
    gate.resize(4)
    await _settle()
    assert order == [0, 1, 2, 3, 4]
    await asyncio.gather(*tasks)


async def test_a_smaller_gate_admits_nobody_until_enough_have_left() -> None:
    gate, order = Gate(3), list[int]()
    await asyncio.gather(*(_through(gate, order, number) for number in range(3)))
    gate.resize(1)
    task = asyncio.create_task(_through(gate, order, 9))
    for _ in range(2):
        gate.release()
        await _settle()
        assert order == [0, 1, 2]
    gate.release()
    await asyncio.wait_for(task, 5)
    assert order[-1] == 9


async def test_those_who_left_are_forgotten() -> None:
    gate = Gate(1)
    await gate.acquire()
    tasks = [asyncio.create_task(gate.acquire()) for _ in range(3)]
    await _settle()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert not gate._waiting  # noqa: SLF001 - they would stay as long as nobody leaves


@pytest.mark.parametrize("admitted", [False, True])
async def test_a_cancelled_one_takes_no_place(*, admitted: bool) -> None:
    gate, order = Gate(1), list[int]()
    await gate.acquire()
    task = asyncio.create_task(_through(gate, order, 1))
    await _settle()
    if admitted:
        gate.release()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    if not admitted:
        gate.release()
    await asyncio.wait_for(gate.acquire(), 5)
    await _assert_is_full(gate)


async def test_a_block_holds_a_place_for_as_long_as_it_is_open() -> None:
    gate = Gate(1)
    for _ in range(2):
        async with gate:
            await _assert_is_full(gate)


async def _assert_is_full(gate: Gate) -> None:
    task = asyncio.create_task(gate.acquire())
    await _settle()
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])
