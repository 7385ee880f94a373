"""An operator of a migration in memory, in whose ledger no worker holds a file in the end."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from s3py_helper.application.migration import applying
from s3py_helper.application.migration.draining import Drainer
from s3py_helper.application.migration.planning import Planner
from s3py_helper.entrypoints.cli import logs, running
from tests.support.migration.commands import SETTINGS, Operator
from tests.support.migration.in_memory import MemorySource, MemoryTarget

_IN_MEMORY = Path("/dev/shm")


@pytest.fixture
def operator(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logs, "log_to_stderr", lambda *, verbose: None)  # noqa: ARG005 - other tests look at the log
    for name, value in SETTINGS.items():
        monkeypatch.setenv(f"S3PY_{name}", value)
    monkeypatch.setattr(applying, "_IDLE_SECONDS", 0.001)
    monkeypatch.setattr(applying, "_RECORD_SECONDS", 0.001)
    for kind in (Planner, Drainer):
        monkeypatch.setitem(kind.__init__.__kwdefaults__ or {}, "settle_seconds", 0.0)
    with TemporaryDirectory(dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None) as folder:
        operator = Operator(MemorySource(), MemoryTarget(), Path(folder) / "ledger.db", capsys, monkeypatch)
        monkeypatch.setattr(running, "open_services", operator.services)
        yield operator
        assert (operator.source.opened, operator.target.opened) == (0, 0), "a stream was not closed"
