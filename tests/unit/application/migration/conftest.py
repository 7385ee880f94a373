"""A migration in memory, and what must hold at the end of each of its tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import applying, copying, storing
from s3py_helper.application.migration.draining import Drainer
from s3py_helper.application.migration.migration import Migration
from tests.support.migration.in_memory import MemorySource, MemoryTarget
from tests.support.migration.one_file import CONTENT, World
from tests.support.migration.steps import PREFIX, CleaningUp
from tests.support.recorder import Recorder

_IN_MEMORY = Path("/dev/shm")


@pytest.fixture
async def ledger() -> AsyncIterator[SqliteLedger]:
    """A ledger, of which no worker holds a file in the end; in memory, for a disk takes 50 ms to be sure of a row."""
    with TemporaryDirectory(dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None) as folder:
        async with SqliteLedger(Path(folder) / "ledger.db", "one") as ledger:
            yield ledger
            assert await ledger.workers() == 0, "claims were not released"


@pytest.fixture
def source() -> Iterator[MemorySource]:
    """FastDFS, of which nothing is being read in the end."""
    source = MemorySource()
    yield source
    assert source.opened == 0, "a stream was not closed"


@pytest.fixture
def target() -> Iterator[MemoryTarget]:
    """S3, of which nothing is being read in the end, and which has no upload that was begun and not ended."""
    target = MemoryTarget()
    yield target
    assert target.opened == 0, "a stream was not closed"
    assert target.parts_of == {}, "an upload was neither completed nor aborted"


@pytest.fixture
def observer() -> Recorder:
    return Recorder()


@pytest.fixture
def quick_applying(monkeypatch: pytest.MonkeyPatch) -> None:
    """An applier neither waits for more work, nor for more to record, nor before another attempt."""
    monkeypatch.setattr(applying, "_IDLE_SECONDS", 0.002)
    monkeypatch.setattr(applying, "_RECORD_SECONDS", 0.002)
    monkeypatch.setattr(applying, "_FIRST_PAUSE", 0.0)


@pytest.fixture
def quick_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """No step waits for more to do, nor for what was changed to settle."""
    monkeypatch.setattr(applying, "_IDLE_SECONDS", 0.001)
    monkeypatch.setattr(applying, "_RECORD_SECONDS", 0.001)
    monkeypatch.setitem(Drainer.__init__.__kwdefaults__ or {}, "settle_seconds", 0.0)


@pytest.fixture
def clean_up() -> CleaningUp:
    return CleaningUp()


@pytest.fixture
def migration(
    source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, observer: Recorder, clean_up: CleaningUp
) -> Migration:
    return Migration(source, target, ledger, PREFIX, observer, clean_up=clean_up)


@pytest.fixture
def world(source: MemorySource, target: MemoryTarget, ledger: SqliteLedger, observer: Recorder) -> World:
    return World(source, target, ledger, observer)


@pytest.fixture(params=["small", "streamed", "in parts"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How a file is copied, by its size."""
    if request.param != "small":
        monkeypatch.setattr(copying, "_FETCHED_BYTES", 1)
    if request.param == "in parts":
        monkeypatch.setattr(storing, "SINGLE_PUT_BYTES", len(CONTENT) - 1)
    else:
        monkeypatch.setattr(storing, "SINGLE_PUT_BYTES", len(CONTENT))
    return cast("str", request.param)
