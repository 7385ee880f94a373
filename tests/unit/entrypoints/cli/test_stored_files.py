"""What commands store, store again or leave as it is: run whole, on a folder of the disk."""

import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from s3py_helper.entrypoints.cli import uploading
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.uploading import UploadOptions, upload
from s3py_helper.entrypoints.cli.zipping import ZipChoices, zip_files

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S3PY_FILESYSTEM__DURABILITY", "false")
    monkeypatch.setenv("S3PY_FILESYSTEM__ROOT", str(tmp_path / "data"))
    return tmp_path


def _lines(capsys: pytest.CaptureFixture[str]) -> tuple[list[dict[str, Any]], str]:
    written = capsys.readouterr()
    return [json.loads(line) for line in written.out.splitlines()], written.err


def test_only_what_is_not_there_already_is_stored(capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in (("a.txt", b"hello"), ("sub dir/b.txt", b"world")):
        path = Path("tree") / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    options = UploadOptions(folder="in", recursive=True, skip_same=True, as_json=True)
    assert upload(["tree/"], options) == ExitCode.OK
    first, told = _lines(capsys)
    assert "were there already" not in told
    assert upload(["tree/"], options) == ExitCode.OK
    again, told = _lines(capsys)
    assert {file["file_id"] for file in again} == {file["file_id"] for file in first}
    assert [file["skipped"] for file in again] == [True, True]
    assert sorted((file["file_name"], file["file_size"]) for file in again) == [("a.txt", 5), ("b.txt", 5)]
    assert "2 of 2 files were there already" in told

    Path("tree/sub dir/b.txt").write_bytes(b"other")
    assert upload(["tree/"], options) == ExitCode.OK
    changed, told = _lines(capsys)
    assert {file["file_name"]: file.get("skipped") for file in changed} == {"a.txt": True, "b.txt": None}
    assert "1 of 2 files were there already" in told
    assert upload(["tree/a.txt"], UploadOptions(folder="elsewhere", skip_same=True, as_json=True)) == ExitCode.OK
    assert "skipped" not in _lines(capsys)[0][0], "it is in another folder"
    assert upload(["tree/a.txt"], UploadOptions("c.txt", "in", skip_same=True, as_json=True)) == ExitCode.OK
    assert "skipped" not in _lines(capsys)[0][0], "it has another name"
    assert upload(["tree/a.txt"], UploadOptions(folder="in", skip_same=True, quiet=True)) == ExitCode.OK
    written = capsys.readouterr()
    assert (written.out.strip(), written.err) == (next(f["file_id"] for f in first if f["file_name"] == "a.txt"), "")


def test_standard_input_needs_a_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def stdin(_advance: object) -> AsyncIterator[bytes]:
        yield b"hello"

    monkeypatch.setattr(uploading, "chunks_of_stdin", stdin)
    assert upload(["-"], UploadOptions()) == ExitCode.USAGE
    assert "standard input has no name: give one with --name" in capsys.readouterr().err
    assert upload(["-"], UploadOptions("a.txt", as_json=True, quiet=True)) == ExitCode.OK
    [stored] = _lines(capsys)[0]
    assert (stored["file_name"], stored["file_size"]) == ("a.txt", 5)


def test_a_place_that_nobody_has_given_is_told_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    monkeypatch.delenv("S3PY_FILESYSTEM__ROOT")
    monkeypatch.delenv("S3PY_FILESYSTEM__DURABILITY")
    Path("a.txt").write_bytes(b"hello")
    for is_new in (True, False):
        assert upload(["a.txt"], UploadOptions(quiet=True)) == ExitCode.OK
        assert ("there are no settings: files go to the new folder" in capsys.readouterr().err) is is_new
    assert (here / "data").is_dir()


def test_what_fastdfs_does_not_know_is_said_to_have_no_effect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("S3PY_MODE", "fastdfs")
    monkeypatch.setenv("S3PY_FASTDFS__TRACKER_SERVERS", '["127.0.0.9:1"]')
    Path("a.txt").write_bytes(b"hello")
    for options, without in ((UploadOptions(bucket="k"), "--bucket"), (UploadOptions(folder="f"), "--folder")):
        assert upload(["a.txt"], options) == ExitCode.UNAVAILABLE
        told = capsys.readouterr().err
        assert [option for option in ("--bucket", "--folder") if f"{option} has no effect" in told] == [without]


@pytest.mark.parametrize("skip", [True, False])
def test_a_file_that_an_archive_lacks_is_told(capsys: pytest.CaptureFixture[str], *, skip: bool) -> None:
    Path("a.txt").write_bytes(b"hello")
    assert upload(["a.txt"], UploadOptions(quiet=True)) == ExitCode.OK
    file_id = capsys.readouterr().out.strip()
    assert zip_files([file_id, "fs:files/none.txt"], ZipChoices("out.zip", skip=skip, quiet=True)) == ExitCode.NOT_FOUND
    written = capsys.readouterr()
    assert "fs:files/none.txt" in written.err
    assert ("left out: " in written.err) is skip
    assert Path("out.zip").exists() is skip
    if skip:
        assert written.out == "out.zip\n"
        with zipfile.ZipFile("out.zip") as archive:
            assert archive.read("a.txt") == b"hello"
