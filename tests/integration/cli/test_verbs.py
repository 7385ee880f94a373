"""The smaller commands, and ids on standard input."""

import json
import re
import shlex
import subprocess
import time
import urllib.parse
from pathlib import Path

import httpx
import pytest

from s3py_helper.entrypoints.settings import load_settings
from tests.integration.cli.conftest import Run
from tests.support.s3.server import DEFAULT_BUCKET, S3Server


@pytest.fixture
def two(run: Run, folder: Path) -> list[str]:
    (folder / "a.txt").write_bytes(b"first")
    (folder / "b.txt").write_bytes(b"second!")
    ids = run("upload", "a.txt", "b.txt", "--folder", "shelf").lines
    (folder / "a.txt").unlink()
    (folder / "b.txt").unlink()
    return ids


def test_the_version_is_told(run: Run) -> None:
    assert re.fullmatch(r"s3py \d+\.\d+\.\d+.*\n", run("--version").out)


def test_files_are_listed_for_scripts_and_people(run: Run, two: list[str]) -> None:
    assert sorted(run("ls").lines) == sorted(run("ls", "shelf/").lines) == sorted(two)
    assert run("ls", "other").out == ""
    sizes = [json.loads(line)["file_size"] for line in run("ls", "--json").lines]
    assert sorted(sizes) == [5, 7]
    assert all(
        re.fullmatch(r" +[57]  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d  fs:\S+", line)
        for line in run("ls", "-l").lines
    )


@pytest.mark.parametrize("as_json", [False, True])
def test_ids_come_from_standard_input_everywhere(run: Run, folder: Path, two: list[str], as_json: bool) -> None:
    lines = [json.dumps({"file_id": each}) if as_json else each for each in two]
    given = ("\r\n".join(lines) + "\n\n").encode()
    assert [line for line in run("info", "-", given=given).lines if line.startswith("file_id")] == [
        f"file_id: {each}" for each in two
    ]
    assert run("download", "-", given=given).lines == ["a.txt", "b.txt"]
    assert run("download", "-", "-o", "-", given=given).out == "firstsecond!"
    assert run("zip", "-", "-o", "x.zip", given=given).lines == ["x.zip"]
    copies = run("cp", "-", given=given).lines
    assert len(copies) == 2
    assert not set(copies) & set(two)
    assert run("delete", copies[0], "-", given=given).lines == [copies[0], *two]
    assert run("ls").lines == [copies[1]]


def test_a_line_that_is_no_id_is_named(run: Run, two: list[str]) -> None:
    result = run("info", "-", given=f'{two[0]}\n{{"id": 1}}\n'.encode())
    assert result.code == 2
    assert result.lines[0] == f"file_id: {two[0]}"
    assert "line 2 of standard input" in result.err


def test_several_ids_from_standard_input_need_a_folder(run: Run) -> None:
    result = run("download", "-", "-o", "one.bin", given=b"fs:files/a\n")
    assert (result.code, "one.bin is none, one.bin/ makes it" in result.err) == (2, True)


def test_a_copy_has_what_it_is_given_and_keeps_the_rest(run: Run, two: list[str]) -> None:
    (copy,) = run("cp", two[0], "--name", "c d.txt", "--folder", "other", "-m", "by=me").lines
    facts = json.loads(run("info", copy, "--json").out)
    assert copy.startswith("fs:files/other/")
    assert (facts["file_name"], facts["metadata"], facts["file_size"]) == ("c d.txt", {"by": "me"}, 5)
    assert run("cp", "--name", "x", *two).code == 2


def test_health_is_told_with_a_code(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("health")
    assert (result.code, result.out) == (0, "filesystem: fine, takes new files\n")
    assert json.loads(run("health", "--json").out)["healthy"] is True
    monkeypatch.setenv("S3PY_MODE", "fastdfs")
    monkeypatch.setenv("S3PY_FASTDFS__TRACKER_SERVERS", "127.0.0.1:1")
    down = run("health")
    assert down.code == 5
    assert down.out.startswith("fastdfs: takes no new files: ")
    assert "check S3PY_FASTDFS__TRACKER_SERVERS" in down.out
    assert json.loads(run("health", "--json").out)["problem"]


def test_links_are_signed_where_the_backend_can(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, seaweedfs: S3Server, two: list[str]
) -> None:
    refused = run("link", two[0])
    assert (refused.code, refused.err) == (4, "s3py: filesystem cannot sign URLs\n")
    for name, value in {
        "S3PY_MODE": "s3",
        "S3PY_S3__ENDPOINT": seaweedfs.endpoint,
        "S3PY_S3__ACCESS_KEY_ID": seaweedfs.access_key,
        "S3PY_S3__SECRET_ACCESS_KEY": seaweedfs.secret_key,
        "S3PY_S3__DEFAULT_BUCKET": DEFAULT_BUCKET,
    }.items():
        monkeypatch.setenv(name, value)
    (folder / "für dich.txt").write_bytes(b"linked")
    (file_id,) = run("upload", "für dich.txt").lines
    (url,) = run("link", "--expires", "15m", "--inline", "--name", "x y.txt", "-", given=file_id.encode()).lines
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["X-Amz-Expires"] == ["900"]
    assert httpx.get(url).content == b"linked"
    assert json.loads(run("link", file_id, "--json").out)["file_id"] == file_id
    assert run("link", file_id, "--expires", "soon").code == 2
    assert run("link", file_id, "--expires", "8d").code == 2


def test_links_lead_to_the_service_where_the_backend_signs_none(
    run: Run, monkeypatch: pytest.MonkeyPatch, two: list[str]
) -> None:
    monkeypatch.setenv("S3PY_LINK_KEYS", f"k={'k' * 32}")
    monkeypatch.setenv("S3PY_LINK_URL", "https://files.example.com")
    for arguments in ((), ("--service",)):
        (url,) = run("link", two[0], "--expires", "5m", "--name", "x y.txt", *arguments).lines
        parts = urllib.parse.urlsplit(url)
        assert (parts.netloc, parts.path) == ("files.example.com", f"/signed/{two[0]}")
        query = urllib.parse.parse_qs(parts.query)
        assert (query["name"], query["kid"], len(query["sig"][0])) == (["x y.txt"], ["k"], 64)
        assert 0 < int(query["exp"][0]) - time.time() <= 300
    monkeypatch.delenv("S3PY_LINK_KEYS")
    assert "S3PY_LINK_KEYS" in run("link", two[0], "--service").err


NAMES = [
    "plain.txt",
    "two words.txt",
    'it\'s $HOME; `ls` & "x" *?.txt',
    "100%25 #1 (a+b) [c]!.txt",
    "报告（终稿）.pdf",
    "~.txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_an_id_can_be_pasted_into_a_shell_and_the_name_is_whole(run: Run, folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"x")
    (file_id,) = run("upload", name).lines
    pasted = subprocess.run(["bash", "-ic", f"printf %s {file_id}"], capture_output=True, text=True, check=True)
    assert pasted.stdout == file_id
    assert shlex.split(file_id) == [file_id]
    assert urllib.parse.unquote(file_id) == file_id
    assert urllib.parse.urlsplit(f"http://127.0.0.1/files/{file_id}/download").path == f"/files/{file_id}/download"
    assert json.loads(run("info", file_id, "--json").out)["file_name"] == name
    (folder / name).unlink()
    assert run("download", file_id).lines == [name]


def test_an_id_of_before_still_leads_to_its_file(run: Run, folder: Path, tmp_path: Path, two: list[str]) -> None:
    kept = tmp_path / "kept" / "files" / "shelf"
    old = "0123456789abcdef_a b (1)~20.txt"
    (kept / two[0].rpartition("/")[2]).rename(kept / old)
    assert run("download", f"fs:files/shelf/{old}", "-o", "-").out == "first"
    assert f"fs:files/shelf/{old}" in run("ls", "shelf/0123456789abcdef_a b").lines
    assert run("delete", f"fs:files/shelf/{old}").code == 0


def test_where_files_go_is_said_before_they_do_when_nobody_has_chosen_it(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("S3PY_FILESYSTEM__ROOT")
    (folder / "a.txt").write_bytes(b"x")
    first = run("upload", "a.txt")
    assert (first.code, first.err) == (
        0,
        f"s3py: there are no settings: files go to the new folder {folder / 'data'}\n",
    )
    assert run("upload", "a.txt").err == "", "the folder is there now"


def test_what_a_backend_ignores_is_said(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3PY_MODE", "fastdfs")
    monkeypatch.setenv("S3PY_FASTDFS__TRACKER_SERVERS", "127.0.0.1:1")
    (folder / "a.txt").write_bytes(b"x")
    told = run("upload", "a.txt", "--bucket", "b", "--folder", "f").err.splitlines()
    assert [line.split(" has no effect")[0] for line in told[:2]] == ["s3py: --bucket", "s3py: --folder"]
    assert load_settings().mode == "fastdfs"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there(run: Run, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    result = run("--show-completion", shell)
    assert result.code == 0
    assert "_S3PY_COMPLETE" in result.out
