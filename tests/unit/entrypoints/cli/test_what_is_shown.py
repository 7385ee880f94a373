"""What the progress of each command is told of: how much there is to do, of what, and whether anybody looks."""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from s3py_helper.domain.files import FileAttach, FileBasicInfo
from s3py_helper.entrypoints.cli import downloading, running, uploading, zipping
from s3py_helper.entrypoints.cli.downloading import DownloadOptions, download
from s3py_helper.entrypoints.cli.uploading import UploadOptions, upload
from s3py_helper.entrypoints.cli.zipping import ZipChoices, zip_files

CONTENT = b"content"
MOMENT = datetime(2024, 1, 1, tzinfo=UTC)


class Shown:
    """Takes the place of progress.

    Attributes:
        wanted: Whether each run wanted any.
        expected: What there was to do.
        files: Name and size of each file, and how many bytes came.
    """

    def __init__(self) -> None:
        self.wanted: list[bool] = []
        self.expected: list[tuple[object, ...]] = []
        self.files: list[list[Any]] = []

    @contextmanager
    def progress(self, *, wanted: bool) -> "Generator[Shown]":
        self.wanted.append(wanted)
        yield self

    def expect(self, *given: object) -> None:
        self.expected.append(given)

    @contextmanager
    def file(self, name: str, size: int | None) -> Generator[Callable[[int], None]]:
        told: list[Any] = [name, size, 0]
        self.files.append(told)

        def advance(count: int) -> None:
            told[2] += count

        yield advance


class Stored:
    """Storage with one file under every id."""

    def __init__(self) -> None:
        self.uploads: list[tuple[object, ...]] = []

    async def upload_stream(
        self, name: str, chunks: AsyncIterator[bytes], *given: object, **named: object
    ) -> FileAttach:
        content = b"".join([chunk async for chunk in chunks])
        self.uploads.append((name, content, *given, named))
        return FileAttach(file_id=f"s3:b/{name}", file_name=name, file_size=len(content))

    @asynccontextmanager
    async def open(self, file_id: str) -> AsyncGenerator[Any]:
        info = FileBasicInfo(file_id=file_id, file_name=file_id.rpartition("/")[2], file_size=len(CONTENT))
        yield SimpleNamespace(info=info, span=range(len(CONTENT)), body=self._body())

    async def plan_zip(self, files: list[Any], **named: object) -> Any:
        self.uploads.append(([each.file_id for each in files], named))
        return SimpleNamespace(content_length=7, stream=lambda _left_out: self._body())

    async def list_files(self, _prefix: str, _bucket: object) -> AsyncIterator[FileBasicInfo]:
        for name, size in (("f/one", 7), ("f/two", None)):
            yield FileBasicInfo(file_id=f"s3:b/{name}", file_name=name, file_size=size, last_modify_time=MOMENT)

    async def _body(self) -> AsyncGenerator[bytes]:
        yield CONTENT[:3]
        yield CONTENT[3:]


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stored:
    stored = Stored()

    @asynccontextmanager
    async def services(_config: object) -> AsyncGenerator[Any]:
        yield SimpleNamespace(upload_service=stored, download_service=stored, list_service=stored)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "open_services", services)
    return stored


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown = Shown()
    for module in (uploading, downloading, zipping):
        monkeypatch.setattr(module, "progress", shown.progress)
    return shown


def test_uploads(stored: Stored, shown: Shown) -> None:
    for name, size in (("a", 3), ("b", 5)):
        Path(name).write_bytes(bytes(size))
    assert upload(["a", "b"], UploadOptions(None, "f/", "k", "t/t", {"m": "n"})) == 0
    assert (shown.wanted, shown.expected) == ([True], [(2, 8)])
    assert sorted(shown.files) == [["a", 3, 3], ["b", 5, 5]]
    first = next(each for each in stored.uploads if each[0] == "a")
    assert first == ("a", bytes(3), 3, "f", "k", {"m": "n"}, {"content_type": "t/t"})
    assert upload(["a"], UploadOptions(name="n", quiet=True)) == 0
    assert (shown.wanted[1], shown.files[-1]) == (False, ["n", 3, 3])
    assert stored.uploads[-1] == ("n", bytes(3), 3, None, None, {}, {"content_type": None})
    assert upload(["a", "lost"], UploadOptions()) == 2
    assert upload(["a", "/dev/null"], UploadOptions()) == 0
    assert shown.expected[2:] == [(2, 3), (2, None)]
    assert ["null", None, 0] in shown.files


@pytest.mark.parametrize(
    ("arguments", "options", "wanted", "expected"),
    [
        (["s3:b/a", "s3:b/c"], DownloadOptions(), True, (2,)),
        (["s3:b/a"], DownloadOptions(quiet=True), False, (1,)),
        (["s3:b/a"], DownloadOptions("-"), False, (1,)),
        (["/"], DownloadOptions("out", recursive=True), True, (2, 7)),
    ],
)
@pytest.mark.usefixtures("stored")
def test_downloads(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, arguments: list[str], options: DownloadOptions, wanted: bool,
    expected: tuple[object, ...],
) -> None:  # fmt: skip
    written: list[bytes] = []

    async def write(chunk: bytes) -> None:
        written.append(chunk)

    monkeypatch.setattr(downloading, "write_to_stdout", write)
    assert download(arguments, options) == 0
    assert (shown.wanted, shown.expected) == ([wanted], [expected])
    assert [told[1:] for told in shown.files] == [[7, 7]] * (expected[0] if isinstance(expected[0], int) else 0)
    assert b"".join(written) == (CONTENT if options.to_stdout else b"")


@pytest.mark.parametrize(
    ("output", "quiet", "wanted"), [("a.zip", False, True), ("a.zip", True, False), ("-", False, False)]
)
def test_archives(
    stored: Stored, shown: Shown, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], output: str,
    quiet: bool, wanted: bool,
) -> None:  # fmt: skip
    async def write(chunk: bytes) -> None:
        sys.stdout.write(chunk.decode())

    monkeypatch.setattr(zipping, "write_to_stdout", write)
    assert zip_files(["s3:b/a", "s3:b/c"], ZipChoices(output, "never", skip=True, quiet=quiet)) == 0
    assert stored.uploads == [(["s3:b/a", "s3:b/c"], {"compression": "never", "on_error": "skip"})]
    assert (shown.wanted, shown.expected, shown.files) == ([wanted], [(1, 7)], [[output, 7, 7]])
    assert capsys.readouterr().out == (CONTENT.decode() if output == "-" else "a.zip\n")


@pytest.mark.parametrize(
    ("folder", "sources", "listed"),
    [
        (None, ["a/b/", "ab/"], [""]),
        (None, ["a", "ab"], ["a/", "ab/"]),
        ("/f/", ["a", "x"], ["f/"]),
        ("f", ["a", "ab"], ["f/a/", "f/ab/"]),
    ],
)
def test_each_folder_is_listed_once(
    stored: Stored, shown: Shown, monkeypatch: pytest.MonkeyPatch, folder: str | None, sources: list[str],
    listed: list[str],
) -> None:  # fmt: skip
    asked: list[tuple[str, str | None]] = []

    async def list_files(prefix: str, bucket: str | None) -> AsyncIterator[FileBasicInfo]:
        asked.append((prefix, bucket))
        for info in list[FileBasicInfo]():
            yield info

    monkeypatch.setattr(stored, "list_files", list_files)
    for name in ("a/b/one", "a/two", "ab/three", "x"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")
    options = UploadOptions(folder=folder, bucket="k", recursive=True, skip_same=True)
    assert upload(sources, options) == 0
    assert asked == [(prefix, "k") for prefix in listed]
    assert shown.wanted == [True]
