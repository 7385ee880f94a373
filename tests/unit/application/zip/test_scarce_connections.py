"""Look-ahead takes connections that others may need: it gives them up, and starves nobody."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from s3py_helper.application.download import DownloadService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.zip import lookahead
from s3py_helper.application.zip.format.deflate import BATCH
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import IntegrityException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.testing import leak_guard
from tests.support.waiting import until
from tests.unit.application.zip.contents import incompressible
from tests.unit.application.zip.stores import Shelf, StoredFile

pytestmark = pytest.mark.timeout(20)

MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds takes hundredths."""
    monkeypatch.setattr(lookahead, "STALLED_AFTER", 0.05)


class Scarce(Shelf):
    """A shelf that has so many connections, each held by the file that is open; further ones wait in line."""

    def __init__(self, places: int, sizes_in_mib: list[int]) -> None:
        block = incompressible(MIB)
        super().__init__({f"{number}.jpg": StoredFile(block, repeat=size) for number, size in enumerate(sizes_in_mib)})
        self.free = asyncio.Semaphore(places)
        self.refused: dict[str, list[Exception]] = {}
        mounted = MountedBackend(_Waiting(self), self.staged)
        self.downloads = DownloadService(Locator(RoutingPolicy(StorageMode.S3), {Backend.S3: mounted}))


class _Waiting:
    def __init__(self, shelf: Scarce) -> None:
        self._shelf = shelf
        store = shelf.staged
        self.write, self.info, self.delete = store.write, store.info, store.delete

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        if refusals := self._shelf.refused.get(file_id.key):
            raise refusals.pop()
        async with self._shelf.free, self._shelf.staged.open(file_id, byte_range) as blob:
            yield blob


async def size_of(archive: AsyncIterator[bytes]) -> int:
    return sum([len(chunk) async for chunk in archive])


async def test_the_current_file_gets_the_connection_that_the_next_one_holds() -> None:
    # The second fails before its turn, so that the third gets the only connection, and the second waits for it.
    shelf = Scarce(2, [1, 3, 3])
    shelf.refused["1.jpg"] = [StorageUnavailableException("busy")]
    async with leak_guard(), shelf.free:
        assert await size_of(shelf.downloads.stream_zip(shelf.all_files(), verify_first=True)) > 7 * MIB
    assert not shelf.refused["1.jpg"]


async def test_archives_whose_readers_stall_keep_one_connection_each() -> None:
    shelf = Scarce(8, [3] * 12)
    async with leak_guard():
        stalled = [shelf.downloads.stream_zip(shelf.all_files(), verify_first=True) for _ in range(4)]
        for archive in stalled:
            await anext(archive)
        assert await size_of(shelf.downloads.stream_zip(shelf.all_files())) > 36 * MIB
        await until(lambda: shelf.store.open_now == 4)
        # And they go on when their readers do.
        for size in await asyncio.gather(*map(size_of, stalled)):
            assert size > 34 * MIB


async def test_many_archives_at_once_progress_with_few_connections() -> None:
    shelf = Scarce(3, [0, 3, 1, 9, 2, 20, 1, 3])
    async with leak_guard():
        archives = [shelf.downloads.stream_zip(shelf.all_files()) for _ in range(6)]
        sizes = await asyncio.gather(*map(size_of, archives))
    assert len(set(sizes)) == 1
    assert shelf.store.most_open <= 3


async def test_a_slow_reader_does_not_open_files_again_and_again() -> None:
    shelf = Scarce(8, [7] + [3] * 10)
    async with leak_guard(), aclosing(shelf.downloads.stream_zip(shelf.all_files(), verify_first=True)) as archive:
        for _ in range(5):
            await anext(archive)
            await until(lambda: shelf.store.open_now == 1)
    assert shelf.staged.calls["open"] == 2


class Clock:
    """The event loop's clock, which stands still until it is put forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self._now = loop.time()
        monkeypatch.setattr(loop, "time", lambda: self._now)

    async def forward(self, seconds: float) -> None:
        """Put it forward, and let happen what is due."""
        self._now += seconds
        for _ in range(10):
            await asyncio.sleep(0)


async def test_a_reader_that_moves_is_not_taken_for_stalled(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Scarce(8, [3] * 12)
    async with leak_guard(), aclosing(shelf.downloads.stream_zip(shelf.all_files(), verify_first=True)) as archive:
        clock = Clock(monkeypatch)
        async for _ in archive:
            await clock.forward(0.03)
        assert shelf.staged.calls["open"] == 12


async def test_a_reader_that_stalls_after_a_while_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Scarce(8, [3] * 12)
    async with leak_guard(), aclosing(shelf.downloads.stream_zip(shelf.all_files(), verify_first=True)) as archive:
        clock = Clock(monkeypatch)
        await anext(archive)
        for _ in range(10):
            await clock.forward(0.03)
            await anext(archive)
        await clock.forward(0.05)
        await clock.forward(0.05)
        monkeypatch.undo()
        await until(lambda: shelf.store.open_now <= 1)


async def test_look_ahead_comes_back_when_there_are_connections_again() -> None:
    shelf = Scarce(8, [3] * 30)
    async with leak_guard(), aclosing(shelf.downloads.stream_zip(shelf.all_files(), verify_first=True)) as archive:
        await anext(archive)
        await until(lambda: shelf.store.open_now == 1)
        shelf.store.most_open = 0
        await size_of(archive)
    assert shelf.store.most_open >= 3


async def test_look_ahead_comes_back_one_file_at_a_time() -> None:
    shelf = Scarce(8, [3] * 30)
    async with leak_guard(), aclosing(shelf.downloads.stream_zip(shelf.all_files(), verify_first=True)) as archive:
        await anext(archive)
        await until(lambda: shelf.store.open_now == 1)
        opened = shelf.staged.calls["open"]
        while shelf.staged.calls["open"] == opened:
            await anext(archive)
        for _ in range(10):
            await asyncio.sleep(0)
        assert shelf.store.open_now <= 2


async def stalled(archive: AsyncIterator[bytes], shelf: Scarce, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin to read, and take nothing until only the current file is open."""
    clock = Clock(monkeypatch)
    await anext(archive)
    await until(lambda: shelf.store.open_now > 1)
    await clock.forward(0.05)
    await clock.forward(0.05)
    monkeypatch.undo()
    await until(lambda: shelf.store.open_now == 1)
    shelf.store.most_open = 0


@pytest.mark.parametrize("refusals", [0, 1])
async def test_files_that_were_let_go_are_opened_ahead_of_their_turn_again(
    monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    shelf = Scarce(8, [3, 3, 3])
    async with leak_guard(), aclosing(shelf.downloads.stream_zip(shelf.all_files(), verify_first=True)) as archive:
        await stalled(archive, shelf, monkeypatch)
        # One that is refused before its turn is asked for once more when that has come.
        shelf.refused["2.jpg"] = [StorageUnavailableException("busy")] * refusals
        assert await size_of(archive) > 8 * MIB
    assert shelf.refused["2.jpg"] == []
    assert shelf.store.most_open == 2 - refusals


@pytest.mark.parametrize(("size", "let_go"), [(BATCH, False), (BATCH + 1, True)])
async def test_a_file_that_is_being_read_as_a_whole_is_not_let_go(
    monkeypatch: pytest.MonkeyPatch, size: int, let_go: bool
) -> None:
    shelf = Scarce(8, [3])
    shelf.store.files["1.jpg"] = StoredFile(incompressible(size))
    async with leak_guard(), aclosing(shelf.downloads.stream_zip(shelf.all_files(), verify_first=True)) as archive:
        shelf.staged.hold("read").released.set()
        reading = shelf.staged.hold("read", after_bytes=MIB)
        clock = Clock(monkeypatch)
        await anext(archive)
        await until(reading.reached.is_set)
        await clock.forward(0.05)
        await clock.forward(0.05)
        monkeypatch.undo()
        if let_go:
            await until(lambda: shelf.store.open_now == 1)
        reading.released.set()
        await size_of(archive)
    assert shelf.staged.calls["open"] == 2 + let_go


async def test_a_file_that_was_refused_before_its_turn_is_asked_for_once_more() -> None:
    shelf = Scarce(8, [3, 1, 1])
    shelf.refused["1.jpg"] = [StorageUnavailableException("busy")]
    await size_of(shelf.downloads.stream_zip(shelf.all_files(), on_error="skip"))
    assert not shelf.refused["1.jpg"]

    shelf.refused["1.jpg"] = [StorageUnavailableException("busy") for _ in range(3)]
    with pytest.raises(StorageUnavailableException, match="busy"):
        await size_of(shelf.downloads.stream_zip(shelf.all_files()))
    assert len(shelf.refused["1.jpg"]) == 1


@pytest.mark.parametrize(
    ("key", "error"), [("0.jpg", StorageUnavailableException("busy")), ("1.jpg", IntegrityException("damaged"))]
)
async def test_a_file_is_not_asked_for_again_in_its_turn_nor_where_that_is_of_no_use(
    key: str, error: Exception
) -> None:
    shelf = Scarce(8, [3, 1, 1])
    shelf.refused[key] = [error, error]
    with pytest.raises(type(error), match=str(error)):
        await size_of(shelf.downloads.stream_zip(shelf.all_files()))
    assert len(shelf.refused[key]) == 1


async def test_an_archive_that_is_closed_while_it_gives_connections_up_waits_for_them() -> None:
    shelf = Scarce(8, [3] * 12)
    closing = asyncio.Event()
    released = asyncio.Event()
    original = shelf.store.open

    @asynccontextmanager
    async def slow_to_close(file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async with original(file_id, byte_range) as blob:
            try:
                yield blob
            finally:
                if file_id.key != "0.jpg":
                    closing.set()
                    await released.wait()

    shelf.store.open = slow_to_close  # type: ignore[method-assign,assignment]  # a stage of this test
    async with leak_guard():
        archive = shelf.downloads.stream_zip(shelf.all_files(), verify_first=True)
        await anext(archive)
        await closing.wait()
        ending = asyncio.ensure_future(archive.aclose())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not ending.done()
        released.set()
        await ending
    assert shelf.store.open_now == 0
