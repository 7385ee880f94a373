"""What the commands do with files."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Run

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def file_id(run: Run, folder: Path) -> str:
    (folder / "report.bin").write_bytes(CONTENT)
    result = run("upload", "report.bin")
    (folder / "report.bin").unlink()
    assert result.code == 0
    return result.out.strip()


def test_an_upload_prints_the_id_and_nothing_else(run: Run, file_id: str) -> None:
    assert file_id.startswith("fs:files/")
    assert run("info", file_id).code == 0


def test_a_download_gives_the_file_its_name_back(run: Run, folder: Path, file_id: str) -> None:
    result = run("download", file_id)
    assert (result.code, result.out, result.err) == (0, "report.bin\n", "")
    assert (folder / "report.bin").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["report.bin"]


def test_a_download_goes_to_the_file_or_folder_that_is_named(run: Run, folder: Path, file_id: str) -> None:
    (folder / "sub").mkdir()
    assert run("download", file_id, "-o", "other.bin").lines == ["other.bin"]
    assert run("download", file_id, "-o", "sub").lines == ["sub/report.bin"]
    assert (folder / "other.bin").read_bytes() == (folder / "sub" / "report.bin").read_bytes() == CONTENT


def test_a_download_overwrites_only_when_told_to(run: Run, folder: Path, file_id: str) -> None:
    (folder / "report.bin").write_text("precious")
    refused = run("download", file_id)
    assert (refused.code, refused.err) == (4, "s3py: report.bin: exists already (--force overwrites it)\n")
    assert (folder / "report.bin").read_text() == "precious"
    assert run("download", "--force", file_id).code == 0
    assert (folder / "report.bin").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["report.bin"]


def test_standard_input_and_output_are_files_too(run: Run) -> None:
    result = run("upload", "-", "--name", "note.txt", "-m", "author=Zoë", "--json", given=b"hello")
    attach = json.loads(result.out)
    assert (attach["file_name"], attach["file_size"], attach["content_type"]) == ("note.txt", 5, "text/plain")
    assert run("download", attach["file_id"], "-o", "-").out == "hello"
    assert json.loads(run("info", "--json", attach["file_id"]).out)["metadata"] == {"author": "Zoë"}


def test_standard_input_needs_a_name(run: Run, kept: Callable[[], list[str]]) -> None:
    result = run("upload", "-", given=b"x")
    assert (result.code, result.err) == (2, "s3py: standard input has no name: give one with --name\n")
    assert not kept()


def test_several_files_come_out_in_order_whatever_becomes_of_some(run: Run, folder: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(name)
    result = run("upload", "a.txt", "none.txt", "b.txt", "--json")
    assert [json.loads(line)["file_name"] for line in result.lines] == ["a.txt", "b.txt"]
    assert (result.code, result.err) == (2, "s3py: none.txt: No such file or directory\n")
    ids = [json.loads(line)["file_id"] for line in result.lines]
    for name in ("a.txt", "b.txt"):
        (folder / name).unlink()
    fetched = run("download", ids[0], "fs:files/none", ids[1])
    assert (fetched.code, fetched.lines, fetched.err) == (3, ["a.txt", "b.txt"], "s3py: no such file: fs:files/none\n")


def test_a_folder_with_a_slash_is_made(run: Run, folder: Path, file_id: str) -> None:
    assert run("download", file_id, "-o", "new/folder/").lines == ["new/folder/report.bin"]
    assert (folder / "new" / "folder" / "report.bin").read_bytes() == CONTENT
    assert run("download", "fs:files/none", "-o", "other/").code == 3
    assert not (folder / "other").exists()


def test_a_file_in_a_folder_that_is_not_there_is_refused(run: Run, file_id: str) -> None:
    result = run("download", file_id, "-o", "none/a.bin")
    assert (result.code, result.err) == (2, "s3py: none: no such folder\n")


def test_several_files_do_not_go_to_one(run: Run, file_id: str) -> None:
    result = run("download", file_id, file_id, "-o", "one.bin")
    assert result.code == 2
    assert "one.bin is none" in result.err


def test_info_is_for_people_and_for_scripts(run: Run, file_id: str) -> None:
    lines = run("info", file_id).lines
    assert lines[:3] == [f"file_id: {file_id}", "file_name: report.bin", "file_size: 3000000"]
    assert json.loads(run("info", "--json", file_id).out)["file_size"] == 3_000_000


def test_deleted_files_are_gone(run: Run, file_id: str, kept: Callable[[], list[str]]) -> None:
    assert run("delete", file_id).lines == [file_id]
    assert not kept()
    again = run("delete", file_id)
    assert (again.code, again.out) == (3, "")


def test_an_archive_holds_the_files(run: Run, folder: Path, file_id: str) -> None:
    assert run("zip", file_id, file_id).lines == ["files.zip"]
    with zipfile.ZipFile(folder / "files.zip") as archive:
        assert [archive.read(name) for name in archive.namelist()] == [CONTENT, CONTENT]
    assert run("zip", file_id).code == 4
    assert run("zip", "--force", "--compression", "never", file_id).code == 0
    assert [path.name for path in folder.iterdir()] == ["files.zip"]


def test_an_archive_of_a_missing_file_leaves_nothing(run: Run, folder: Path, file_id: str) -> None:
    result = run("zip", file_id, "fs:files/none")
    assert (result.code, result.err) == (3, "s3py: no such file: fs:files/none\n")
    assert not list(folder.iterdir())


def test_an_archive_may_leave_files_out_and_says_which(run: Run, folder: Path, file_id: str) -> None:
    result = run("zip", "--skip", file_id, "fs:files/none")
    assert (result.code, result.lines, result.err) == (
        3,
        ["files.zip"],
        "s3py: left out: no such file: fs:files/none\n",
    )
    assert "_missing.txt" in zipfile.ZipFile(io.BytesIO((folder / "files.zip").read_bytes())).namelist()


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "told"),
    [
        (["info", "x"], {}, 2, "invalid file id 'x'"),
        (["info", "s3:bucket/key"], {}, 4, "mode 'filesystem'"),
        (["info", "fs:other/k"], {}, 4, "bucket 'other'"),
        (["upload", "."], {}, 2, ". is a folder"),
        (["upload", "a.txt"], {"S3PY_FILE_TYPES__BLACKLIST": "txt"}, 4, "'txt' of 'a.txt' is not allowed"),
        (["upload", "a.txt"], {"S3PY_MAX_FILE_SIZE": "1"}, 4, "the file has 4 bytes, 1 are allowed"),
        (["upload", "a.txt", "-m", "pair"], {}, 2, "'pair' is not NAME=VALUE"),
        (["upload", "a.txt", "a.txt", "--name", "b"], {}, 2, "several files"),
        (["upload"], {}, 2, "Missing argument"),
        (["download", "fs:files/none", "-o", "none/"], {}, 3, "no such file: fs:files/none"),
        (["info", "x"], {"S3PY_MODE": "s3"}, 2, "S3PY_S3__ENDPOINT"),
        (["info", "x"], {"S3PY_MODE": "tape"}, 2, "S3PY_MODE: Input should be"),
        (["upload", "a.txt"], {"S3PY_S3__ENDPONT": "http://h"}, 2, "did you mean S3PY_S3__ENDPOINT?"),
        (["upload", "a.txt"], {"S3PY_MOD": "s3"}, 2, "did you mean S3PY_MODE?"),
        (
            ["info", "g/M00/x"],
            {"S3PY_MODE": "fastdfs", "S3PY_FASTDFS__TRACKER_SERVERS": "127.0.0.1:1"},
            5,
            "127.0.0.1:1",
        ),
        (["serve"], {"S3PY_HOST": "0.0.0.0"}, 2, "S3PY_API_TOKEN"),
        (["serve", "--host", "192.0.2.1"], {}, 2, "lets other machines in"),
        (["serve", "--host", "127.0.0.1"], {"S3PY_FILESYSTEM__ROOT": "/dev/null/x"}, 1, "/dev/null/x"),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_code(
    run: Run,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    settings: dict[str, str],
    code: int,
    told: str,
) -> None:
    (folder / "a.txt").write_text("four")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    result = run(*arguments)
    assert result.code == code
    assert told in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


def test_settings_come_from_the_file_env_too(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("S3PY_FILESYSTEM__ROOT")
    (folder / ".env").write_text("S3PY_FILESYSTEM__ROOT=here\nOTHER=1\n")
    assert run("upload", "-", "--name", "a.txt", given=b"x").code == 0
    assert (folder / "here").is_dir()


def test_help_lists_the_commands(run: Run) -> None:
    out = run("--help").out
    assert all(f"\n  {command} " in out for command in ("serve", "upload", "download", "zip", "info", "delete"))
