"""Every form in which bytes come in and go out."""

import array
import asyncio
import io
import mmap
import os
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import aiofiles
import pytest
from starlette.datastructures import UploadFile

from s3py_helper.application.streams.sinks import pour, writer_to
from s3py_helper.application.streams.sources import READ_SIZE, ByteSource, chunks_of, rewound
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


async def test_no_more_than_256_kib_are_read_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(CONTENT)
    with (tmp_path / "content").open("rb") as file:
        for source in (io.BytesIO(CONTENT), file, UploadFile(io.BytesIO(CONTENT))):
            assert max([len(chunk) async for chunk in chunks_of(source)]) == 256 * 1024


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


class Reading:
    """A blocking file object that gives what it was made with, one after the other."""

    def __init__(self, *given: object) -> None:
        self._given = iter(given)

    def read(self, _size: int) -> object:
        return next(self._given, b"")


class ReadingAsynchronously(Reading):
    """The same with an `async` `read`."""

    async def read(self, size: int) -> object:
        return super().read(size)


class ReadingInMemory(io.BytesIO):
    """The same as a `BytesIO`."""

    def __init__(self, *given: object) -> None:
        super().__init__()
        self._given = iter(given)

    def read(self, _size: int | None = -1, /) -> bytes:
        return cast("bytes", next(self._given, b""))


@pytest.mark.parametrize("kind", [Reading, ReadingAsynchronously, ReadingInMemory])
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ((b"a", None), "None, as a non-blocking file does"),
        ((None,), "None, as a non-blocking file does"),
        (("",), "str, not bytes: open it in binary mode"),
        ((b"a", "text"), "str, not bytes"),
        ((72,), "int, not bytes"),
        ((0,), "int, not bytes"),
        (([],), "list, not bytes"),
        ((False,), "bool, not bytes"),
    ],
)
async def test_what_a_file_gives_that_is_not_bytes_is_refused(
    kind: type[Reading], given: tuple[object, ...], named: str
) -> None:
    with pytest.raises(InvalidArgumentException, match=f"the file object gave {named}"):
        await joined(cast("ByteSource", kind(*given)))


async def test_a_non_blocking_pipe_without_bytes_is_refused_and_not_taken_for_empty() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with (
        os.fdopen(writing, "wb"),
        os.fdopen(reading, "rb", buffering=0) as pipe,
        pytest.raises(InvalidArgumentException, match="non-blocking file"),
    ):
        await joined(cast("BinaryIO", pipe))


async def test_everything_with_a_buffer_is_bytes() -> None:
    numbers = array.array("H", [1, 2])
    assert await joined(cast("ByteSource", numbers)) == numbers.tobytes()
    assert await joined(cast("ByteSource", Reading(numbers, bytearray(b"a"), memoryview(b"bcd")[::2]))) == (
        numbers.tobytes() + b"abd"
    )
    with mmap.mmap(-1, 4) as mapped:
        mapped.write(b"abcd")
        mapped.seek(1)
        assert await joined(cast("ByteSource", mapped)) == b"bcd", "a map is a file that stands somewhere"


async def test_a_released_buffer_is_refused() -> None:
    view = memoryview(b"abc")
    view.release()
    with pytest.raises(InvalidArgumentException, match="cannot be read"):
        await joined(view)


@pytest.mark.parametrize("mode", ["rb", "rb+"])
async def test_a_closed_file_is_refused(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    memory = io.BytesIO()
    with path.open(mode) as file, memory:
        pass
    for closed in (file, memory):
        with pytest.raises(InvalidArgumentException, match="closed"):
            await joined(cast("BinaryIO", closed))
        with pytest.raises(InvalidArgumentException, match="closed"):
            writer_to(cast("BinaryIO", closed))
    with pytest.raises(InvalidArgumentException, match="store it before you respond"):
        await rewound(UploadFile(memory))


async def test_a_file_that_is_open_for_the_other_direction_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file, pytest.raises(InvalidArgumentException, match="cannot be read from"):
        await joined(cast("BinaryIO", file))
    with (tmp_path / "file").open("rb") as file, pytest.raises(InvalidArgumentException, match="cannot be written to"):
        await writer_to(cast("BinaryIO", file))(b"abc")


async def test_an_iterable_that_gives_no_iterator_is_refused() -> None:
    class Broken:
        def __aiter__(self) -> int:
            return 5

    with pytest.raises(InvalidArgumentException, match="Broken"):
        chunks_of(cast("ByteSource", Broken()))


@pytest.mark.parametrize("source", ["text", 5, None, object(), [b"a"]])
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


class Sink:
    """A blocking sink that takes what it was made to take and says what it was made to say."""

    def __init__(self, say: Callable[[int], object], most: int = 1000) -> None:
        self.taken = bytearray()
        self._say = say
        self._most = most

    def write(self, data: bytes | memoryview) -> object:
        self.taken += data[: self._most]
        return self._say(len(data[: self._most]))


class AsynchronousSink(Sink):
    """The same with an `async` `write`."""

    async def write(self, data: bytes | memoryview) -> object:
        return super().write(data)


both_sinks = pytest.mark.parametrize("kind", [Sink, AsynchronousSink])


@both_sinks
async def test_a_short_write_is_continued(kind: type[Sink]) -> None:
    out = kind(lambda taken: taken)
    await writer_to(cast("BinaryIO", out))(CONTENT[:2500])
    assert out.taken == CONTENT[:2500]


@both_sinks
async def test_a_sink_that_returns_nothing_has_taken_all(kind: type[Sink]) -> None:
    out = kind(lambda _taken: None, most=10_000)
    await writer_to(cast("BinaryIO", out))(CONTENT[:2500])
    assert out.taken == CONTENT[:2500]


@both_sinks
@pytest.mark.timeout(20)
@pytest.mark.parametrize("said", [0, 5001, -1, -5000, "5000", 2.0, b"abc", False])
async def test_a_sink_that_cannot_have_taken_what_it_says_is_refused(kind: type[Sink], said: object) -> None:
    with pytest.raises(InvalidArgumentException, match=rf"{kind.__name__} (took none of 5000|was given 5000) bytes"):
        await writer_to(cast("BinaryIO", kind(lambda _taken: said)))(CONTENT[:5000])


@pytest.mark.timeout(20)
async def test_a_full_non_blocking_pipe_is_refused_and_loses_nothing_in_silence() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with (
        os.fdopen(reading, "rb"),
        os.fdopen(writing, "wb", buffering=0) as pipe,
        pytest.raises(InvalidArgumentException, match=r"took none of .* non-blocking"),
    ):
        await writer_to(cast("BinaryIO", pipe))(bytes(700_000))


async def test_a_text_file_takes_no_bytes(tmp_path: Path) -> None:
    with (tmp_path / "text").open("w", encoding="utf-8") as file:
        for text in (file, io.StringIO()):
            with pytest.raises(InvalidArgumentException, match="open it in binary mode"):
                writer_to(cast("BinaryIO", text))


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


class OnlyOnce:
    """A file from a form that cannot be read again."""

    async def read(self, _size: int = -1, /) -> bytes:
        return b""

    async def seek(self, _offset: int) -> None:
        raise io.UnsupportedOperation("seek")


async def test_a_form_file_that_cannot_be_read_again_is_refused() -> None:
    with pytest.raises(InvalidArgumentException, match="cannot be read again: seek") as refused:
        await rewound(OnlyOnce())
    assert refused.value.operation == "upload"
