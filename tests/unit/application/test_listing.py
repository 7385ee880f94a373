"""Listing through the manager: what is checked before the backend is asked, and what it reports."""

from contextlib import aclosing
from pathlib import Path
from types import NoneType

import pytest

from s3py_helper.application.ports.observer import OperationBegan, OperationEnded
from s3py_helper.storage import (
    BucketNotFoundException,
    FilesystemConfig,
    InvalidArgumentException,
    StorageManager,
    StorageMode,
    StorageModeConfig,
)
from tests.support.recorder import Recorder


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [("a\0", "a NUL at position 1"), ("\ud800", "lone surrogate"), ("a/\n", "control character U\\+000A")],
)
async def test_a_prefix_that_no_key_can_have_is_refused_by_name(prefix: str, reason: str) -> None:
    async with StorageManager.in_memory() as manager:
        with pytest.raises(InvalidArgumentException, match=f"the prefix '.*' contains .*{reason}"):
            await anext(manager.list_service.list_files(prefix))


async def test_a_prefix_is_text() -> None:
    async with StorageManager.in_memory() as manager:
        with pytest.raises(InvalidArgumentException, match="a prefix is text, got bytes"):
            await anext(manager.list_service.list_files(b"a"))  # type: ignore[arg-type]  # that is the point


async def test_a_missing_bucket_is_no_empty_one() -> None:
    async with StorageManager.in_memory() as manager:
        assert [info async for info in manager.list_service.list_files()] == []
        with pytest.raises(BucketNotFoundException, match="'elsewhere'"):
            await anext(manager.list_service.list_files(bucket="elsewhere"))


async def _stored(manager: StorageManager, count: int, folder: str = "many") -> list[str]:
    return [(await manager.upload_service.upload_bytes("a.txt", b"x", folder)).file_id for _ in range(count)]


async def test_pages_have_every_file_once_although_others_come_and_go() -> None:
    async with StorageManager.in_memory() as manager:
        kept = await _stored(manager, 7)
        await _stored(manager, 3, "others")
        doomed = await _stored(manager, 3)
        listed: list[str] = []
        cursor: str | None = None
        while True:
            page = await manager.list_service.list_page("many/", cursor=cursor, limit=2)
            assert 0 < len(page.files) <= 2
            listed += [info.file_id for info in page.files]
            if (cursor := page.cursor) is None:
                break
            # The page ended with the first of these as likely as not: the next one begins behind it all the same.
            if doomed:
                gone = listed[-1] if listed[-1] in doomed else doomed[0]
                doomed.remove(gone)
                await manager.delete_service.delete_file(gone)
        assert [file_id for file_id in listed if file_id in kept] == sorted(kept)
        assert len(set(listed)) == len(listed)


@pytest.mark.parametrize(("limit", "more"), [(3, True), (4, False), (5, False), (1000, False)])
async def test_the_last_page_has_no_cursor(limit: int, *, more: bool) -> None:
    async with StorageManager.in_memory() as manager:
        await _stored(manager, 4)
        page = await manager.list_service.list_page(limit=limit)
        assert (len(page.files), page.cursor is not None) == (min(limit, 4), more)


@pytest.mark.parametrize("cursor", ["", "x", "!", "AA", "b3RoZXI", "bWFueS8K", "ünïcode", "bWFueS8vA"])
async def test_a_cursor_that_no_page_gave_is_refused(cursor: str) -> None:
    async with StorageManager.in_memory() as manager:
        with pytest.raises(InvalidArgumentException, match=r"the cursor '.*' is none of a listing of 'many/'"):
            await manager.list_service.list_page("many/", cursor=cursor)


@pytest.mark.parametrize(
    ("prefix", "cursor"), [("many/", "bWFu!eS9h"), ("many/", "bWFueS9h\n"), ("", ""), ("", "!"), ("", "AA")]
)
async def test_nothing_that_merely_resembles_a_cursor_is_taken_for_one(prefix: str, cursor: str) -> None:
    """The first two are the cursor behind "many/a", with a character that none has."""
    async with StorageManager.in_memory() as manager:
        with pytest.raises(InvalidArgumentException, match=rf"the cursor '.*' is none of a listing of '{prefix}'"):
            await manager.list_service.list_page(prefix, cursor=cursor)


async def test_a_page_has_a_hundred_files_unless_another_number_is_asked_for() -> None:
    async with StorageManager.in_memory() as manager:
        await _stored(manager, 101)
        page = await manager.list_service.list_page()
        assert len(page.files) == 100
        assert page.cursor is not None
        assert page.cursor.isascii()
        assert "=" not in page.cursor


@pytest.mark.parametrize(("limit", "problem"), [(0, "at least 1"), (1001, "at most 1000"), (True, "a whole number")])
async def test_a_page_has_a_bounded_number_of_files(limit: int, problem: str) -> None:
    async with StorageManager.in_memory() as manager:
        with pytest.raises(InvalidArgumentException, match=f"the limit of a page is {problem}"):
            await manager.list_service.list_page(limit=limit)


async def test_a_front_with_blanks_lists_keys_of_before_and_of_now(tmp_path: Path) -> None:
    async with StorageManager(
        StorageModeConfig(mode=StorageMode.FILESYSTEM),
        filesystem_config=FilesystemConfig(root=tmp_path, durability=False),
    ) as manager:
        await _stored(manager, 2, "my folder/x")
        await _stored(manager, 1, "my")
        (tmp_path / "files" / "my folder").mkdir()
        before = [f"fs:files/my folder/{number}.txt" for number in range(3)]
        for file_id, old in zip(await _stored(manager, 3), before, strict=True):
            (tmp_path / file_id.removeprefix("fs:")).rename(tmp_path / old.removeprefix("fs:"))
        listed = [info.file_id async for info in manager.list_service.list_files("my folder/")]
        assert listed[:3] == before
        assert [file_id.partition("/")[2][:14] for file_id in listed[3:]] == ["my~20folder/x/"] * 2
        paged: list[str] = []
        cursor: str | None = None
        while True:
            page = await manager.list_service.list_page("my folder/", cursor=cursor, limit=1)
            paged += [info.file_id for info in page.files]
            if (cursor := page.cursor) is None:
                break
        assert paged == listed


async def test_observers_hear_of_a_listing_and_of_how_it_ended() -> None:
    observer = Recorder()
    async with StorageManager.in_memory(observer=observer) as manager:
        await _stored(manager, 3)
        observer.events.clear()
        assert len([info async for info in manager.list_service.list_files()]) == 3
        await manager.list_service.list_page(limit=1)
        async with aclosing(manager.list_service.list_files()) as files:
            await anext(files)
        with pytest.raises(BucketNotFoundException):
            await manager.list_service.list_page(bucket="elsewhere")
    assert {(event.backend, event.operation) for event in observer.of(OperationBegan)} == {("memory", "list")}
    ended = [(type(event.error), event.cancelled) for event in observer.of(OperationEnded)]
    assert ended == [(NoneType, False), (NoneType, False), (NoneType, True), (BucketNotFoundException, False)]
