"""The event loop on which `s3py migrate` works."""

import asyncio
import sys
from pathlib import Path

import pytest

from s3py_helper.application.migration.migration import Migration
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.migration.command import Command
from s3py_helper.entrypoints.cli.migration.output import Output


@pytest.mark.parametrize(("installed", "module"), [(True, "uvloop"), (False, "asyncio.unix_events")])
def test_it_is_uvloops_where_that_is_installed(
    installed: bool,
    module: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not installed:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "MODE": "hybrid",
        "S3__ENDPOINT": "http://127.0.0.1:9",
        "S3__ACCESS_KEY_ID": "key",
        "S3__SECRET_ACCESS_KEY": "secret",
        "S3__DEFAULT_BUCKET": "files",
        "FASTDFS__TRACKER_SERVERS": "127.0.0.1:9",
    }.items():
        monkeypatch.setenv(f"S3PY_{name}", value)
    loops: list[asyncio.AbstractEventLoop] = []

    async def work(_migration: Migration, _output: Output) -> ExitCode:
        loops.append(asyncio.get_running_loop())
        return ExitCode.OK

    assert Command("status", str(tmp_path / "ledger.db"), as_json=False, makes_ledger=True).run(work) is ExitCode.OK
    assert [type(loop).__module__ for loop in loops] == [module]
