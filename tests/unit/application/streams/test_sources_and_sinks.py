"""Every form in which bytes come in and go out."""

import asyncio
import io
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import aiofiles
import pytest
from starlette.datastructures import UploadFile

from s3py_helper.application.streams.sinks import pour, writer_to
from s3py_helper.application.streams.sources import READ_SIZE, ByteSource, chunks_of
from s3py_helper.domain.errors import InvalidArgumentException
from tests.support.waiting import until

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

CONTENT = bytes(range(256)) * (READ_SIZE // 256 * 2 + 3)


async def joined(source: ByteSource) -> bytes:
    return b"".join([chunk async for chunk in chunks_of(source)])


async def generated() -> AsyncIterator[bytes]:
    yield CONTENT[:7]
    yield CONTENT[7:]


class OnlyIterable:
    """An async iterable that is no iterator, as httpx' streams are."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return generated()


@pytest.mark.parametrize(
    "source",
    [CONTENT, bytearray(CONTENT), memoryview(CONTENT), io.BytesIO(CONTENT), OnlyIterable()],
    ids=lambda source: type(source).__name__,
)
async def test_every_kind_of_source_gives_its_bytes(source: ByteSource) -> None:
    assert await joined(source) == CONTENT


async def test_a_generator_and_an_upload_give_their_bytes() -> None:
    assert await joined(generated()) == CONTENT
    assert await joined(UploadFile(io.BytesIO(CONTENT))) == CONTENT


async def test_files_of_all_kinds_give_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    with path.open("rb") as file:
        assert await joined(file) == CONTENT
    with path.open("rb", buffering=0) as raw:
        assert await joined(cast("BinaryIO", raw)) == CONTENT
    async with aiofiles.open(path, "rb") as asynchronous:
        assert await joined(asynchronous) == CONTENT


async def test_a_file_is_read_from_where_it_stands_and_left_open(tmp_path: Path) -> None:
    path = tmp_path / "content"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        file.seek(4)
        assert await joined(file) == b"456789"
        assert not file.closed


async def test_a_blocking_file_is_read_outside_the_event_loop() -> None:
    seen: set[int] = set()

    class Watched(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: object) -> int:
            seen.add(threading.get_ident())
            return 0

    assert await joined(cast("BinaryIO", Watched())) == b""
    assert threading.get_ident() not in seen


@pytest.mark.parametrize("source", ["text", 5, None, object()])
async def test_what_has_no_bytes_is_refused(source: object) -> None:
    with pytest.raises(InvalidArgumentException, match=type(source).__name__):
        await joined(cast("ByteSource", source))


async def test_a_text_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("hello")
    with path.open(encoding="utf-8") as file, pytest.raises(InvalidArgumentException, match="binary mode"):
        await joined(cast("BinaryIO", file))


async def test_bytes_reach_every_kind_of_sink(tmp_path: Path) -> None:
    memory = io.BytesIO()
    await writer_to(memory)(CONTENT)
    assert memory.getvalue() == CONTENT

    with tempfile.TemporaryFile(dir=tmp_path) as file:
        await writer_to(file)(CONTENT)
        file.seek(0)
        assert file.read() == CONTENT

    async with aiofiles.open(tmp_path / "async", "wb") as asynchronous:
        await writer_to(cast("BinaryIO", asynchronous))(CONTENT)
    assert (tmp_path / "async").read_bytes() == CONTENT


async def test_a_short_write_is_continued() -> None:
    taken = bytearray()

    class Reluctant:
        def write(self, data: memoryview) -> int:
            taken.extend(data[:1000])
            return min(len(data), 1000)

    await writer_to(cast("BinaryIO", Reluctant()))(CONTENT[:2500])
    assert taken == CONTENT[:2500]


async def test_a_sink_that_returns_nothing_has_taken_all() -> None:
    taken: list[bytes] = []

    class Simple:
        def write(self, data: memoryview) -> None:
            taken.append(bytes(data))

    await writer_to(cast("BinaryIO", Simple()))(b"abc")
    assert taken == [b"abc"]


async def test_what_cannot_be_written_to_is_refused() -> None:
    with pytest.raises(InvalidArgumentException, match="int"):
        writer_to(cast("BinaryIO", 5))


class HeldUp(io.RawIOBase):
    """A blocking sink that takes nothing until it is told to."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.released = threading.Event()
        self.taken: list[bytes] = []

    def write(self, chunk: "ReadableBuffer", /) -> int:
        self.asked.set()
        assert self.released.wait(10)
        self.taken.append(bytes(chunk))
        return len(self.taken[-1])


async def test_what_comes_next_is_fetched_while_a_chunk_is_written() -> None:
    out = HeldUp()
    fetched: list[int] = []

    async def chunks() -> AsyncGenerator[bytes]:
        for number in range(50):
            fetched.append(number)
            yield bytes([number])

    pouring = asyncio.create_task(pour(chunks(), cast("BinaryIO", out)))
    await until(out.asked.is_set)
    await until(lambda: len(fetched) > 2)
    assert len(fetched) < 10, "but not everything at once"
    out.released.set()
    await pouring
    assert b"".join(out.taken) == bytes(range(50))


@pytest.mark.parametrize("out", [io.BytesIO(), tempfile.TemporaryFile()], ids=["in memory", "blocking"])  # noqa: SIM115
async def test_an_error_of_the_source_comes_after_what_it_gave(out: BinaryIO) -> None:
    async def chunks() -> AsyncGenerator[bytes]:
        yield b"abc"
        raise OSError("source broke")

    with out:
        with pytest.raises(OSError, match="source broke"):
            await pour(chunks(), out)
        assert out.tell() == 3


async def test_a_sink_that_fails_closes_the_source() -> None:
    closed = asyncio.Event()

    async def chunks() -> AsyncGenerator[bytes]:
        try:
            while True:
                yield b"abc"
                await asyncio.sleep(0)
        finally:
            closed.set()

    full = Path("/dev/full")
    with full.open("wb", buffering=0) as out, pytest.raises(OSError, match="No space left"):
        await pour(chunks(), out)
    assert closed.is_set()


async def test_a_cancellation_closes_the_source() -> None:
    closed = asyncio.Event()
    began = asyncio.Event()

    async def chunks() -> AsyncGenerator[bytes]:
        try:
            began.set()
            await asyncio.Event().wait()
            yield b""
        finally:
            await asyncio.sleep(0)
            closed.set()

    with tempfile.TemporaryFile() as out:
        pouring = asyncio.create_task(pour(chunks(), cast("BinaryIO", out)))
        await began.wait()
        pouring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pouring
    assert closed.is_set()
