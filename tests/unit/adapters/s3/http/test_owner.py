"""Work for the event loop that something belongs to, wherever its caller is."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from s3py_helper.adapters.s3.http import owner as module
from s3py_helper.adapters.s3.http.faults import ForeignClient
from s3py_helper.adapters.s3.http.owner import Owner

pytestmark = pytest.mark.timeout(20)


@contextmanager
def _elsewhere() -> Iterator[tuple[Owner, asyncio.AbstractEventLoop]]:
    """An owner whose event loop runs in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def made() -> Owner:
        return Owner()

    async def done() -> None:
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)

    try:
        yield asyncio.run_coroutine_threadsafe(made(), loop).result(10), loop
    finally:
        asyncio.run_coroutine_threadsafe(done(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Work:
    """Notes where it was done."""

    def __init__(self) -> None:
        self.done_in: list[object] = []
        self.otherwise = 0

    async def __call__(self) -> None:
        self.done_in.append(asyncio.get_running_loop())

    def or_else(self) -> None:
        self.otherwise += 1


async def test_it_is_done_here_where_here_is_the_place() -> None:
    owner, work = Owner(), Work()
    await owner.run(work, work.or_else)
    assert (work.done_in, work.otherwise) == ([asyncio.get_running_loop()], 0)
    assert owner.has_loop
    owner.check()


async def test_it_is_done_there_where_the_loop_runs_in_another_thread() -> None:
    work = Work()
    with _elsewhere() as (owner, loop):
        await owner.run(work, work.or_else)
        assert (work.done_in, work.otherwise) == ([loop], 0)
        with pytest.raises(ForeignClient, match="in another event loop"):
            owner.check()


async def test_a_loop_that_stands_still_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.01)
    work, go_on = Work(), threading.Event()
    with _elsewhere() as (owner, loop):
        loop.call_soon_threadsafe(go_on.wait, 10)
        with pytest.raises(TimeoutError):
            await owner.run(work, work.or_else)
        go_on.set()
    assert work.otherwise == 0, "it is in use there"


async def test_what_cannot_be_done_there_is_done_otherwise() -> None:
    work = Work()
    with _elsewhere() as (owner, _loop):
        pass
    assert not owner.has_loop
    await owner.run(work, work.or_else)
    owner.loop = None  # as in a process that was forked off
    assert not owner.has_loop
    await owner.run(work, work.or_else)
    assert (work.done_in, work.otherwise) == ([], 2)
    with pytest.raises(ForeignClient, match="in the process that this one was forked off"):
        owner.check()
