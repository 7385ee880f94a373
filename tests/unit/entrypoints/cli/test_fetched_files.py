"""Where files go that are fetched, what is said of them, and what listings and copies write."""

import json
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from s3py_helper.domain.files import FileAttach, FileBasicInfo
from s3py_helper.entrypoints.cli import downloading, running
from s3py_helper.entrypoints.cli.copying import CopyOptions, copy
from s3py_helper.entrypoints.cli.downloading import DownloadOptions, download
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.listing import ListOptions, list_files

CONTENT = b"content"
MOMENT = datetime(2024, 1, 1, 12, 30, 15, 678, tzinfo=UTC)


class Stored:
    """Storage with one file under every id; notes what is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def _info(self, file_id: str) -> FileBasicInfo:
        name = file_id.rpartition("/")[2]
        checksum = f"crc32:{zlib.crc32(CONTENT):08x}"
        return FileBasicInfo(file_id=file_id, file_name=name, file_size=len(CONTENT), checksum=checksum)

    async def describe(self, file_id: str) -> FileBasicInfo:
        self.asked.append(("describe", file_id))
        return self._info(file_id)

    @asynccontextmanager
    async def open(self, file_id: str) -> AsyncGenerator[Any]:
        async def body() -> AsyncIterator[bytes]:
            yield CONTENT[:3]
            yield CONTENT[3:]

        self.asked.append(("open", file_id))
        yield SimpleNamespace(info=self._info(file_id), span=range(len(CONTENT)), body=body())

    async def list_files(self, prefix: str, bucket: object) -> AsyncGenerator[FileBasicInfo]:
        self.asked.append(("list", prefix, bucket))
        for name, size in (("f/one", 7), ("f/deep/two", None)):
            moment = None if size is None else MOMENT
            yield FileBasicInfo(file_id=f"s3:b/{name}", file_name=name, file_size=size, last_modify_time=moment)

    async def copy_file(self, *given: object) -> FileAttach:
        self.asked.append(("copy", *given))
        return FileAttach(file_id=f"{given[0]}-copy", file_name="n")


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stored:
    stored = Stored()

    @asynccontextmanager
    async def services(_config: object) -> AsyncGenerator[Any]:
        yield SimpleNamespace(download_service=stored, list_service=stored, copy_service=stored)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "open_services", services)
    return stored


@pytest.mark.parametrize(
    ("arguments", "options", "made"),
    [
        (["s3:b/a"], DownloadOptions(quiet=True), ["a"]),
        (["s3:b/a"], DownloadOptions("x.bin", quiet=True), ["x.bin"]),
        (["s3:b/a"], DownloadOptions("new/", quiet=True), ["new/a"]),
        (["s3:b/a", "s3:b/c"], DownloadOptions("new/sub/", quiet=True), ["new/sub/a", "new/sub/c"]),
        (["s3:b/a", "s3:b/c"], DownloadOptions("there", quiet=True), ["there/a", "there/c"]),
        (["f/"], DownloadOptions("new", recursive=True, quiet=True), ["new/deep/two", "new/one"]),
    ],
)
def test_files_go_where_they_are_wanted(
    stored: Stored, capsys: pytest.CaptureFixture[str], arguments: list[str], options: DownloadOptions, made: list[str]
) -> None:
    Path("there").mkdir()
    assert download(arguments, options) == ExitCode.OK
    assert sorted(str(path) for path in Path().rglob("*") if path.is_file()) == made
    assert all(Path(path).read_bytes() == CONTENT for path in made)
    assert sorted(capsys.readouterr().out.splitlines()) == made


@pytest.mark.parametrize(
    ("arguments", "options", "why"),
    [
        (["s3:b/a", "s3:b/c"], DownloadOptions("one"), "one is none, one/ makes it"),
        (["-"], DownloadOptions("one"), "one is none, one/ makes it"),
        (["f/"], DownloadOptions("-", recursive=True), "standard output is none"),
    ],
)
def test_several_files_need_a_folder(
    stored: Stored, capsys: pytest.CaptureFixture[str], arguments: list[str], options: DownloadOptions, why: str
) -> None:
    assert download(arguments, options) == ExitCode.USAGE
    assert f"several files need a folder to go to: {why}" in capsys.readouterr().err
    assert stored.asked == []


def test_what_is_there_already_is_not_fetched_again(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    options = DownloadOptions("out/", skip_same=True, as_json=True)
    for skipped in (None, True):
        assert download(["s3:b/a"], options) == ExitCode.OK
        written = capsys.readouterr()
        line = json.loads(written.out)
        assert (line["file_id"], line["path"], line.get("skipped")) == ("s3:b/a", "out/a", skipped)
        assert ("1 files were there already" in written.err) is (skipped is True)
    assert stored.asked == [("describe", "s3:b/a"), ("open", "s3:b/a"), ("describe", "s3:b/a")]
    Path("out/a").write_bytes(b"changed")
    assert download(["s3:b/a"], options) != ExitCode.OK, "it replaces nothing"
    assert Path("out/a").read_bytes() == b"changed"
    assert download(["s3:b/a"], DownloadOptions("out/", skip_same=True, overwrite=True)) == ExitCode.OK
    assert Path("out/a").read_bytes() == CONTENT


@pytest.mark.parametrize(("output", "at_once"), [("-", 1), ("out/", 8)])
@pytest.mark.usefixtures("stored")
def test_files_that_share_a_stream_come_one_after_another(
    monkeypatch: pytest.MonkeyPatch, output: str, at_once: int
) -> None:
    seen: list[int] = []

    async def each(_jobs: object, _one: object, *, at_once: int) -> ExitCode:
        seen.append(at_once)
        return ExitCode.OK

    monkeypatch.setattr(downloading, "each", each)
    monkeypatch.setenv("S3PY_CONCURRENT_FILES", "8")
    assert download(["s3:b/a", "s3:b/c"], DownloadOptions(output)) == ExitCode.OK
    assert seen == [at_once]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (ListOptions(), ["s3:b/f/one", "s3:b/f/deep/two"]),
        (
            ListOptions(bucket="k", long=True),
            [
                f"              7  {MOMENT.astimezone().isoformat(' ', 'seconds')}  s3:b/f/one",
                f"              0  {'':25}  s3:b/f/deep/two",
            ],
        ),
    ],
)
def test_a_listing_has_a_line_for_each_file(
    stored: Stored, capsys: pytest.CaptureFixture[str], options: ListOptions, lines: list[str]
) -> None:
    assert list_files("f/", options) == ExitCode.OK
    assert capsys.readouterr().out.splitlines() == lines
    assert stored.asked == [("list", "f/", options.bucket)]


@pytest.mark.usefixtures("stored")
def test_a_listing_as_json_tells_what_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert list_files("", ListOptions(as_json=True)) == ExitCode.OK
    one, two = map(json.loads, capsys.readouterr().out.splitlines())
    assert (one["file_id"], one["file_size"]) == ("s3:b/f/one", 7)
    assert two == {"file_id": "s3:b/f/deep/two", "file_name": "f/deep/two"}


def test_a_copy_gets_what_was_asked_for(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    assert copy(["s3:b/a"], CopyOptions("n", "f", "k", {"m": "v"})) == ExitCode.OK
    assert capsys.readouterr().out == "s3:b/a-copy\n"
    assert copy(["s3:b/a"], CopyOptions(as_json=True)) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {"file_id": "s3:b/a-copy", "file_name": "n"}
    assert stored.asked == [("copy", "s3:b/a", "n", "f", "k", {"m": "v"}), ("copy", "s3:b/a", None, None, None, None)]
