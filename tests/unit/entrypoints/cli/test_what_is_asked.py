"""What each command line asks for, whole, and which are refused before anything is opened."""

import importlib
from functools import cache
from typing import Any

import pytest
from typer.main import get_group

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.cli import logs
from s3py_helper.entrypoints.cli.app import app
from s3py_helper.entrypoints.cli.copying import CopyOptions
from s3py_helper.entrypoints.cli.downloading import DownloadOptions
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.linking import LinkOptions
from s3py_helper.entrypoints.cli.listing import ListOptions
from s3py_helper.entrypoints.cli.local_tree import Patterns
from s3py_helper.entrypoints.cli.upload_linking import UploadLinkOptions
from s3py_helper.entrypoints.cli.uploading import UploadOptions
from s3py_helper.entrypoints.cli.zipping import ZipChoices


@cache
def _command_line() -> Any:
    """Made once: that takes longer than what these tests do."""
    return get_group(app)


def leaves(*arguments: str) -> int:
    """The exit code."""
    with pytest.raises(SystemExit) as left:
        _command_line().main(list(arguments), prog_name="s3py")
    return int(left.value.code or 0)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Have no command change where lines go; whether each wanted all of them."""
    seen: list[bool] = []
    monkeypatch.setattr(logs, "log_to_stderr", lambda *, verbose: seen.append(verbose))
    return seen


PATTERNS = ["--include", "*.jpg", "--include", "b", "--exclude", "c", "--exclude", "d"]
UPLOAD = "uploading.upload"
SERVE: dict[str, object] = {"host": None, "port": None, "workers": None, "root_path": None}


@pytest.mark.parametrize(
    ("typed", "step", "given", "named"),
    [
        ("upload a", UPLOAD, (["a"], UploadOptions()), {}),
        ("upload a b -r", UPLOAD, (["a", "b"], UploadOptions(recursive=True)), {}),
        (
            "upload a --name n --folder f --bucket b --content-type t/t -m k=v=w -m l=", UPLOAD,
            (["a"], UploadOptions("n", "f", "b", "t/t", {"k": "v=w", "l": ""})), {},
        ),
        (
            "upload a --skip-same --json -q", UPLOAD,
            (["a"], UploadOptions(skip_same=True, as_json=True, quiet=True)), {},
        ),
        (
            ["upload", "a", "--recursive", *PATTERNS], UPLOAD,
            (["a"], UploadOptions(recursive=True, patterns=Patterns(["*.jpg", "b"], ["c", "d"]))), {},
        ),
        ("download a", "downloading.download", (["a"], DownloadOptions()), {}),
        (
            "download a b -o c/ --skip-same --force --json --quiet", "downloading.download",
            (["a", "b"], DownloadOptions("c/", skip_same=True, overwrite=True, as_json=True, quiet=True)), {},
        ),
        (
            ["download", "a", "-r", "--bucket", "b", *PATTERNS], "downloading.download",
            (["a"], DownloadOptions(None, "b", recursive=True, patterns=Patterns(["*.jpg", "b"], ["c", "d"]))), {},
        ),
        ("ls", "listing.list_files", ("", ListOptions()), {}),
        ("ls a/ --bucket b -l", "listing.list_files", ("a/", ListOptions("b", long=True)), {}),
        ("ls --json", "listing.list_files", ("", ListOptions(as_json=True)), {}),
        ("cp a b", "copying.copy", (["a", "b"], CopyOptions()), {}),
        (
            "cp a --name n --folder f --bucket b -m k=v --json", "copying.copy",
            (["a"], CopyOptions("n", "f", "b", {"k": "v"}, as_json=True)), {},
        ),
        ("link a b", "linking.link", (["a", "b"], LinkOptions()), {}),
        ("link a --expires 7d --name n --inline", "linking.link", (["a"], LinkOptions("7d", "n", inline=True)), {}),
        ("link a --service", "linking.link", (["a"], LinkOptions(through_service=True)), {}),
        ("link a --fastdfs --json", "linking.link", (["a"], LinkOptions(fastdfs=True, as_json=True)), {}),
        ("upload-link a b", "upload_linking.link_uploads", (["a", "b"], UploadLinkOptions()), {}),
        (
            "upload-link a --expires 9s --folder f --bucket b --content-type t/t -m k=v --max-size 0",
            "upload_linking.link_uploads", (["a"], UploadLinkOptions("9s", "f", "b", "t/t", {"k": "v"}, 0)), {},
        ),
        (
            "upload-link a --service --json", "upload_linking.link_uploads",
            (["a"], UploadLinkOptions(through_service=True, as_json=True)), {},
        ),
        ("zip a b", "zipping.zip_files", (["a", "b"], ZipChoices("files.zip")), {}),
        (
            "zip a -o - --compression never --skip --force --quiet", "zipping.zip_files",
            (["a"], ZipChoices("-", "never", skip=True, overwrite=True, quiet=True)), {},
        ),
        ("zip a --compression always", "zipping.zip_files", (["a"], ZipChoices("files.zip", "always")), {}),
        ("info a -", "describing.info", (["a", "-"],), {"as_json": False}),
        ("info a --json", "describing.info", (["a"],), {"as_json": True}),
        ("delete a", "describing.delete", (["a"],), {"as_json": False}),
        ("delete a --json", "describing.delete", (["a"],), {"as_json": True}),
        ("health", "health.health", (), {"as_json": False}),
        ("health --json", "health.health", (), {"as_json": True}),
        ("config", "configuring.config", (), {"as_json": False}),
        ("config --json", "configuring.config", (), {"as_json": True}),
        ("doctor", "examining.examine", (None,), {"as_json": False}),
        ("doctor --url https://a --json", "examining.examine", ("https://a",), {"as_json": True}),
        ("doctor links a", "link_checks.check_links", ("a",), {"every": False, "as_json": False}),
        ("doctor links - --all --json", "link_checks.check_links", ("-",), {"every": True, "as_json": True}),
        ("token a_1 -s read", "tokens.make_token", ("a_1", [Action.READ], None), {}),
        (
            "token a --scope read --scope list --folder f", "tokens.make_token",
            ("a", [Action.READ, Action.LIST], "f"), {},
        ),
        ("serve", "serving.serve", (), {**SERVE, "access_log": True, "verbose": False}),
        (
            "serve --host 127.0.0.1 --port 0 --workers 2 --root-path /a --no-access-log", "serving.serve", (),
            {"host": "127.0.0.1", "port": 0, "workers": 2, "root_path": "/a", "access_log": False, "verbose": False},
        ),
        ("-v serve", "serving.serve", (), {**SERVE, "access_log": True, "verbose": True}),
    ],
)  # fmt: skip
def test_what_is_typed_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, quiet: list[bool], typed: str | list[str], step: str,
    given: tuple[object, ...], named: dict[str, object],
) -> None:  # fmt: skip
    asked: list[tuple[tuple[object, ...], dict[str, object]]] = []

    def note(*given: object, **named: object) -> ExitCode:
        asked.append((given, named))
        return ExitCode.TIME_REACHED

    module, _, function = step.partition(".")
    monkeypatch.setattr(importlib.import_module(f"s3py_helper.entrypoints.cli.{module}"), function, note)
    arguments = typed.split() if isinstance(typed, str) else typed
    assert leaves(*arguments) == ExitCode.TIME_REACHED, "the code is that of the command"
    assert asked == [(given, named)]
    assert quiet == ["-v" in arguments]


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("upload a b --name n", "Invalid value for --name: one name does not fit several files"),
        ("upload a -r --name n", "Invalid value for --name: one name does not fit several files"),
        ("upload a -m k", "Invalid value for --metadata: 'k' is not NAME=VALUE"),
        ("cp a b --name n", "Invalid value for --name: one name does not fit several files"),
        ("cp a -m k", "Invalid value for --metadata: 'k' is not NAME=VALUE"),
        ("upload-link a --max-size -1", "-1 is not in the range x>=0."),
        ("zip a --compression some", "'some' is not one of 'auto', 'always', 'never'"),
        ("serve --port 65536", "65536 is not in the range 0<=x<=65535."),
        ("serve --port -1", "-1 is not in the range 0<=x<=65535."),
        ("serve --workers 0", "0 is not in the range x>=1."),
        ("token a-b -s read", "Invalid value for NAME: a name has letters, digits and single underscores"),
        ("token a__b -s read", "Invalid value for NAME: a name has letters, digits and single underscores"),
        ("token a -s fly", "'fly' is not one of"),
        ("token a", "Missing option '--scope'"),
        ("upload", "Missing argument 'FILE...'"),
        ("info", "Missing argument 'ID...'"),
        ("upload-link", "Missing argument 'NAME...'"),
        ("doctor links", "Missing argument 'FILE'"),
    ],
)
def test_what_makes_no_sense_is_refused(capsys: pytest.CaptureFixture[str], typed: str, why: str) -> None:
    assert leaves(*typed.split()) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert why in err


def test_the_version_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert leaves("--version") == 0
    out, _ = capsys.readouterr()
    assert out.startswith("s3py ")
    assert len(out.split()) == 2


def test_without_a_command_all_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert leaves() == ExitCode.USAGE
    shown = "".join(capsys.readouterr())
    for name in ("upload", "download", "ls", "cp", "link", "upload-link", "zip", "info", "delete", "serve", "health",
                 "config", "token", "doctor", "migrate"):  # fmt: skip
        assert f"\n  {name} " in shown
