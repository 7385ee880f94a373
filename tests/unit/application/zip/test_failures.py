"""Files that are missing, break off or lie; readers that leave."""

import asyncio
import io
import zipfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Literal

import pytest

from s3py_helper.application.zip.format.deflate import BATCH
from s3py_helper.application.zip.lookahead import FILES_AHEAD
from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    IntegrityException,
    InvalidArgumentException,
    RouteNotSupportedException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.files import FileDownload
from s3py_helper.testing import leak_guard
from tests.unit.application.zip.contents import compressible, incompressible
from tests.unit.application.zip.stores import Shelf, StoredFile, entries, entry

LARGE = 4 * BATCH


def unzipped(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {entry.filename: opened.read(entry) for entry in opened.infolist()}


async def consumed(archive: AsyncGenerator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in archive])


async def cut(archive: AsyncGenerator[bytes], error: type[StorageException]) -> bytes:
    """What had come when the error did."""
    received: list[bytes] = []

    async def receive() -> None:
        async for chunk in archive:
            received.append(chunk)  # noqa: PERF401 # a comprehension that raises would lose what had come

    with pytest.raises(error):
        await receive()
    return b"".join(received)


async def test_a_missing_first_file_is_known_before_the_first_byte() -> None:
    shelf = Shelf({"b.txt": b"there"})
    async with leak_guard():
        assert await cut(shelf.downloads.stream_zip(entries(["a.txt", "b.txt"])), FileNotFoundException) == b""


async def test_a_file_that_was_found_missing_beforehand_is_not_asked_for_again() -> None:
    shelf, left_out = Shelf({"a.txt": b"there"}), list[tuple[str, StorageException]]()
    plan = await shelf.downloads.plan_zip(entries(["gone.txt", "a.txt"]), on_error="skip", verify_first=True)
    shelf.store.files["gone.txt"] = StoredFile(b"back")
    for _ in range(2):
        archive = await consumed(plan.stream(lambda file_id, error: left_out.append((file_id, error))))
        assert list(unzipped(archive)) == ["a.txt", "_missing.txt"]
    assert shelf.staged.calls["open"] == 2
    [(file_id, error), (_, again)] = left_out
    assert file_id == "s3:my-bucket/gone.txt"
    assert isinstance(error, FileNotFoundException)
    assert error is not again, "an error that is raised twice grows"


async def test_a_file_that_has_changed_meanwhile_is_named() -> None:
    shelf = Shelf({"a.txt": b"planned"})
    plan = await shelf.downloads.plan_zip(shelf.all_files())
    shelf.store.files["a.txt"] = StoredFile(b"of another size")
    with pytest.raises(IntegrityException, match="15 bytes now, 7 a moment ago") as caught:
        await consumed(plan.stream())
    error = caught.value
    assert (error.operation, error.file_id, error.backend) == ("zip", "s3:my-bucket/a.txt", "s3")


async def test_a_missing_last_file_cuts_the_archive_so_that_no_reader_takes_it_for_whole() -> None:
    shelf = Shelf({"a.jpg": incompressible(LARGE)})
    async with leak_guard():
        received = await cut(shelf.downloads.stream_zip(entries(["a.jpg", "b.txt"])), FileNotFoundException)
    assert received
    with pytest.raises(zipfile.BadZipFile):
        unzipped(received)


async def test_a_file_without_end_is_not_waited_for() -> None:
    shelf = Shelf({"a.jpg": StoredFile(incompressible(BATCH), repeat=100, says_size=2 * BATCH)})
    async with leak_guard():
        assert len(await cut(shelf.downloads.stream_zip(entries(["a.jpg"])), IntegrityException)) < 4 * BATCH


async def test_with_verify_first_any_missing_file_is_known_before_the_first_byte() -> None:
    shelf = Shelf({"a.jpg": incompressible(LARGE)})
    wanted = entries(["a.jpg"] * 40 + ["b.txt"])
    async with leak_guard():
        assert await cut(shelf.downloads.stream_zip(wanted, verify_first=True), FileNotFoundException) == b""
        out = io.BytesIO()
        with pytest.raises(FileNotFoundException):
            await shelf.downloads.download_files_as_zip(wanted, out, verify_first=True)
        assert out.getvalue() == b""
        with pytest.raises(FileNotFoundException):
            await shelf.downloads.plan_zip(wanted)
    assert shelf.staged.calls["open"] == 0


async def test_an_output_gets_nothing_when_the_first_file_is_missing() -> None:
    out = io.BytesIO()
    with pytest.raises(FileNotFoundException):
        await Shelf({}).downloads.download_files_as_zip(entries(["a.txt"]), out)
    assert out.getvalue() == b""


@pytest.mark.parametrize(
    ("file_id", "error"),
    [("s3:", InvalidArgumentException), ("group1/M00/00/00/a.txt", RouteNotSupportedException)],
)
@pytest.mark.parametrize("on_error", ["raise", "skip"])
async def test_a_request_that_is_wrong_is_refused_before_anything_is_read(
    file_id: str, error: type[StorageException], on_error: str
) -> None:
    shelf = Shelf({"a.txt": b"1"})
    wanted = [entry("a.txt"), FileDownload(file_id=file_id)]
    async with leak_guard(within=0):
        archive = shelf.downloads.stream_zip(wanted, on_error=on_error)  # type: ignore[arg-type] # parametrized
        assert await cut(archive, error) == b""
    assert shelf.staged.calls["open"] == 0


async def test_what_may_not_be_downloaded_may_not_be_packed() -> None:
    shelf = Shelf({"a.txt": b"1"}, readable=frozenset())
    for on_error in ("raise", "skip"):
        with pytest.raises(RouteNotSupportedException, match="switched off"):
            await shelf.downloads.plan_zip(shelf.all_files(), on_error=on_error)
    assert not shelf.staged.calls


@pytest.mark.parametrize("wrong", [5, b"a.txt", ["a.txt"]])
async def test_the_name_of_an_entry_is_text(wrong: object) -> None:
    class Wanted:
        file_id = "s3:my-bucket/a.txt"
        file_name = wrong

    with pytest.raises(InvalidArgumentException, match="the name of an entry is text"):
        await Shelf({"a.txt": b"1"}).downloads.plan_zip([Wanted()])  # type: ignore[list-item] # what is tested


async def test_a_plan_tells_its_progress_to_what_can_be_told_only() -> None:
    plan = await Shelf({"a.txt": b"1"}).downloads.plan_zip([entry("a.txt")])
    with pytest.raises(InvalidArgumentException, match="progress is an ordinary function"):
        plan.stream(progress=5)  # type: ignore[arg-type] # what is tested


@pytest.mark.parametrize("verify_first", [True, False])
async def test_skip_leaves_files_out_and_lists_them(verify_first: bool) -> None:
    shelf = Shelf({"a.txt": b"1", "c.txt": b"3"})
    wanted = [
        entry("a.txt", "x.txt"),
        entry("b.txt", "x.txt"),
        entry("c.txt", "x.txt"),
        entry("0123456789abcdef_d.txt"),
    ]
    archive = await consumed(shelf.downloads.stream_zip(wanted, on_error="skip", verify_first=verify_first))
    found = unzipped(archive)
    assert list(found) == ["x.txt", "x_1.txt", "_missing.txt"]
    assert found["x_1.txt"] == b"3"
    assert found["_missing.txt"].decode().splitlines() == [
        "These files could not be added:",
        "x.txt: not found (s3:my-bucket/b.txt)",
        "d.txt: not found (s3:my-bucket/0123456789abcdef_d.txt)",
    ]


@pytest.mark.parametrize(
    ("key", "name", "line"),
    [
        ("gone", "a\r\nb.txt: fine", "a__b.txt_ fine: not found (s3:my-bucket/gone)"),
        ("gone", "a\u2028b\u2029c\x85d\x0be.txt", "a_b_c_d_e.txt: not found (s3:my-bucket/gone)"),
        ("gone", "exe.\u202egpj", "exe._gpj: not found (s3:my-bucket/gone)"),
        ("a\u2028fs:b/c: fine", "x.txt", "x.txt: not found (s3:my-bucket/a\\u2028fs:b/c: fine)"),
        ("a\u202ecod", "x.txt", "x.txt: not found (s3:my-bucket/a\\u202ecod)"),
        ("Zoë ☂.txt", None, "Zoë ☂.txt: not found (s3:my-bucket/Zoë ☂.txt)"),
    ],
)
async def test_each_missing_file_is_one_line_whatever_its_name(key: str, name: str | None, line: str) -> None:
    archive = await consumed(Shelf({}).downloads.stream_zip([entry(key, name)], on_error="skip"))
    text = unzipped(archive)["_missing.txt"].decode()
    assert text.split("\r\n") == ["These files could not be added:", line, ""]
    assert text.splitlines() == ["These files could not be added:", line]


async def test_the_list_of_what_is_missing_takes_no_files_name() -> None:
    shelf = Shelf({"a": b"1"})
    archive = await consumed(shelf.downloads.stream_zip([entry("a", "_missing.txt"), entry("b")], on_error="skip"))
    assert list(unzipped(archive)) == ["_missing.txt", "_missing_1.txt"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AccessDeniedException("secret detail"), "access denied"),
        (IntegrityException("secret detail"), "damaged"),
        (StorageUnavailableException("secret detail"), "storage out of reach"),
        (StorageOperationException("secret detail"), "could not be read"),
    ],
)
async def test_the_list_gives_a_reason_but_no_details(error: StorageException, reason: str) -> None:
    shelf = Shelf({"a.txt": b"1"})
    shelf.staged.fail("open", error)
    found = unzipped(await consumed(shelf.downloads.stream_zip(shelf.all_files(), on_error="skip")))
    assert f"a.txt: {reason} (" in found["_missing.txt"].decode()
    assert b"secret" not in found["_missing.txt"]


@pytest.mark.parametrize("verify_first", [False, True])
async def test_who_asks_for_an_archive_is_told_what_was_left_out_of_it(verify_first: bool) -> None:
    shelf, told = Shelf({"b.txt": b"there"}), list[tuple[str, type[StorageException]]]()
    plan = await shelf.downloads.plan_zip(
        entries(["a.txt", "b.txt", "c.txt"]), on_error="skip", verify_first=verify_first
    )
    await consumed(plan.stream(lambda file_id, error: told.append((file_id, type(error)))))
    assert told == [("s3:my-bucket/a.txt", FileNotFoundException), ("s3:my-bucket/c.txt", FileNotFoundException)]


async def test_what_was_left_out_is_named_as_it_was_asked_for() -> None:
    shelf, told = Shelf({}, implied_prefix="s3:"), list[str]()
    plan = await shelf.downloads.plan_zip(
        [FileDownload(file_id="my-bucket/a.txt")], on_error="skip", verify_first=False
    )
    await consumed(plan.stream(lambda file_id, _error: told.append(file_id)))
    assert told == ["my-bucket/a.txt"]


@pytest.mark.parametrize("operation", ["open", "read"])
async def test_a_defect_is_no_reason_to_leave_a_file_out(operation: Literal["open", "read"]) -> None:
    shelf = Shelf({"a.txt": b"there"})
    shelf.staged.fail(operation, KeyError("a defect"))
    async with leak_guard():
        with pytest.raises(KeyError):
            await consumed(shelf.downloads.stream_zip(shelf.all_files(), on_error="skip"))
        shelf.staged.fail("info", KeyError("a defect"))
        with pytest.raises(KeyError):
            await shelf.downloads.plan_zip(shelf.all_files(), on_error="skip")


async def test_a_small_file_that_breaks_off_can_be_skipped() -> None:
    shelf = Shelf({"a.txt": b"1" * 1000, "b.txt": b"2"})
    shelf.staged.fail("read", StorageOperationException("connection lost"), after_bytes=500)
    found = unzipped(await consumed(shelf.downloads.stream_zip(shelf.all_files(), on_error="skip")))
    assert list(found) == ["b.txt", "_missing.txt"]


async def test_a_large_file_that_breaks_off_cuts_the_archive_even_with_skip() -> None:
    shelf = Shelf({"a.jpg": incompressible(LARGE)})
    shelf.staged.fail("read", StorageOperationException("connection lost"), after_bytes=3 * BATCH)
    async with leak_guard():
        received = await cut(shelf.downloads.stream_zip(shelf.all_files(), on_error="skip"), StorageOperationException)
    with pytest.raises(zipfile.BadZipFile):
        unzipped(received)


@pytest.mark.parametrize("size", [1000, LARGE])
@pytest.mark.parametrize("difference", [-1, 1])
@pytest.mark.parametrize("name", ["a.txt", "a.jpg"])
async def test_a_file_of_another_size_than_promised_cuts_the_archive(size: int, difference: int, name: str) -> None:
    shelf = Shelf({name: StoredFile(compressible(size), says_size=size + difference)})
    with pytest.raises(IntegrityException, match=rf"s3:my-bucket/{name} is not what it was said to be: it "):
        await consumed(shelf.downloads.stream_zip(shelf.all_files()))


@pytest.mark.parametrize("size", [1000, LARGE])
@pytest.mark.parametrize("name", ["a.txt", "a.jpg"])
async def test_a_file_with_another_crc_than_promised_cuts_the_archive(size: int, name: str) -> None:
    shelf = Shelf({name: StoredFile(compressible(size), says_crc32=0x12345678)})
    with pytest.raises(IntegrityException, match=r"CRC-32 is .*, not 12345678"):
        await consumed(shelf.downloads.stream_zip(shelf.all_files()))


async def test_a_file_that_changed_after_it_was_asked_for_cuts_the_archive() -> None:
    shelf = Shelf({"a.jpg": b"12345"})
    plan = await shelf.downloads.plan_zip(shelf.all_files())
    shelf.store.files["a.jpg"] = StoredFile(b"123456")
    with pytest.raises(IntegrityException, match="6 bytes now, 5 a moment ago"):
        await consumed(plan.stream())


@pytest.mark.parametrize("name", ["a.txt", "a.jpg"])
async def test_a_reader_that_leaves_early_releases_everything_at_once(name: str) -> None:
    shelf = Shelf({f"{number}-{name}": incompressible(LARGE, number) for number in range(3)})
    async with leak_guard(within=0), aclosing(shelf.downloads.stream_zip(shelf.all_files())) as archive:
        assert await anext(archive)
        assert shelf.store.open_now > 0
    assert shelf.store.open_now == 0


async def test_a_cancelled_reader_releases_everything_at_once() -> None:
    shelf = Shelf({f"{number}.txt": compressible(LARGE) for number in range(30)})
    gate = shelf.staged.hold("read", times=30, after_bytes=BATCH)
    async with leak_guard(within=0):
        reading = asyncio.create_task(shelf.downloads.download_files_as_zip(shelf.all_files(), io.BytesIO()))
        await gate.reached.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert shelf.store.open_now == 0


async def test_a_cancelled_look_at_all_files_leaves_nothing_running() -> None:
    shelf = Shelf({f"{number}.txt": b"x" for number in range(100)})
    gate = shelf.staged.hold("info", times=100)
    async with leak_guard(within=0):
        planning = asyncio.create_task(shelf.downloads.plan_zip(shelf.all_files()))
        await gate.reached.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        assert shelf.staged.calls["info"] == FILES_AHEAD, "so many are asked for at a time"
        planning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await planning


async def test_files_that_fail_ahead_of_their_turn_are_reported_in_their_turn() -> None:
    shelf = Shelf({f"{number}.jpg": incompressible(LARGE, number) for number in range(2)})
    received = await cut(shelf.downloads.stream_zip(entries(["0.jpg", "gone", "1.jpg", "gone"])), FileNotFoundException)
    assert len(received) > LARGE
