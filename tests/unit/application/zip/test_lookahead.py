"""Files are opened ahead of their turn, but not too many, too large or too early."""

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from s3py_helper.application.zip.lookahead import BYTES_AHEAD, FILES_AHEAD, Lookahead
from tests.support.waiting import until
from tests.unit.application.zip.contents import incompressible
from tests.unit.application.zip.stores import Shelf, StoredFile, entries

MIB = 1024 * 1024


def shelf_of(*sizes_in_mib: int) -> Shelf:
    block = incompressible(MIB)
    return Shelf({f"{number}.jpg": StoredFile(block, repeat=size) for number, size in enumerate(sizes_in_mib)})


async def read(shelf: Shelf, *, verify_first: bool = False) -> int:
    size = 0
    async for chunk in shelf.downloads.stream_zip(shelf.all_files(), verify_first=verify_first):
        size += len(chunk)
    return size


@pytest.mark.parametrize(("verify_first", "at_once"), [(True, FILES_AHEAD), (False, 8)])
async def test_the_next_files_are_opened_while_the_first_one_is_awaited(verify_first: bool, at_once: int) -> None:
    """Where their sizes are not known yet, each might have a MiB."""
    shelf = Shelf({f"{number}.jpg": b"small" for number in range(3 * FILES_AHEAD)})
    gate = shelf.staged.hold("open", times=3 * FILES_AHEAD)
    reading = asyncio.create_task(read(shelf, verify_first=verify_first))
    await gate.reached.wait()
    for _ in range(10):
        await asyncio.sleep(0)
    assert shelf.staged.calls["open"] == at_once
    gate.released.set()
    await reading
    assert shelf.staged.calls["open"] == 3 * FILES_AHEAD


async def test_no_more_files_are_in_progress_when_many_have_passed() -> None:
    shelf, may_go_on = Shelf({f"{number}.jpg": b"small" for number in range(60)}), asyncio.Event()
    begun: list[str] = []

    class Counting(StoredFile):
        async def body(self) -> AsyncGenerator[bytes]:
            begun.append("one")
            if len(begun) > 20:
                await may_go_on.wait()
            async for chunk in super().body():
                yield chunk

    shelf.store.files = {name: Counting(b"small") for name in shelf.store.files}
    reading = asyncio.create_task(read(shelf, verify_first=True))
    await until(lambda: len(begun) > 20)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(begun) == 20 + FILES_AHEAD
    may_go_on.set()
    await reading


async def test_a_small_file_gives_its_connection_back_before_its_turn() -> None:
    shelf = shelf_of(20, 1, 1, 1)
    async with aclosing(shelf.downloads.stream_zip(shelf.all_files())) as archive:
        await anext(archive)
        while shelf.store.open_now > 1:
            await anext(archive)


async def test_a_large_file_far_from_its_turn_is_not_kept_open() -> None:
    """A connection that idles for minutes would be cut by the server, and the archive with it."""
    shelf = shelf_of(*[20] * 6)
    files_at_a_time = [shelf.store.open_now async for _ in shelf.downloads.stream_zip(shelf.all_files())]
    # The current one, and near its end the next; at the very start all were opened to learn their sizes.
    assert max(files_at_a_time[1:]) <= 2
    assert shelf.staged.calls["open"] <= 6 + 5


async def test_files_whose_size_is_not_known_yet_are_taken_to_be_like_one_that_is_open() -> None:
    shelf = shelf_of(20, 20)
    first = shelf.staged.hold("open", times=1)
    reading = asyncio.create_task(read(shelf))
    await first.reached.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    # The second one is open by now, and was closed again: its turn is as far away as it is long.
    assert (shelf.staged.calls["open"], shelf.store.open_now) == (2, 0)
    first.released.set()
    await reading


@pytest.mark.parametrize(("first", "kept_open"), [(8, 1), (7, 2)])
async def test_a_large_file_is_kept_open_only_where_less_than_the_bound_is_to_come(first: int, kept_open: int) -> None:
    shelf = shelf_of(first, 2)
    gate = shelf.staged.hold("read", times=1)
    reading = asyncio.create_task(read(shelf))
    await gate.reached.wait()
    await until(lambda: shelf.staged.calls["open"] == 2)
    for _ in range(20):
        await asyncio.sleep(0)
    assert shelf.store.open_now == kept_open
    gate.released.set()
    await reading


async def test_nothing_refers_to_a_look_ahead_that_was_closed() -> None:
    """Its timer would, for as long as the process lives."""
    lookahead = Lookahead((), lambda _source, _blob: pytest.fail("there is no file"))
    reference = weakref.ref(lookahead)
    await lookahead.aclose()
    del lookahead
    gc.collect()
    assert reference() is None


async def test_no_file_is_opened_in_vain_when_the_sizes_are_known() -> None:
    shelf = shelf_of(*[20] * 6)
    await read(shelf, verify_first=True)
    assert shelf.staged.calls["open"] == 6


async def test_files_of_medium_size_are_opened_as_far_ahead_as_the_bound_on_bytes_allows() -> None:
    shelf = shelf_of(*[3] * 12)
    await read(shelf, verify_first=True)
    assert shelf.staged.calls["open"] == 12
    assert 3 <= shelf.store.most_open <= BYTES_AHEAD // (3 * MIB) + 2


@pytest.mark.parametrize(("first", "opened"), [(8, 1), (7, 2)])
async def test_nothing_is_opened_while_as_much_as_the_bound_is_to_come(first: int, opened: int) -> None:
    shelf = shelf_of(first, 1, 1)
    gate = shelf.staged.hold("open", times=3)
    reading = asyncio.create_task(read(shelf, verify_first=True))
    await gate.reached.wait()
    for _ in range(10):
        await asyncio.sleep(0)
    assert shelf.staged.calls["open"] == opened
    gate.released.set()
    await reading


async def test_a_slow_reader_stops_the_reading() -> None:
    shelf = shelf_of(200)
    async with aclosing(shelf.downloads.stream_zip(shelf.all_files())) as archive:
        await anext(archive)
        upcoming = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert len(upcoming) == 1
        for _ in range(1000):
            await asyncio.sleep(0)
        received = len(await anext(archive)) + len(await anext(archive))
        assert received < 4 * MIB


async def test_files_may_be_missing_while_others_are_parked() -> None:
    shelf = shelf_of(*[20] * 4)
    keys = ["0.jpg", "gone", "1.jpg", "gone", "2.jpg", "3.jpg"]
    size = 0
    async for chunk in shelf.downloads.stream_zip(entries(keys), on_error="skip"):
        size += len(chunk)
    assert size > 80 * MIB
