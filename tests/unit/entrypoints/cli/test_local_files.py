"""Files on the user's own disk."""

import asyncio
import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.application.streams.local_files import local_name, new_file, write_whole
from s3py_helper.entrypoints.cli.local_files import chunks_of_file, chunks_of_pipe
from tests.support.cancelling import CleaningUpInThread, cancelled_again


async def _write(
    target: Path, content: bytes, *, overwrite: bool = False, then: Callable[[], object] = lambda: None
) -> None:
    async with new_file(target, overwrite=overwrite) as descriptor:
        await write_whole(descriptor, content)
        assert not target.exists() or overwrite
        then()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_file_appears_whole(tmp_path: Path) -> None:
    await _write(tmp_path / "a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


async def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "ordinary").write_bytes(b"")
    await _write(tmp_path / "a", b"")
    assert stat.filemode((tmp_path / "a").stat().st_mode) == stat.filemode((tmp_path / "ordinary").stat().st_mode)


@pytest.mark.parametrize("error", [RuntimeError(), asyncio.CancelledError()])
async def test_a_file_that_is_not_finished_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        await _write(tmp_path / "a", b"half", then=fail)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
async def test_a_folder_or_a_pipe_is_replaced_by_no_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "a")
    with pytest.raises(OSError, match="is no file"):
        await _write(tmp_path / "a", b"new", overwrite=True)
    assert not (tmp_path / "a").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


async def test_an_existing_file_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(FileExistsError, match="exists already"):
        await _write(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


async def test_a_file_that_came_meanwhile_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        await _write(tmp_path / "a", b"ours", then=lambda: (tmp_path / "a").write_bytes(b"theirs"))
    assert (tmp_path / "a").read_bytes() == b"theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


async def test_a_dangling_link_counts_as_existing(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        await _write(tmp_path / "a", b"new")
    assert not (tmp_path / "nowhere").exists()


async def test_overwriting_replaces_the_file_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    await _write(tmp_path / "a", b"new", overwrite=True)
    assert (tmp_path / "a").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("came_meanwhile", [False, True])
async def test_a_file_system_without_links_is_served_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, came_meanwhile: bool
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    if not came_meanwhile:
        await _write(tmp_path / "a", b"content")
        assert (tmp_path / "a").read_bytes() == b"content"
        return
    with pytest.raises(FileExistsError):
        await _write(tmp_path / "a", b"ours", then=lambda: (tmp_path / "a").write_bytes(b"theirs"))
    assert (tmp_path / "a").read_bytes() == b"theirs"


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match=r"no such folder: .*none'"):
        await _write(tmp_path / "none" / "a", b"")


async def test_a_file_is_read_and_counted(tmp_path: Path) -> None:
    content = os.urandom(2_500_000)
    (tmp_path / "a").write_bytes(content)
    counts: list[int] = []
    assert b"".join([chunk async for chunk in chunks_of_file(tmp_path / "a", counts.append)]) == content
    assert sum(counts) == len(content)


@pytest.mark.parametrize(
    ("stored", "local"),
    [
        ("report.pdf", "report.pdf"),
        ("Größe 尺寸.txt", "Größe 尺寸.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\a.txt", "a.txt"),
        ("a\x1b[2Jb\n.txt", "a[2Jb.txt"),
        ("..", "file"),
        (".", "file"),
        ("", "file"),
        ("a/", "file"),
        (None, "file"),
        (".bashrc", ".bashrc"),
    ],
)
def test_a_stored_name_is_made_safe(stored: str | None, local: str) -> None:
    assert local_name(stored) == local


@given(st.text())
def test_no_name_leaves_the_folder(stored: str) -> None:
    name = local_name(stored)
    assert Path("folder", name).parent == Path("folder")
    assert name not in {"", ".", ".."}
    assert name.isprintable()


READ_A_PIPE = """
import asyncio, sys
from pathlib import Path
from s3py_helper.entrypoints.cli.local_files import chunks_of_pipe

async def main():
    try:
        await asyncio.wait_for(anext(chunks_of_pipe(Path(sys.argv[1]), lambda count: None)), 0.1)
    except TimeoutError:
        print("interrupted")

asyncio.run(main())
"""


def test_a_pipe_that_nobody_writes_to_does_not_keep_an_interrupted_command(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-c", READ_A_PIPE, str(tmp_path / "pipe")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout == "interrupted\n"


async def test_a_pipe_gives_its_bytes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    counted: list[int] = []
    writing = asyncio.create_task(asyncio.to_thread(pipe.write_bytes, b"content"))
    assert b"".join([chunk async for chunk in chunks_of_pipe(pipe, counted.append)]) == b"content"
    await writing
    assert sum(counted) == 7


async def test_moving_a_finished_file_is_not_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cleaning_up = CleaningUpInThread()
    monkeypatch.setattr(os, "link", cleaning_up.before(os.link))
    writing = asyncio.ensure_future(_write(tmp_path / "a", b"content"))
    await cancelled_again(writing, cleaning_up)
    assert [path.name for path in tmp_path.iterdir()] == ["a"], "whole, and without the one it was written to"


@pytest.mark.parametrize("call", ["open", "write", "fsync"])
async def test_a_file_is_not_closed_under_a_thread_that_works_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    cleaning_up = CleaningUpInThread()
    before = open_descriptors()
    with monkeypatch.context() as patch:
        patch.setattr(os, call, cleaning_up.before(getattr(os, call)))
        writing = asyncio.ensure_future(_write(tmp_path / "a", b"content"))
        await cancelled_again(writing, cleaning_up)
    assert not list(tmp_path.iterdir())
    assert open_descriptors() == before


@pytest.mark.parametrize("call", ["open", "read"])
async def test_neither_is_one_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    (tmp_path / "a").write_bytes(b"content")
    cleaning_up = CleaningUpInThread()
    before = open_descriptors()

    async def read() -> None:
        async with aclosing(chunks_of_file(tmp_path / "a", lambda _count: None)) as chunks:
            async for _ in chunks:
                pass

    with monkeypatch.context() as patch:
        patch.setattr(os, call, cleaning_up.before(getattr(os, call)))
        await cancelled_again(asyncio.ensure_future(read()), cleaning_up)
    assert open_descriptors() == before
