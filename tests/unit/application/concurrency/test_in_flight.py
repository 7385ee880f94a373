import asyncio
import gc

import pytest

from s3py_helper.application.concurrency.in_flight import InFlight
from s3py_helper.testing import leak_guard


async def test_work_goes_on_while_its_owner_does_something_else() -> None:
    begun = asyncio.Event()

    async def work() -> str:
        begun.set()
        return "done"

    async with InFlight[str]() as in_flight:
        in_flight.start(work())
        await begun.wait()
        assert await in_flight.collect() == "done"


async def test_work_that_nobody_collects_is_cancelled_and_over_with_the_block() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    async with leak_guard(within=0):
        async with InFlight[None]() as in_flight:
            in_flight.start(work())
            await asyncio.sleep(0)
        assert ended.is_set()


@pytest.mark.parametrize("stopped", [False, True])
async def test_the_error_of_work_that_nobody_collects_is_nobodys_concern(*, stopped: bool) -> None:
    heard: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))

    async def work() -> None:
        try:
            if stopped:
                await asyncio.Event().wait()
        finally:
            raise ValueError("its own")

    async with InFlight[None]() as in_flight:
        in_flight.start(work())
        await asyncio.sleep(0)
    del in_flight
    gc.collect()
    assert heard == []


async def test_work_is_collected_once() -> None:
    async def work() -> str:
        return "done"

    async with InFlight[str]() as in_flight:
        for _ in range(2):
            await in_flight.settle()
            in_flight.start(work())
            assert await in_flight.collect() == "done"
            with pytest.raises(RuntimeError, match="nothing was started"):
                await in_flight.collect()


async def test_an_error_is_raised_where_it_is_collected() -> None:
    async def work() -> None:
        raise LookupError("lost")

    async with InFlight[None]() as in_flight:
        in_flight.start(work())
        with pytest.raises(LookupError):
            await in_flight.settle()


async def test_an_error_that_nobody_collects_does_not_hide_the_owners() -> None:
    async def work() -> None:
        raise LookupError("lost")

    async def fail() -> None:
        async with InFlight[None]() as in_flight:
            in_flight.start(work())
            await asyncio.sleep(0)
            raise ZeroDivisionError

    async with leak_guard(within=0):
        with pytest.raises(ZeroDivisionError):
            await fail()


async def test_settling_without_work_is_nothing() -> None:
    async with InFlight[None]() as in_flight:
        await in_flight.settle()
        with pytest.raises(RuntimeError, match="nothing was started"):
            await in_flight.collect()
