"""In which order things reach the disk: recorded at the calls that force them there."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.testing import body_of, new_blob


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What fsync, link and unlink are called with, in order; the calls themselves go through."""
    recorded: list[str] = []

    def recording(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def record(subject: object, *args: object, **kwargs: object) -> object:
            recorded.append(f"{name} {_kind(subject)}" if name == "sync" else name)
            return call(subject, *args, **kwargs)

        return record

    monkeypatch.setattr(os, "fsync", recording("sync", os.fsync))
    monkeypatch.setattr(os, "link", recording("place", os.link))
    monkeypatch.setattr(os, "unlink", recording("remove", os.unlink))
    return recorded


def _kind(descriptor: object) -> str:
    assert isinstance(descriptor, int)
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        return Path(f"/proc/self/fd/{descriptor}").readlink().name
    return "content"


async def test_content_is_on_the_disk_before_its_name_and_the_name_before_the_answer(
    root: Path, events: list[str]
) -> None:
    async with FilesystemBlobStore(FilesystemConfig(root=root)) as store:
        events.clear()
        await store.write(new_blob(folder="a"), body_of(bytes(600_000)))
        assert events == ["sync content", "place", "remove", "sync a", "sync data", "sync files"]
        events.clear()
        await store.write(new_blob(folder="a"), body_of(b"x"))
        assert events == ["sync content", "place", "remove", "sync a"], "the folders above are known to last"


async def test_a_folder_that_was_made_anew_is_made_to_last_anew(root: Path, events: list[str]) -> None:
    async with FilesystemBlobStore(FilesystemConfig(root=root)) as store:
        stored = await store.write(new_blob(folder="a"), body_of(b"x"))
        await store.delete(stored.file_id)
        events.clear()
        await store.write(new_blob(folder="a"), body_of(b"x"))
        assert "sync files" in events


async def test_a_root_that_was_made_lasts(root: Path, events: list[str]) -> None:
    async with FilesystemBlobStore(FilesystemConfig(root=root / "deeper")):
        assert events == [f"sync {root.parent.name}", "sync data"]


async def test_a_deletion_lasts(root: Path, events: list[str]) -> None:
    async with FilesystemBlobStore(FilesystemConfig(root=root)) as store:
        stored = await store.write(new_blob(), body_of(b"x"))
        events.clear()
        await store.delete(stored.file_id)
    assert events == ["remove", "sync files"]


async def test_without_durability_nothing_waits_for_the_disk(root: Path, events: list[str]) -> None:
    async with FilesystemBlobStore(FilesystemConfig(root=root, durability=False)) as store:
        stored = await store.write(new_blob(folder="a"), body_of(b"x"))
        await store.delete(stored.file_id)
    assert events == ["place", "remove", "remove"]
