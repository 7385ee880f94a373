"""What the documents on service, command line and settings say is so."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import get_origin

import pytest
from pydantic import BaseModel, ByteSize, TypeAdapter

from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.container.config import MigrationConfig, S3PerfConfig
from s3py_helper.entrypoints.http.problems import table as problem_table
from s3py_helper.entrypoints.http.problems.table import Problem
from s3py_helper.entrypoints.server import protocol
from s3py_helper.entrypoints.settings import Settings

DOCS = Path(__file__).parents[3] / "docs"
ADDRESS = "http://127.0.0.1:8000"


def _blocks(document: str, language: str) -> list[str]:
    text = (DOCS / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def _variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        groups = [kind for kind in getattr(field.annotation, "__args__", [field.annotation]) if isinstance(kind, type)]
        nested = next((kind for kind in groups if issubclass(kind, BaseModel)), None)
        if nested is not None and get_origin(field.annotation) is dict:
            yield from _variables(nested, f"{prefix}{name.upper()}__NAME__")
        elif nested is None:
            yield f"{prefix}{name.upper()}"
        else:
            yield from _variables(nested, f"{prefix}{name.upper()}__")


def test_every_setting_is_listed_and_no_other() -> None:
    listed = re.findall(r"`(S3PY_\w+)`(?=.*\|.*\|)", (DOCS / "configuration.md").read_text(encoding="utf-8"))
    assert sorted(set(listed)) == sorted(_variables(Settings, "S3PY_"))


def test_the_defaults_are_the_ones_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("S3PY_FILESYSTEM__ROOT")
    table = (DOCS / "configuration.md").read_text(encoding="utf-8")
    for variable, default in re.findall(r"^\| `S3PY_(\w+)` \| `([^`]+)` \|", table, re.MULTILINE):
        model: type[BaseModel] = Settings
        *groups, name = variable.lower().split("__")
        for group in groups:
            kinds = getattr(model.model_fields[group].annotation, "__args__", [model.model_fields[group].annotation])
            model = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
        field = model.model_fields[name]
        actual = Settings(_env_file=None).filesystem.root if name == "root" else field.get_default()
        if default.endswith("iB"):
            assert TypeAdapter(ByteSize).validate_python(default) == actual, variable
        else:
            assert default == (str(actual).lower() if isinstance(actual, bool) else str(actual)), variable


def test_the_example_of_a_file_env_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("S3PY_")]:
        monkeypatch.delenv(name)
    (block,) = _blocks("configuration.md", "sh")
    (tmp_path / ".env").write_text(block)
    config = Settings(_env_file=tmp_path / ".env").kit_config()
    assert config.fastdfs is not None
    assert len(config.fastdfs.tracker_servers) == 2


def test_the_example_file_has_every_setting_with_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("S3PY_")]:
        monkeypatch.delenv(name)
    lines = re.findall(r"^#(S3PY_(\w+)=.*)$", (DOCS.parent / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(f"S3PY_{name}" for _, name in lines) == sorted(_variables(Settings, "S3PY_"))
    required = ("S3__ENDPOINT", "FASTDFS__TRACKER_SERVERS")
    without_default = ("TOKENS__", "MIGRATION__")
    for file, wanted in ((".all", lambda name: not name.startswith(without_default)), (".some", required.__contains__)):
        (tmp_path / file).write_text("".join(f"{line}\n" for line, name in lines if wanted(name)))
    every, some = Settings(_env_file=tmp_path / ".all"), Settings(_env_file=tmp_path / ".some")
    assert every.s3 is not None
    assert every.s3.perf == S3PerfConfig()
    assert every.model_dump(exclude={"s3": {"perf"}}) == some.model_dump(exclude={"s3": {"perf"}})
    ledger = next(line for line, name in lines if name == "MIGRATION__LEDGER")
    (tmp_path / ".ledger").write_text(ledger)
    assert Settings(_env_file=tmp_path / ".ledger").migration == MigrationConfig()


def test_what_troubleshooting_quotes_is_said_somewhere() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (DOCS.parent / "src").rglob("*.py"))
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = [
        each for first in re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE) for each in re.findall("`([^`]+)`", first)
    ]
    # Messages are put together of words and values: the longest run of words has to be found.
    longest = [max(re.findall(r"[a-z ,]+", each), key=len).strip() for each in quoted if " " in each]
    assert len(longest) > 10
    assert [words for words in longest if words not in source] == []


def test_every_exit_code_is_listed() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", (DOCS / "cli.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(int(code) for row in rows for code in row.split(",")) == sorted(ExitCode)


def test_every_problem_is_listed() -> None:
    kinds = [
        *problem_table.PROBLEMS.values(),
        *(each for home in (problem_table, protocol) for each in vars(home).values() if isinstance(each, Problem)),
    ]
    # Named after their statuses.
    of_status = {
        405: "method-not-allowed",
        411: "length-required",
        415: "unsupported-media-type",
        428: "precondition-required",
    }
    kinds += [Problem(status, name, "") for status, name in of_status.items()]
    rows = re.findall(r"^\| (\d{3}) \| (.*) \|$", (DOCS / "http.md").read_text(encoding="utf-8"), re.MULTILINE)
    listed = {
        (int(status), name)
        for status, names in rows
        for name in re.findall(r"`([a-z]+(?:-[a-z]+)+|unauthorized)`", names)
    }
    assert listed - {(401, "unauthorized")} == {(kind.status, kind.name) for kind in kinds}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    """The service, in the folder in which the commands are run."""
    command = [sys.executable, "-c", "from s3py_helper.entrypoints.cli import main; main()", "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            announced = re.search(r"http://[\d.:]+", process.stdout.readline())
            assert announced
            yield announced[0]
        finally:
            process.terminate()
            process.wait(timeout=20)


def _environment() -> dict[str, str]:
    commands = str(Path(sys.executable).parent)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("S3PY_")}
    return clean | {"PATH": os.pathsep.join([commands, clean.get("PATH", "")])}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
@pytest.mark.parametrize("document", ["cli.md", "http.md"])
def test_the_commands_do_what_is_shown(service: str, tmp_path: Path, document: str) -> None:
    shown = "".join(_blocks(document, "console"))
    steps = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", shown, re.MULTILINE)
    assert len(steps) > 7
    # One shell for all, because of its variables; the marks tell the outputs apart.
    script = "set -e\n" + "".join(f"{command}\nprintf '\\n<end>\\n'\n" for command, _ in steps)
    done = subprocess.run(
        ["bash", "-c", script.replace(ADDRESS, service)],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    outputs = done.stdout.split("\n<end>\n")
    for (command, expected), output in zip(steps, outputs, strict=False):
        pattern = re.sub(r"\[", "[[]", expected.strip()).replace("...", "*")
        assert fnmatch.fnmatchcase(output.strip(), pattern), f"{command}\n{output}"


@pytest.mark.slow
def test_the_application_that_is_shown_runs(tmp_path: Path) -> None:
    block = _blocks("fastapi.md", "python")[0]
    (tmp_path / "shown.py").write_text(block, encoding="utf-8")
    command = [sys.executable, "-m", "uvicorn", "shown:app", "--port", "0", "--no-access-log"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            url = next(found[0] for line in process.stderr if (found := re.search(r"http://127[\d.:]+", line)))
            assert _status(f"{url}/documents/fs:files/none/info", {"X-Badge": "valid"}) == 404
            assert _status(f"{url}/documents/fs:files/none/info", {"X-Badge": "stolen"}) == 403
        finally:
            process.terminate()
            process.wait(timeout=20)


def _status(url: str, headers: dict[str, str]) -> int:
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
