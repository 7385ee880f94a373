"""Ids on the command line and on standard input, and files on the disk that are what is stored."""

import hashlib
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.entrypoints.cli import given_ids as module
from s3py_helper.entrypoints.cli.given_ids import given_ids
from s3py_helper.entrypoints.cli.same_content import same_content


async def _read(monkeypatch: pytest.MonkeyPatch, arguments: list[str], *pieces: bytes) -> list[str]:
    async def stdin() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    monkeypatch.setattr(module, "chunks_of_stdin", stdin)
    return [file_id async for file_id in given_ids(arguments)]


async def test_ids_come_in_their_order_from_wherever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = b"s3:b/1\n\n \t\n  s3:", b'b/2 \r\n{"file_id": "s3:b/3", "x": 1}\n', b"s3:b/\xff"
    assert await _read(monkeypatch, ["a", "-", "b"], *pieces) == ["a", "s3:b/1", "s3:b/2", "s3:b/3", "s3:b/\ufffd", "b"]
    assert await _read(monkeypatch, ["a", "b"], b"never read") == ["a", "b"]
    assert await _read(monkeypatch, ["-"]) == []


@pytest.mark.parametrize("line", [b"{", b"{}", b'{"file_id": 5}', b'{"file_id": null}', b'{"id": "s3:b/a"}'])
async def test_a_line_that_is_no_id_is_named(monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    with pytest.raises(InvalidArgumentException, match="line 3 of standard input is neither an id nor an object"):
        await _read(monkeypatch, ["-"], b"s3:b/1\n\n" + line)


async def test_what_has_no_lines_is_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = b"x" * (64 * 1024)
    assert await _read(monkeypatch, ["-"], longest, b"\n", longest) == [longest.decode()] * 2
    with pytest.raises(InvalidArgumentException, match="a line has more than 64 KiB"):
        await _read(monkeypatch, ["-"], longest, b"x", b"\n")


async def test_a_large_file_is_summed_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3py_helper.entrypoints.cli.same_content._CHUNK", 2)
    (tmp_path / "file").write_bytes(b"hello")
    stored = FileBasicInfo(file_id="s3:b/a", file_size=5, checksum=f"crc32:{zlib.crc32(b'hello'):08x}")
    assert await same_content(tmp_path / "file", stored)


@pytest.mark.parametrize(
    ("checksum", "size", "same"),
    [
        (f"crc32:{zlib.crc32(b'hello'):08x}", 5, True),
        (f"md5:{hashlib.md5(b'hello', usedforsecurity=False).hexdigest()}", 5, True),
        (f"sha256:{hashlib.sha256(b'hello').hexdigest()}", 5, True),
        (f"sha1:{hashlib.sha1(b'hello', usedforsecurity=False).hexdigest()}", 5, True),
        (f"crc32:{zlib.crc32(b'other'):08x}", 5, False),
        (f"sha256:{hashlib.sha256(b'other').hexdigest()}", 5, False),
        (f"crc32:{zlib.crc32(b'hello'):08x}", 6, False),
        ("crc64nvme:0011223344556677", 5, False),
        (None, 5, False),
    ],
)
async def test_a_file_is_the_same_where_size_and_checksum_say_so(
    tmp_path: Path, checksum: str | None, size: int, *, same: bool
) -> None:
    (tmp_path / "file").write_bytes(b"hello")
    stored = FileBasicInfo(file_id="s3:b/a", file_size=size, checksum=checksum)
    assert await same_content(tmp_path / "file", stored) is same
    assert not await same_content(tmp_path / "missing", stored)
    assert not await same_content(tmp_path, stored)
