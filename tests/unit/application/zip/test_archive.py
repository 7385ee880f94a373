"""Archives as Python's own reader sees them."""

import asyncio
import io
import os
import struct
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3py_helper.application.download import DownloadService
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.application.streams.sources import chunks_of
from s3py_helper.application.upload import UploadService
from s3py_helper.application.zip.format.deflate import BATCH, BLOCK
from s3py_helper.application.zip.options import Compression
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.files import FileDownload
from s3py_helper.testing import leak_guard
from tests.support.fuzzing import examples
from tests.unit.application.conftest import Deployment
from tests.unit.application.zip.contents import compressible, incompressible
from tests.unit.application.zip.stores import Shelf, StoredFile, entries, entry

LARGE = 2 * BATCH + 100


async def zipped(shelf: Shelf, files: list[FileDownload] | None = None, compression: Compression = "auto") -> bytes:
    wanted = shelf.all_files() if files is None else files
    return b"".join([chunk async for chunk in shelf.downloads.stream_zip(wanted, compression=compression)])


def unzipped(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {entry.filename: opened.read(entry) for entry in opened.infolist()}


def records(archive: bytes) -> dict[str, zipfile.ZipInfo]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {entry.filename: entry for entry in opened.infolist()}


@pytest.mark.parametrize("compression", ["auto", "always", "never"])
@pytest.mark.parametrize("knows_crc32", [True, False])
async def test_every_byte_of_files_of_every_kind_arrives(compression: Compression, knows_crc32: bool) -> None:
    contents = {
        "empty": b"",
        "one": b"1",
        "small.txt": compressible(5000),
        "small.jpg": incompressible(5000),
        "batch.txt": compressible(BATCH),
        "batch.bin": incompressible(BATCH),
        "more.txt": compressible(BATCH + 1),
        "more.jpg": incompressible(BATCH + 1),
        "large.txt": compressible(LARGE),
        "large.bin": incompressible(LARGE),
        "blocks.mp4": incompressible(20 * BLOCK),
    }
    shelf = Shelf({name: StoredFile(content, knows_crc32=knows_crc32) for name, content in contents.items()})
    assert unzipped(await zipped(shelf, compression=compression)) == contents


async def test_an_archive_of_nothing_is_an_empty_archive() -> None:
    archive = await zipped(Shelf({}))
    assert unzipped(archive) == {}
    assert len(archive) == 22


async def test_the_same_file_twice_is_read_twice() -> None:
    shelf = Shelf({"a.txt": b"x"})
    assert unzipped(await zipped(shelf, entries(["a.txt", "a.txt"]))) == {"a.txt": b"x", "a_1.txt": b"x"}
    assert shelf.staged.calls["open"] == 2


async def test_files_of_several_backends_share_an_archive(deployment: Deployment) -> None:
    upload = UploadService(deployment.locator)
    new = await upload.upload_bytes("new.txt", b"in S3")
    content = compressible(100)
    old = deployment.kept_in_fastdfs
    info = await old.write(NewBlob("unused", "old.txt"), IncomingBody(chunks_of(content)))
    assert info.file_id.backend is Backend.FASTDFS
    files = [FileDownload(file_id=new.file_id), FileDownload(file_id=str(info.file_id))]
    out = io.BytesIO()
    await DownloadService(deployment.locator).download_files_as_zip(files, out)
    assert unzipped(out.getvalue()) == {"new.txt": b"in S3", "old.txt": content}


async def test_a_file_without_a_display_name_is_called_as_when_it_was_uploaded() -> None:
    shelf = Shelf({
        "f/0123456789abcdef_report.pdf": b"1",
        "0123456789abcdef_short.txt": StoredFile(b"2", file_name="the full name.txt"),
        "x/plain.txt": StoredFile(b"3", file_name="../evil.txt"),
    })  # fmt: skip
    archive = await zipped(shelf, [entry(key) for key in shelf.store.files] + [entry("x/plain.txt", "")])
    assert list(unzipped(archive)) == ["report.pdf", "the full name.txt", "evil.txt", "evil_1.txt"]


async def test_a_name_that_comes_late_does_not_take_one_that_was_given() -> None:
    shelf = Shelf({"a.txt": b"1", "b.txt": b"2"})
    archive = await zipped(shelf, [entry("a.txt"), entry("b.txt", "a.txt")])
    assert unzipped(archive) == {"a_1.txt": b"1", "a.txt": b"2"}


async def test_names_are_marked_as_utf8_and_times_are_the_real_ones() -> None:
    odd_second = datetime(2023, 3, 4, 5, 6, 7, tzinfo=UTC)
    shelf = Shelf({"отчёт.txt": StoredFile(b"1", modified=odd_second), "b": StoredFile(b"2", modified=None)})
    found = records(await zipped(shelf))
    dated = found["отчёт.txt"]
    assert dated.flag_bits & 0x800
    assert dated.date_time == (2023, 3, 4, 5, 6, 6)
    assert dated.extra == struct.pack("<HHBi", 0x5455, 5, 1, int(odd_second.timestamp()))
    assert found["b"].date_time == (1980, 1, 1, 0, 0, 0)
    assert found["b"].extra == b""
    assert dated.external_attr >> 16 == 0o100644


async def test_auto_compresses_what_gets_smaller_by_it() -> None:
    shelf = Shelf(
        {
            "text": compressible(10_000),
            "large text": compressible(LARGE),
            "noise": incompressible(10_000),
            "large noise": incompressible(LARGE),
            "picture.jpg": compressible(10_000),
        }
    )
    found = records(await zipped(shelf))
    assert {name: record.compress_size < record.file_size // 2 for name, record in found.items()} == {
        "text": True,
        "large text": True,
        "noise": False,
        "large noise": False,
        "picture.jpg": False,
    }


async def test_auto_knows_a_type_that_the_name_does_not_tell() -> None:
    content = bytes(10_000)
    shelf = Shelf(
        {"a": StoredFile(content, content_type="image/jpeg"), "b": StoredFile(content, content_type="text/x")}
    )
    found = records(await zipped(shelf))
    assert [found[name].compress_type for name in "ab"] == [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]


async def test_always_keeps_what_would_grow_by_it() -> None:
    shelf = Shelf({str(size): os.urandom(size) for size in (1, 1000, 40_000)})
    for name, record in records(await zipped(shelf, compression="always")).items():
        assert (record.compress_type, record.compress_size) == (zipfile.ZIP_STORED, int(name))


async def test_never_compresses_nothing_and_always_tries_everything() -> None:
    shelf = Shelf({"text": compressible(LARGE), "picture.jpg": compressible(LARGE)})
    never = records(await zipped(shelf, compression="never"))
    always = records(await zipped(shelf, compression="always"))
    assert all(record.compress_size >= record.file_size for record in never.values())
    assert all(record.compress_size < record.file_size for record in always.values())


async def test_a_stored_entry_has_no_data_descriptor_and_a_described_one_is_deflated() -> None:
    """Streaming readers find the end of an entry by its size in the header, or by deflate's own end mark."""
    large = incompressible(LARGE)
    shelf = Shelf({"known.jpg": StoredFile(large, knows_crc32=True), "unknown.jpg": large, "small.jpg": large[:100]})
    found = records(await zipped(shelf))
    kinds = {name: (record.compress_type, bool(record.flag_bits & 8)) for name, record in found.items()}
    assert kinds == {
        "known.jpg": (zipfile.ZIP_STORED, False),
        "unknown.jpg": (zipfile.ZIP_DEFLATED, True),
        "small.jpg": (zipfile.ZIP_STORED, False),
    }


async def test_the_archive_does_not_depend_on_how_the_network_cut_the_files() -> None:
    contents = {"a.txt": compressible(LARGE), "b.jpg": incompressible(LARGE), "c": incompressible(1000)}

    def shelf(chunk_size: int) -> Shelf:
        return Shelf({name: StoredFile(content, chunk_size=chunk_size) for name, content in contents.items()})

    assert await zipped(shelf(1_000_003)) == await zipped(shelf(4096))


async def test_chunks_are_large_however_small_the_files() -> None:
    shelf = Shelf({f"{number}.txt": b"x" * 100 for number in range(5000)})
    sizes = [len(chunk) async for chunk in shelf.downloads.stream_zip(shelf.all_files())]
    assert len(sizes) > 1
    assert min(sizes[:-1]) >= 256 * 1024


@given(
    sizes=st.lists(st.sampled_from([0, 1, 100, BLOCK, BATCH - 1, BATCH, BATCH + 1, BATCH + BLOCK]), max_size=5),
    knows=st.lists(st.booleans(), min_size=5, max_size=5),
    names=st.lists(st.sampled_from(["a", "a/b", "ä.txt", None]), min_size=5, max_size=5),
)
@settings(max_examples=examples(40), deadline=None)
async def test_the_exact_size_is_known_beforehand_when_nothing_is_compressed(
    sizes: list[int], knows: list[bool], names: list[str | None]
) -> None:
    noise = incompressible(BATCH + BLOCK)
    stored = {
        f"{number}.jpg": StoredFile(
            noise[:size], knows_crc32=knows[number], modified=None if number == 1 else datetime.now(UTC)
        )
        for number, size in enumerate(sizes)
    }
    shelf = Shelf(stored)
    files = [entry(key, name) for key, name in zip(stored, names, strict=False)]
    plan = await shelf.downloads.plan_zip(files, compression="never")
    archive = b"".join([chunk async for chunk in plan.stream()])
    assert plan.content_length == len(archive)
    assert list(unzipped(archive).values()) == [noise[:size] for size in sizes]


async def test_the_exact_size_is_known_with_auto_when_every_file_is_compressed_already() -> None:
    shelf = Shelf({"a.jpg": incompressible(LARGE), "b": StoredFile(b"12345", content_type="video/mp4")})
    plan = await shelf.downloads.plan_zip(shelf.all_files())
    assert plan.content_length == len(await zipped(shelf))


@pytest.mark.parametrize(
    ("compression", "on_error", "verify_first"),
    [("auto", "raise", True), ("always", "raise", True), ("never", "skip", True), ("never", "raise", False)],
)
async def test_the_size_is_not_promised_when_it_may_turn_out_otherwise(
    compression: Compression, on_error: str, verify_first: bool
) -> None:
    shelf = Shelf({"a.txt": b"text"})
    async with leak_guard(within=0):
        plan = await shelf.downloads.plan_zip(
            shelf.all_files(),
            compression=compression,
            on_error=on_error,  # type: ignore[arg-type] # a parameter of this test
            verify_first=verify_first,
        )
    assert plan.content_length is None
    assert unzipped(b"".join([chunk async for chunk in plan.stream()])) == {"a.txt": b"text"}


async def test_the_exact_size_holds_although_a_file_is_described_otherwise_later() -> None:
    large = incompressible(LARGE)
    shelf = Shelf({"a.jpg": StoredFile(large, knows_crc32=True), "b.jpg": b"1"})
    plan = await shelf.downloads.plan_zip(shelf.all_files())
    shelf.store.files = {"a.jpg": StoredFile(large, modified=None), "b.jpg": StoredFile(b"1", modified=None)}
    archive = b"".join([chunk async for chunk in plan.stream()])
    assert len(archive) == plan.content_length
    assert unzipped(archive) == {"a.jpg": large, "b.jpg": b"1"}


async def test_a_plan_can_be_streamed_more_than_once() -> None:
    shelf = Shelf({"a.txt": b"1"})
    plan = await shelf.downloads.plan_zip([entry("a.txt"), entry("a.txt")])
    first = b"".join([chunk async for chunk in plan.stream()])
    assert first == b"".join([chunk async for chunk in plan.stream()])


class Pipe(io.RawIOBase):
    """Takes little at a time, and cannot seek."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | memoryview") -> int:  # type: ignore[override] # all that is written to it here
        taken = bytes(data[:10_000])
        self.written += taken
        return len(taken)


async def test_an_archive_is_written_to_any_binary_output(tmp_path: Path) -> None:
    shelf = Shelf({"a.txt": compressible(LARGE), "b.jpg": incompressible(LARGE)})
    expected = await zipped(shelf)
    pipe, memory = Pipe(), io.BytesIO()
    with (tmp_path / "buffered.zip").open("wb") as buffered, (tmp_path / "raw.zip").open("wb", buffering=0) as raw:
        for out in (pipe, memory, buffered, raw):
            await shelf.downloads.download_files_as_zip(shelf.all_files(), cast("BinaryIO", out))
    assert bytes(pipe.written) == memory.getvalue() == expected
    assert (tmp_path / "buffered.zip").read_bytes() == (tmp_path / "raw.zip").read_bytes() == expected


async def test_an_output_that_blocks_does_not_block_the_event_loop() -> None:
    read_end, write_end = os.pipe()
    shelf = Shelf({"a.jpg": incompressible(LARGE)})
    with os.fdopen(read_end, "rb") as reader, os.fdopen(write_end, "wb", buffering=0) as out:
        writing = asyncio.create_task(shelf.downloads.download_files_as_zip(shelf.all_files(), cast("BinaryIO", out)))
        writing.add_done_callback(lambda _: out.close())
        # Nobody reads yet, and a pipe holds 64 KiB: were the loop blocked, this would never be reached.
        archive = await asyncio.to_thread(reader.read)
        await writing
    assert unzipped(archive) == {"a.jpg": shelf.store.files["a.jpg"].content}


@pytest.mark.parametrize("option", [{"compression": "best"}, {"on_error": "ignore"}])
async def test_an_option_that_does_not_exist_is_named(option: dict[str, str]) -> None:
    shelf = Shelf({})
    with pytest.raises(InvalidArgumentException, match=r"(compression|on_error) is one of .*, got '(best|ignore)'"):
        shelf.downloads.stream_zip([], **option)  # type: ignore[arg-type] # on purpose
    with pytest.raises(InvalidArgumentException):
        await shelf.downloads.download_files_as_zip([], io.BytesIO(), **option)  # type: ignore[arg-type] # on purpose
