"""The parts of an archive: batches, blocks, headers at the limits of 32 bits, times, and what is worth compressing."""

import asyncio
import struct
import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.zip.batches import Coalescer, batched, one_batch
from s3py_helper.application.zip.encoding import EntryEncoder, header_when_stored
from s3py_helper.application.zip.format.deflate import (
    BATCH,
    BLOCK,
    SAMPLE,
    StoredBlocks,
    deflated,
    may_outgrow_32_bits,
    stored_blocks_length,
)
from s3py_helper.application.zip.format.records import (
    Content,
    EntryHeader,
    Method,
    central_header,
    data_descriptor,
    end_of_archive,
    local_header,
)
from s3py_helper.application.zip.format.timestamps import dos_date_time, extended_timestamp
from s3py_helper.application.zip.format.writer import ArchiveWriter
from s3py_helper.application.zip.options import compresses
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import Span
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.file_id import FileId
from tests.unit.application.zip.contents import compressible, incompressible

GIB4 = 1 << 32
LAST_THAT_FITS = GIB4 - 1 - 5 * 65534
"""Bytes whose stored blocks, with 5 bytes for each of 65 533 and for the last, take 4 GiB - 1."""

BIG_FILE = FileId.parse("s3:my-bucket/big")


async def pieces(chunks: list[bytes]) -> AsyncGenerator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize("size", [100, 16 * 1024, 16 * 1024 + 1, 64 * 1024, 64 * 1024 + 1, BATCH])
@pytest.mark.parametrize("compress", [True, False])
async def test_a_file_of_one_batch_is_compressed_where_that_is_wanted(size: int, compress: bool) -> None:
    content = compressible(size)
    blob = OpenBlob(BlobInfo(BIG_FILE, size), Span(0, size), pieces([content]))
    header, data, end = [piece async for piece in EntryEncoder(1).encode(blob, compress=compress)]
    assert isinstance(header, EntryHeader)
    assert isinstance(data, bytes)
    assert header.method is (Method.DEFLATED if compress else Method.STORED)
    assert (zlib.decompress(data, -15) if compress else data) == content
    assert header.content == end == Content(zlib.crc32(content), size, len(data))


@pytest.mark.parametrize(
    ("content", "method"),
    [(incompressible(BATCH + 1), Method.STORED), (compressible(BATCH + 1), Method.DEFLATED)],
    ids=["random", "text"],
)
async def test_a_large_file_is_compressed_where_its_beginning_shrinks(content: bytes, method: Method) -> None:
    info = BlobInfo(BIG_FILE, len(content), checksum=Checksum.crc32(zlib.crc32(content)))
    for compress, expected in ((True, method), (False, Method.STORED)):
        blob = OpenBlob(info, Span(0, len(content)), pieces([content]))
        header, *data, end = [piece async for piece in EntryEncoder(1).encode(blob, compress=compress)]
        assert isinstance(header, EntryHeader)
        assert header.method is expected
        written = b"".join(piece for piece in data if isinstance(piece, bytes))
        assert (zlib.decompress(written, -15) if expected is Method.DEFLATED else written) == content
        assert end == Content(zlib.crc32(content), len(content), len(written))


async def test_no_more_files_are_compressed_at_a_time_than_there_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    running, highest = 0, 0

    async def to_thread(work: Callable[..., object], *args: object, **options: object) -> object:
        nonlocal running, highest
        running += 1
        highest = max(highest, running)
        for _ in range(3):
            await asyncio.sleep(0)
        running -= 1
        return work(*args, **options)

    monkeypatch.setattr(asyncio, "to_thread", to_thread)
    encoder, content = EntryEncoder(2), compressible(64 * 1024 + 1)

    async def encode() -> None:
        blob = OpenBlob(BlobInfo(BIG_FILE, len(content)), Span(0, len(content)), pieces([content]))
        assert len([piece async for piece in encoder.encode(blob, compress=True)]) == 3

    await asyncio.gather(*(encode() for _ in range(6)))
    assert highest == 2


class Endless:
    """Chunks that are always at hand; counts how many were taken."""

    def __init__(self, chunk: bytes, end: int) -> None:
        self.taken = 0
        self._chunk = chunk
        self._end = end

    async def chunks(self) -> AsyncGenerator[bytes]:
        while self.taken < self._end:
            self.taken += 1
            yield self._chunk


async def test_of_a_body_that_is_larger_than_it_was_said_to_be_no_more_is_read() -> None:
    body = Endless(b"x" * 10, 1000)
    assert await one_batch(body.chunks(), 25) is None
    assert body.taken == 3
    assert await one_batch(Endless(b"x" * 10, 2).chunks(), 25) is None
    assert await one_batch(Endless(b"x" * 10, 2).chunks(), 20) == [b"x" * 10] * 2


async def test_bytes_that_are_at_hand_leave_the_event_loop_its_turn() -> None:
    turns: list[str] = []
    loop = asyncio.get_running_loop()
    loop.call_soon(turns.append, "while batches are made")
    async for _ in batched(Endless(bytes(256 * 1024), 2).chunks(), BATCH):
        pass
    assert len(turns) == 1
    loop.call_soon(turns.append, "while one is")
    await one_batch(Endless(bytes(256 * 1024), 2).chunks(), BATCH)
    assert len(turns) == 2


@pytest.mark.parametrize(("size", "given_up"), [(SAMPLE, False), (SAMPLE + 1, True), (3 * SAMPLE, True)])
def test_what_does_not_shrink_is_not_compressed_to_its_end(size: int, given_up: bool) -> None:
    assert (deflated(incompressible(size)) is None) == given_up
    data = deflated(compressible(size))
    assert data is not None
    assert len(data) < size // 2
    assert zlib.decompress(data, -15) == compressible(size)


@given(st.lists(st.binary(min_size=1, max_size=20)), st.integers(1, 12))
@settings(deadline=None)
async def test_batches_have_one_size_and_all_bytes(chunks: list[bytes], size: int) -> None:
    batches = [b"".join(batch) async for batch in batched(pieces(chunks), size)]
    assert b"".join(batches) == b"".join(chunks)
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(0 < len(batch) <= size for batch in batches)


def coalesced(pieces: list[bytes], size: int) -> list[bytes]:
    output = Coalescer(size)
    return [chunk for piece in pieces for chunk in output.add(piece)] + output.rest()


@given(st.lists(st.binary(max_size=20)), st.integers(1, 12))
@settings(deadline=None)
def test_coalesced_chunks_have_all_bytes(pieces: list[bytes], size: int) -> None:
    large = coalesced(pieces, size)
    assert b"".join(large) == b"".join(pieces)
    assert all(large)


def test_small_pieces_are_joined_and_large_ones_passed_on() -> None:
    large = b"x" * 10
    joined = coalesced([b"a", b"b", large, b"c", b"", b"d" * 4, b"e", b"f"], 5)
    assert joined == [b"ab", large, b"cdddd", b"ef"]
    assert joined[1] is large


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 7])
def test_stored_blocks_are_deflate_of_the_predicted_length(size: int) -> None:
    content = bytes(size)
    encoder = StoredBlocks()
    data = (encoder.encode(content) if content else b"") + encoder.finish()
    assert zlib.decompress(data, -15) == content
    assert len(data) == stored_blocks_length(size)


@pytest.mark.parametrize(
    ("size", "uncertain"), [(0, False), (GIB4 - (1 << 26), False), (GIB4 - 1000, True), (GIB4 - 1, True), (GIB4, False)]
)
def test_only_sizes_just_below_4_gib_may_outgrow_32_bits(size: int, uncertain: bool) -> None:
    assert may_outgrow_32_bits(size) is uncertain


@pytest.mark.parametrize(("size", "length"), [(GIB4 - 1, 16), (GIB4, 24), (GIB4 + 1, 24)])
def test_a_descriptor_is_wide_exactly_when_java_expects_it(size: int, length: int) -> None:
    assert len(data_descriptor(Content(1, size, 10))) == length
    assert len(data_descriptor(Content(1, 10, size))) == length


def test_the_header_announces_a_wide_descriptor() -> None:
    header = EntryHeader(None, Method.DEFLATED, None, wide=True)
    fixed = struct.unpack_from("<4sHHHHHIIIHH", local_header("n", header))
    assert fixed[6] == 0, "the sum follows the data"
    assert fixed[1] == 45
    assert fixed[7:9] == (0xFFFFFFFF, 0xFFFFFFFF)
    assert local_header("n", header)[31:] == struct.pack("<HHQQ", 1, 16, 0, 0)


def test_a_small_entry_carries_no_zip64_field() -> None:
    for header in (
        EntryHeader(None, Method.STORED, Content(1, GIB4 - 2, GIB4 - 2)),
        EntryHeader(None, Method.DEFLATED, None),
    ):
        assert len(local_header("n", header)) == 31
    assert len(central_header("n", header, Content(1, GIB4 - 2, GIB4 - 2), GIB4 - 2)) == 47


def test_a_large_stored_entry_tells_both_sizes_in_its_header() -> None:
    header = EntryHeader(None, Method.STORED, Content(1, GIB4, GIB4))
    assert local_header("n", header)[31:] == struct.pack("<HHQQ", 1, 16, GIB4, GIB4)


@pytest.mark.parametrize(
    ("size", "compressed", "zip64"),
    [
        (GIB4 - 2, GIB4 - 2, False),
        # 4 GiB - 1 is what the short fields hold when the number is elsewhere (4.4.8, 4.4.9): it is not a size there.
        (GIB4 - 1, 5, True),
        (5, GIB4 - 1, True),
        (GIB4 - 1, GIB4 - 1, True),
        (GIB4, GIB4, True),
        (5, GIB4, True),
    ],
)
def test_a_local_header_is_zip64_where_a_size_does_not_fit(size: int, compressed: int, zip64: bool) -> None:
    header = local_header("n", EntryHeader(None, Method.DEFLATED, Content(1, size, compressed)))
    fields = struct.unpack_from("<4sHHHHHIIIHH", header)
    assert fields[1] == (45 if zip64 else 20)
    if zip64:
        assert fields[7:9] == (0xFFFFFFFF, 0xFFFFFFFF)
        assert header[31:] == struct.pack("<HHQQ", 1, 16, size, compressed)
    else:
        assert fields[7:9] == (compressed, size)
        assert header[31:] == b""


@pytest.mark.parametrize(("size", "wide", "version"), [(5, False, 20), (5, True, 45), (GIB4 - 1, False, 45)])
def test_the_directory_says_which_version_is_needed_to_unpack(size: int, wide: bool, version: int) -> None:
    header = EntryHeader(None, Method.DEFLATED, None, wide=wide)
    assert struct.unpack_from("<4sHH", central_header("n", header, Content(1, size, 5), 0))[2] == version


@pytest.mark.parametrize(
    ("size", "compressed", "offset", "numbers"),
    [
        (GIB4, 5, 7, [GIB4]),
        (GIB4 - 1, 5, 7, [GIB4 - 1]),
        (5, 5, GIB4, [GIB4]),
        (GIB4, GIB4 + 1, GIB4 + 2, [GIB4, GIB4 + 1, GIB4 + 2]),
    ],
)
def test_the_directory_has_the_zip64_numbers_that_do_not_fit_and_no_others(
    size: int, compressed: int, offset: int, numbers: list[int]
) -> None:
    header = EntryHeader(None, Method.DEFLATED, None)
    extra = central_header("n", header, Content(1, size, compressed), offset)[47:]
    assert extra == struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


@pytest.mark.parametrize(
    ("entries", "size", "offset", "length"),
    [(0, 0, 0, 22), (65534, 1, 1, 22), (65535, 1, 1, 98), (1, 1, GIB4 - 2, 22), (1, 1, GIB4 - 1, 98), (1, GIB4, 1, 98)],
)
def test_the_end_is_zip64_where_a_number_does_not_fit(entries: int, size: int, offset: int, length: int) -> None:
    end = end_of_archive(entries, size, offset)
    assert len(end) == length
    if length > 22:
        wide = struct.unpack_from("<4sQHHIIQQQQ", end)
        assert wide == (b"PK\6\6", 44, 3 << 8 | 45, 45, 0, 0, entries, entries, size, offset)
        assert struct.unpack_from("<4sIQI", end, 56) == (b"PK\6\7", 0, offset + size, 1)


def test_an_entry_that_was_not_begun_cannot_end() -> None:
    with pytest.raises(RuntimeError, match="without begin"):
        ArchiveWriter().end(Content(0, 0, 0))


@pytest.mark.parametrize(
    ("size", "crc32", "method", "described", "wide"),
    [
        (5, None, Method.STORED, False, False),
        (GIB4 - 1, 1, Method.STORED, False, False),
        (GIB4 + 1, 1, Method.STORED, False, False),
        (1 << 30, None, Method.DEFLATED, True, False),
        (GIB4 - 1000, None, Method.DEFLATED, True, True),
        (LAST_THAT_FITS, None, Method.DEFLATED, True, False),
        (LAST_THAT_FITS + 1, None, Method.DEFLATED, True, True),
        (GIB4 + 1, None, Method.DEFLATED, True, True),
    ],
)
def test_what_is_not_compressed_is_stored_where_the_crc_is_known_and_framed_where_not(
    size: int, crc32: int | None, method: Method, described: bool, wide: bool
) -> None:
    header = header_when_stored(BlobInfo(BIG_FILE, size, checksum=None if crc32 is None else Checksum.crc32(crc32)))
    assert (header.method, header.content is None, header.wide) == (method, described, wide)


@pytest.mark.parametrize("size", [1 << 30, GIB4 - 1000, GIB4 + 1])
async def test_a_descriptor_is_announced_as_wide_where_compressed_bytes_may_need_it(size: int) -> None:
    async def body() -> AsyncGenerator[bytes]:
        while True:
            yield bytes(BLOCK)

    blob = OpenBlob(BlobInfo(BIG_FILE, size), Span(0, size), body())
    async with aclosing(EntryEncoder(1).encode(blob, compress=True)) as pieces:
        header = await anext(pieces)
    assert isinstance(header, EntryHeader)
    assert (header.method, header.content, header.wide) == (Method.DEFLATED, None, size > 1 << 30)


@pytest.mark.parametrize(
    ("moment", "date", "time"),
    [
        (datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC), (2024, 2, 29), (23, 59, 58)),
        (datetime(2024, 3, 1, 1, 0, tzinfo=timezone(timedelta(hours=8))), (2024, 2, 29), (17, 0, 0)),
        (datetime(1970, 1, 1, tzinfo=UTC), (1980, 1, 1), (0, 0, 0)),
        (datetime(2200, 1, 1, tzinfo=UTC), (2107, 12, 31), (23, 59, 58)),
        (None, (1980, 1, 1), (0, 0, 0)),
    ],
)
def test_dos_times_are_in_utc_and_within_their_range(
    moment: datetime | None, date: tuple[int, int, int], time: tuple[int, int, int]
) -> None:
    dos_date, dos_time = dos_date_time(moment)
    assert (1980 + (dos_date >> 9), dos_date >> 5 & 15, dos_date & 31) == date
    assert (dos_time >> 11, dos_time >> 5 & 63, 2 * (dos_time & 31)) == time


def test_a_time_beyond_32_bits_has_no_extended_timestamp() -> None:
    assert extended_timestamp(datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC))[-4:] == b"\xff\xff\xff\x7f"
    assert extended_timestamp(datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC)) == b""
    assert extended_timestamp(datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC))[-4:] == b"\xff\xff\xff\xff"


@pytest.mark.parametrize(
    ("name", "content_type", "expected"),
    [
        ("a.txt", None, True),
        ("a.csv", "image/png", True),
        ("a.svg", None, True),
        ("a.bmp", None, True),
        ("a.wav", None, True),
        ("README", None, True),
        ("README", "text/plain; charset=utf-8", True),
        ("a.JPG", None, False),
        ("a.mp4", None, False),
        ("a.mkv", None, False),
        ("a.mp3", None, False),
        ("a.heic", None, False),
        ("a.zip", None, False),
        ("a.tar.gz", None, False),
        ("a.tgz", None, False),
        ("A.WHL", None, False),
        ("a.docx", None, False),
        ("a.xlsx", None, False),
        ("a.odt", None, False),
        ("a.pdf", None, False),
        ("a.woff2", None, False),
        ("a.unknown", "video/mp4", False),
        ("no extension", "Application/PDF; x=y", False),
    ],
)
def test_auto_judges_by_the_name_and_else_by_the_type(name: str, content_type: str | None, expected: bool) -> None:
    assert compresses("auto", name, content_type) is expected
    assert compresses("always", name, content_type)
    assert not compresses("never", name, content_type)
