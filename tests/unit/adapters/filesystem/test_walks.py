"""Walking down from the root: what is opened on the way is closed, and what is no folder is named."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.disk.folders import Step, enter, enter_or_make, require_regular, walked
from s3py_helper.domain.errors import IntegrityException

WAY = (b"a", b"b", b"c")


@pytest.fixture
def root(tmp_path: Path) -> Generator[int]:
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield root
    os.close(root)


def _open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_walk_keeps_the_last_folder_open_and_closes_it(root: int, tmp_path: Path) -> None:
    before = _open()
    for step in (enter_or_make, enter_or_make, enter):
        with walked(root, WAY, step) as folder:
            assert _open() == before + 1
            assert Path(f"/proc/self/fd/{folder}").readlink() == tmp_path / "a/b/c"
        assert _open() == before
    with walked(root, ()) as folder:
        assert folder == root
    os.fstat(root)


@pytest.mark.parametrize("missing", [1, 2])
def test_a_walk_that_ends_early_leaves_nothing_open(root: int, missing: int) -> None:
    with walked(root, WAY[:missing], enter_or_make):
        pass
    before = _open()
    with pytest.raises(FileNotFoundError), walked(root, WAY):
        pytest.fail("there is no such folder")
    assert _open() == before


def test_a_block_that_fails_leaves_nothing_open(root: int) -> None:
    before = _open()
    with pytest.raises(KeyError), walked(root, WAY, enter_or_make):
        raise KeyError
    assert _open() == before


@pytest.mark.parametrize("step", [enter, enter_or_make])
def test_a_link_on_the_way_is_not_followed(root: int, tmp_path: Path, step: Step) -> None:
    (tmp_path / "a").symlink_to(tmp_path.parent)
    with pytest.raises(IntegrityException, match="is a link"), walked(root, WAY, step):
        pytest.fail("it leads out of the root")


def test_a_file_on_the_way_is_told_as_the_system_tells_it(root: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(NotADirectoryError), walked(root, WAY):
        pytest.fail("there is no such folder")


def test_only_a_plain_file_can_have_been_stored(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    require_regular((tmp_path / "file").lstat())
    with pytest.raises(FileNotFoundError, match="No such file") as missing:
        require_regular(tmp_path.lstat())
    assert missing.value.errno == 2
    for name in ("link", "pipe"):
        with pytest.raises(IntegrityException, match="not a file that was stored"):
            require_regular((tmp_path / name).lstat())
