"""Archives as the world's programs read them."""

import asyncio
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from isal import isal_zlib

from s3py_helper.application.zip.format.deflate import BATCH
from s3py_helper.application.zip.format.records import Content, EntryHeader, Method
from s3py_helper.application.zip.format.writer import ArchiveWriter
from s3py_helper.application.zip.options import Compression
from tests.integration.zip.readers import READERS, Listed, list_with_java, list_with_python, require
from tests.unit.application.zip.contents import compressible, incompressible
from tests.unit.application.zip.stores import Shelf, StoredFile, entry

LARGE = 3 * BATCH + 1000
MANY = 70_000
GIB = 1024**3

FILES: Mapping[str, StoredFile] = {
    "empty.txt": StoredFile(b""),
    "text.txt": StoredFile(compressible(10_000)),
    "folder/noise.bin": StoredFile(incompressible(10_000)),
    "large.txt": StoredFile(compressible(LARGE)),
    "large.jpg": StoredFile(incompressible(LARGE)),
    "with crc/large.jpg": StoredFile(incompressible(LARGE, 2), knows_crc32=True),
    "файл отчёт 日本語.txt": StoredFile(b"a name of many letters"),
    "last": StoredFile(b"!", modified=None),
}


def listed(files: Mapping[str, StoredFile]) -> list[Listed]:
    return [Listed(name, file.size, file.crc32()) for name, file in files.items()]


def write_archive(path: Path, files: Mapping[str, StoredFile], compression: Compression = "auto") -> Path:
    keys = {f"key{number}": file for number, file in enumerate(files.values())}
    wanted = [entry(key, name) for key, name in zip(keys, files, strict=True)]
    with path.open("wb") as out:
        asyncio.run(Shelf(keys).downloads.download_files_as_zip(wanted, out, compression=compression))
    return path


@pytest.mark.parametrize("compression", ["auto", "always", "never"])
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_every_reader_finds_the_archive_whole(
    tmp_path: Path, read: Callable[[Path], None], compression: Compression
) -> None:
    read(write_archive(tmp_path / "a.zip", FILES, compression))


@pytest.mark.parametrize("list_entries", [list_with_python, list_with_java])
@pytest.mark.parametrize("compression", ["auto", "never"])
def test_readers_at_both_ends_see_the_same_names_sizes_and_sums(
    tmp_path: Path, list_entries: Callable[[Path], list[Listed]], compression: Compression
) -> None:
    archive = write_archive(tmp_path / "a.zip", FILES, compression)
    assert list_entries(archive) == listed(FILES)


def test_unpacked_files_have_their_names_bytes_and_times(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.zip", FILES)
    program = require("bsdtar", "libarchive-tools")
    target = tmp_path / "target"
    target.mkdir()
    subprocess.run([program, "-xf", str(archive), "-C", str(target)], check=True, env={"LC_ALL": "C.UTF-8"})
    for name, file in FILES.items():
        unpacked = target / name
        assert unpacked.read_bytes() == file.content
        if file.modified is not None:
            assert datetime.fromtimestamp(unpacked.stat().st_mtime, UTC) == file.modified


@pytest.mark.parametrize("read", [reader for name, reader in READERS.items() if name != "unzip"])
def test_an_archive_of_nothing_can_be_read(tmp_path: Path, read: Callable[[Path], None]) -> None:
    read(write_archive(tmp_path / "empty.zip", {}))


def test_unzip_calls_an_archive_of_nothing_empty_but_not_broken(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "empty.zip", {})
    done = subprocess.run([require("unzip", "unzip"), "-t", str(archive)], check=False, capture_output=True, text=True)
    assert done.returncode == 1, "a warning (zip's manual, DIAGNOSTICS)"
    assert "zipfile is empty" in done.stdout + done.stderr


@pytest.fixture(scope="module")
def archive_of_many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More entries than 16 bits count."""
    writer = ArchiveWriter()
    parts: list[bytes] = []
    for number in range(MANY):
        data = str(number).encode()
        content = Content(isal_zlib.crc32(data), len(data), len(data))
        parts += (writer.begin(f"{number}.txt", EntryHeader(None, Method.STORED, content)), data)
        writer.add(len(data))
        parts.append(writer.end(content))
    parts += writer.finish()
    path = tmp_path_factory.mktemp("many") / "many.zip"
    path.write_bytes(b"".join(parts))
    return path


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_every_reader_takes_more_than_65535_entries(archive_of_many: Path, read: Callable[[Path], None]) -> None:
    read(archive_of_many)


def test_none_of_many_entries_is_lost(archive_of_many: Path) -> None:
    names = [f"{number}.txt" for number in range(MANY)]
    assert [entry.name for entry in list_with_python(archive_of_many)] == names
    assert [entry.name for entry in list_with_java(archive_of_many)] == names


# Two readers take some ten seconds each for so many bytes.
@pytest.mark.slow
def test_an_entry_of_more_than_4_gib_can_be_read_from_the_front_and_from_the_end(tmp_path: Path) -> None:
    # Zeros, of which four GiB are four MiB. Java reads as a stream, 7-Zip by the directory.
    files = {
        "before.txt": StoredFile(b"before"),
        "big.txt": StoredFile(bytes(1 << 20), repeat=4 * 1024 + 1, chunk_size=1 << 20),
        "after.txt": StoredFile(b"after"),
    }
    archive = write_archive(tmp_path / "big.zip", files)
    READERS["7z"](archive)
    found = list_with_java(archive)
    assert found == listed(files)
    assert found[1].size > 4 * GIB
