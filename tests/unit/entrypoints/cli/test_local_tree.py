"""Which files of a folder are meant, and how they are compared."""

import hashlib
import os
import zlib
from pathlib import Path, PurePosixPath

import pytest

from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.entrypoints.cli.local_tree import LocalFile, Patterns, folder_name, local_files
from s3py_helper.entrypoints.cli.same_content import same_content


@pytest.mark.parametrize(
    ("patterns", "path", "wanted"),
    [
        (Patterns(), "a/b.txt", True),
        (Patterns(include=["*.txt"]), "a/b.txt", True),
        (Patterns(include=["*.TXT"]), "a/b.txt", False),
        (Patterns(include=["a"]), "a/b.txt", True),
        (Patterns(include=["a/*.txt"]), "a/c/b.txt", True),
        (Patterns(include=["/b.txt"]), "a/b.txt", False),
        (Patterns(include=["/b.txt"]), "b.txt", True),
        (Patterns(exclude=["a/"]), "a/b.txt", False),
        (Patterns(include=["*.txt"], exclude=["b.*"]), "a/b.txt", False),
    ],
)
def test_patterns(patterns: Patterns, path: str, wanted: bool) -> None:
    assert patterns.wanted(PurePosixPath(path)) is wanted


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/b", "b"), ("a/b/", ""), (".", ""), ("..", ""), ("a/..", ""), ("/", ""), ("/x", "x"), ("..x", "..x"), ("", "")],
)
def test_the_name_that_a_folder_is_stored_under(path: str, name: str) -> None:
    assert folder_name(path) == name


def test_an_excluded_folder_is_not_even_entered(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "a").write_bytes(b"x")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "b").write_bytes(b"x")
    os.mkfifo(tmp_path / "kept" / "pipe")
    found = local_files([f"{tmp_path}/"], Patterns(exclude=["secret"]), recursive=True)
    assert found == [LocalFile(f"{tmp_path}/kept/a", "kept", 1)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_an_error_among_the_others(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    (found,) = local_files([str(tmp_path)], Patterns(), recursive=True)
    assert isinstance(found, PermissionError)


@pytest.mark.parametrize(
    ("checksum", "same"),
    [
        (f"crc32:{zlib.crc32(b'content'):08x}", True),
        (f"md5:{hashlib.md5(b'content').hexdigest()}", True),
        (f"sha256:{hashlib.sha256(b'content').hexdigest()}", True),
        (f"crc32:{zlib.crc32(b'contend'):08x}", False),
        ("crc64nvme:1234", False),
        (None, False),
    ],
)
async def test_files_are_the_same_by_a_checksum_only(tmp_path: Path, checksum: str | None, same: bool) -> None:
    (tmp_path / "a").write_bytes(b"content")
    assert await same_content(tmp_path / "a", FileBasicInfo(file_id="x", file_size=7, checksum=checksum)) is same


async def test_another_size_or_kind_is_not_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    checksum = f"crc32:{zlib.crc32(b'content'):08x}"
    assert not await same_content(tmp_path / "a", FileBasicInfo(file_id="x", file_size=8, checksum=checksum))
    assert not await same_content(tmp_path / "b", FileBasicInfo(file_id="x", file_size=7, checksum=checksum))
    assert not await same_content(tmp_path, FileBasicInfo(file_id="x", file_size=7, checksum=checksum))
