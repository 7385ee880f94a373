"""Workers share the limits of a migration, whatever each of them does."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.pace import Pace, Tokens
from s3py_helper.application.ports.ledger import Ledger, Limits

pytestmark = pytest.mark.timeout(60)


def drawn(turns: list[float], seen: list[int]) -> Callable[[int], Awaitable[float]]:
    async def draw(count: int) -> float:
        seen.append(count)
        return turns.pop(0)

    return draw


async def test_without_a_limit_nothing_is_drawn() -> None:
    seen: list[int] = []
    tokens = Tokens(drawn([], seen))
    await tokens.take(1_000_000)
    assert seen == []


async def test_tokens_are_drawn_in_slices_or_as_many_as_are_needed() -> None:
    seen: list[int] = []
    waits: list[int] = []
    tokens = Tokens(drawn([0.0, 0.02, 0.0], seen), lambda: waits.append(len(seen)))
    tokens.set_rate(100)
    for _ in range(11):
        await tokens.take(1)
    await tokens.take(50)
    assert seen == [10, 10, 41], "what is left of a slice counts"
    assert waits == [2]


async def test_what_was_drawn_serves_all_who_wait_as_long_as_the_limit_stays() -> None:
    seen: list[int] = []
    tokens = Tokens(drawn([0.0] * 3, seen))
    tokens.set_rate(100)
    await asyncio.gather(*(tokens.take(1) for _ in range(5)))
    tokens.set_rate(100)
    await asyncio.gather(*(tokens.take(1) for _ in range(5)))
    assert seen == [10]
    await tokens.take(1)
    tokens.set_rate(50)
    await tokens.take(1)
    assert seen == [10, 10, 5], "what is left of another limit does not count"


@pytest.mark.parametrize("what", ["bytes", "files"])
async def test_what_holds_it_up_is_known_until_there_is_no_limit(what: str) -> None:
    class Account:
        async def draw(self, _what: str, _count: int) -> float:
            return 0.001

    pace = Pace(cast("Ledger", Account()))
    both = Limits(bytes_per_second=9, files_per_second=9)
    told: list[str | None] = []
    pace.set_limits(both)
    told.append(pace.limited_by)
    await (pace.next_bytes(1) if what == "bytes" else pace.next_file())
    for limits in (both, Limits(bytes_per_second=5), Limits(files_per_second=5), Limits()):
        pace.set_limits(limits)
        told.append(pace.limited_by)
    assert told == [None, what, what, what, None]


async def test_a_limit_that_is_lifted_lets_go_of_those_who_wait() -> None:
    tokens = Tokens(drawn([3600.0], []))
    tokens.set_rate(1)
    waiting = asyncio.ensure_future(tokens.take(1))
    await asyncio.sleep(0)
    tokens.set_rate(None)
    async with asyncio.timeout(10):
        await waiting


async def test_a_limit_that_changes_lets_those_who_wait_draw_again() -> None:
    seen: list[int] = []
    tokens = Tokens(drawn([3600.0, 0.0], seen))
    tokens.set_rate(10)
    waiting = asyncio.ensure_future(tokens.take(1))
    await asyncio.sleep(0)
    tokens.set_rate(1000)
    async with asyncio.timeout(10):
        await waiting
    assert seen == [1, 100]


@pytest.mark.slow
@pytest.mark.parametrize("busy", [1, 4], ids=["one of them has work", "all have work"])
async def test_four_workers_do_what_one_may(tmp_path: Path, busy: int) -> None:
    limit, seconds = 200, 3.0
    began: list[float] = []
    clock = asyncio.get_running_loop().time

    async def work(end: float) -> None:
        async with SqliteLedger(tmp_path / "ledger.db", "one") as ledger:
            pace = Pace(ledger)
            pace.set_limits(await ledger.limits())
            while clock() < end:
                await pace.next_file()
                began.append(clock())

    async with SqliteLedger(tmp_path / "ledger.db", "one") as ledger:
        await ledger.set_limits(Limits(files_per_second=limit))
    await asyncio.gather(*(work(clock() + seconds) for _ in range(busy)))
    second = [sum(start <= at < start + 1 for at in began) for start in began if start <= began[-1] - 1]
    assert max(second) <= limit * 1.2, "in each second; a slice may begin it, and another end it"
    assert len(began) <= limit * (seconds + 0.5)
    assert len(began) > limit * seconds / 4, "however busy the machine is"
