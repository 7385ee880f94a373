"""What shows how copying goes does not end it, and is whole."""

import json
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest

from s3py_helper.application.migration.applying import ApplyProgress
from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.ports.ledger import Tally
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState
from s3py_helper.entrypoints.cli.migration import progress as progress_module
from s3py_helper.entrypoints.cli.migration.output import Output
from s3py_helper.entrypoints.cli.migration.progress import ProgressDisplay

FILE = FileId.parse("group1/M00/00/00/old.txt")


class Counting:
    """A migration whose ledger counts, or is out of reach."""

    def __init__(self, *tallies: Tally) -> None:
        self.tallies_now = tallies
        self.counts = 0

    @property
    def ledger(self) -> "Counting":
        return self

    async def tallies(self) -> tuple[Tally, ...]:
        self.counts += 1
        if not self.tallies_now:
            raise StorageUnavailableException("down")
        return self.tallies_now


class Clock:
    """Says what time it is, and stands still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        wall = SimpleNamespace(monotonic=lambda: self.now, time=lambda: 50_000 + self.now)
        monkeypatch.setattr(progress_module, "time", wall)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


LEFT = (
    Tally("group1", FileState.PLANNED, 10, 10_000), Tally("group1", FileState.COPYING, 2, 2000),
    Tally("group1", FileState.COPIED, 99, 99_999), Tally("group2", FileState.QUARANTINED, 9, 9999),
)  # fmt: skip


def display_of(migration: Counting, progress: ApplyProgress, *, as_json: bool = False) -> ProgressDisplay:
    return ProgressDisplay(cast("Migration", migration), progress, Output("apply", as_json=as_json, each=False))


async def test_progress_is_shown_while_the_ledger_is_out_of_reach(capsys: pytest.CaptureFixture[str]) -> None:
    display = display_of(Counting(), ApplyProgress(copied=3), as_json=True)
    await display.show()
    assert '"files_done": 3' in capsys.readouterr().out


async def test_bytes_of_a_large_file_show_before_it_is_copied(capsys: pytest.CaptureFixture[str]) -> None:
    arrived = [0]
    progress = ApplyProgress(bytes=10, arrived=lambda: arrived[0])
    display = display_of(Counting(), progress, as_json=True)
    shown: list[int] = []
    for parts in (1000, 3000, 0):  # at the end all of it is there, and not yet written down
        arrived[0] = parts
        await display.show()
        shown.append(json.loads(capsys.readouterr().out)["bytes_done"])
    assert shown == [1010, 3010, 3010]


async def test_programs_get_all_of_it(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    migration, progress = Counting(*LEFT), ApplyProgress()
    display = display_of(migration, progress, as_json=True)
    shown: list[dict[str, Any]] = []

    async def show(after: float) -> None:
        clock.now += after
        await display.show()
        shown.append(json.loads(capsys.readouterr().out))

    await show(1.0)
    progress.copied, progress.bytes, progress.failed, progress.limited_by = 4, 8000, 2, "bytes"
    progress.running = {FileId.parse("group1/M00/00/00/new.txt"): 51_002.0, FILE: 51_001.0}
    await show(2.0)
    progress.copied, progress.bytes = 5, 8500
    await show(1.0)
    rest = {"type": "progress", "schema": 1, "files_total": 12, "bytes_total": 12_000}
    later = {"errors": 2, "limited_by": "bytes", "oldest": str(FILE)}
    assert shown == [
        {"files_done": 0, "bytes_done": 0, "files_per_s": 0.0, "bytes_per_s": 0, "eta_s": None, "errors": 0,
         "limited_by": None, "oldest": None, **rest},
        {"files_done": 4, "bytes_done": 8000, "files_per_s": 2.0, "bytes_per_s": 4000, "eta_s": 6, **later, **rest},
        {"files_done": 5, "bytes_done": 8500, "files_per_s": 1.0, "bytes_per_s": 500, "eta_s": 6, **later, **rest},
    ]  # fmt: skip
    assert display.seconds == 2
    display.close()
    assert capsys.readouterr().err == ""


async def test_the_time_left_is_the_worse_of_files_and_bytes(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    display = display_of(Counting(*LEFT), ApplyProgress(copied=1, bytes=6000), as_json=True)
    clock.now += 10
    await display.show()
    assert json.loads(capsys.readouterr().out)["eta_s"] == 120, "one of thirteen files took ten seconds"
    display = display_of(Counting(*LEFT), ApplyProgress(copied=6, bytes=1000), as_json=True)
    clock.now += 10
    await display.show()
    assert json.loads(capsys.readouterr().out)["eta_s"] == 120, "1000 of 13000 bytes took ten seconds"


async def test_files_are_counted_each_half_minute(clock: Clock) -> None:
    migration = Counting(*LEFT)
    display = display_of(migration, ApplyProgress(), as_json=True)
    counts: list[int] = []
    for after in (1, 29.5, 0.5, 29, 1):
        clock.now += after
        await display.show()
        counts.append(migration.counts)
    assert counts == [1, 1, 2, 2, 3]


@pytest.mark.parametrize("on_terminal", [True, False])
async def test_people_get_a_line(
    capsys: pytest.CaptureFixture[str], clock: Clock, monkeypatch: pytest.MonkeyPatch, on_terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: on_terminal, raising=False)
    progress = ApplyProgress()
    display = display_of(Counting(*LEFT), progress)
    assert display.seconds == (2 if on_terminal else 10)
    display.close()
    assert capsys.readouterr() == ("", ""), "nothing was shown yet"
    clock.now += 2
    await display.show()
    first = "0/12 files, 0 B/11.7 KiB; 0 files/s and 0 B/s now, 0 files/s on average; ? left; 0 errors"
    progress.copied, progress.bytes, progress.failed, progress.limited_by = 10, 6000, 1, "target"
    progress.running = {FILE: 51_001.0}
    clock.now += 2
    await display.show()
    second = (
        "10/12 files, 5.9 KiB/11.7 KiB; 5 files/s and 2.9 KiB/s now, 2 files/s on average; 4 s left; 1 errors"
        f"; limited by target; {FILE} for 3 s"
    )
    display.close()
    told = f"\r\x1b[K{first}\r\x1b[K{second}\n" if on_terminal else f"{first}\n{second}\n"
    assert capsys.readouterr() == ("", told)
