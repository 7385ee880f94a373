"""What is shown of a command's progress, and what it costs."""

import asyncio
import contextlib
import io
import os
import sys
import time
from collections.abc import Iterator
from typing import override

import pytest

from s3py_helper.entrypoints.cli.progress.lines import ASCII, MOST_FILES, UNICODE, bytes_text, clipped, lines_of
from s3py_helper.entrypoints.cli.progress.progress import progress
from s3py_helper.entrypoints.cli.progress.tally import Tally

MIB = 1024 * 1024


class _Terminal(io.TextIOWrapper):
    """Standard error as a terminal, with a delay that slow connections have."""

    def __init__(self, *, slow: float = 0) -> None:
        self.ours, theirs = os.openpty()
        os.set_blocking(self.ours, False)
        super().__init__(io.BufferedWriter(io.FileIO(theirs, "wb")), encoding="utf-8", write_through=True)
        self._slow = slow
        self.pictures = 0

    @override
    def write(self, text: str, /) -> int:
        self.pictures += "files" in text
        time.sleep(self._slow)
        with contextlib.suppress(BlockingIOError):
            os.read(self.ours, 1 << 20)
        return super().write(text)


def _become_stderr(terminal: _Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the test itself: pytest puts its own stream there between fixtures and test."""
    monkeypatch.setattr(sys, "stderr", terminal)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[_Terminal]:
    made = _Terminal(slow=getattr(request, "param", 0))
    monkeypatch.setenv("TERM", "xterm")
    yield made
    made.close()
    os.close(made.ours)


def test_a_line_for_all_files_stands_below_those_under_way() -> None:
    tally = Tally(files=300, size=100 * MIB)
    for number in range(20):
        tally.begin(f"file {number}.bin", 2 * MIB)
        tally.advance(number + 1, MIB)
    for number in range(1, 6):
        tally.end(number)
    lines = lines_of(tally, 120, 24, UNICODE)
    assert len(lines) == MOST_FILES + 2
    assert lines[0].split() == ["file", "5.bin", "━" * 10 + "─" * 10, "1.0", "MiB", "of", "2.0", "MiB"]
    assert lines[-2].strip() == "and 7 more"
    assert "5 of 300 files · 20.0 MiB of 100.0 MiB" in lines[-1]


def test_speed_and_rest_are_those_of_the_last_seconds() -> None:
    tally = Tally(files=10, size=100 * MIB)
    number = tally.begin("a", 100 * MIB)
    for second in range(30):
        tally.look(second)
        tally.advance(number, MIB if second < 15 else 2 * MIB)
    assert tally.bytes_per_second == 2 * MIB
    assert tally.seconds_left == (100 - 15 - 30) / 2
    assert lines_of(tally, 200, 24, UNICODE)[-1].endswith("2.0 MiB/s · 0:28 left")


def test_what_is_left_is_the_longer_of_bytes_and_files() -> None:
    tally = Tally(files=100, size=10)
    for second in range(5):
        tally.look(second)
        number = tally.begin("empty", 0)
        tally.advance(number, 2)
        tally.end(number)
    assert tally.seconds_left == 95.0


@pytest.mark.parametrize("width", [1, 2, 10, 40, 80, 300])
@pytest.mark.parametrize("height", [1, 2, 3, 5, 60])
def test_no_line_is_wider_and_no_picture_higher_than_the_terminal(width: int, height: int) -> None:
    tally = Tally(files=1000, size=None)
    for number in range(40):
        tally.begin(f"合同合同合同合同合同合同合同合同合同合同合同{number}\x1b[31m\n", None)
    lines = lines_of(tally, width, height, ASCII)
    assert len(lines) <= max(1, height - 1)
    assert all(sum(2 if ord(each) > 0x2000 else 1 for each in line) < max(width, 2) for line in lines)
    assert not any("\x1b" in line or "\n" in line for line in lines)


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert clipped("合同.pdf", 5) == "合同."
    assert clipped("e\u0301a", 1) == "e\u0301"


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 << 40, "5.0 TiB")])
def test_bytes_are_written_in_units(count: int, text: str) -> None:
    assert bytes_text(count) == text


async def test_nothing_is_shown_of_what_is_done_at_once(terminal: _Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    _become_stderr(terminal, monkeypatch)
    with progress() as shown:
        shown.expect(1)
        with shown.file("a", 1) as advance:
            advance(1)
    assert terminal.pictures == 0


@pytest.mark.parametrize("terminal", [0.02], indirect=True)
async def test_a_slow_terminal_is_drawn_to_less_often(terminal: _Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture of 20 ms is worth two seconds: the display takes a hundredth of the time, whatever the terminal."""
    _become_stderr(terminal, monkeypatch)
    with progress() as shown:
        shown.expect(100)
        with shown.file("a", None) as advance:
            ending = time.monotonic() + 0.4
            while time.monotonic() < ending:
                advance(1)
                await asyncio.sleep(0.001)
    assert terminal.pictures == 1


async def test_thousands_of_files_leave_nothing_behind_them(
    terminal: _Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    _become_stderr(terminal, monkeypatch)
    with progress() as shown:
        shown.expect(20_000, 20_000)
        for _ in range(20_000):
            with shown.file("a", 1) as advance:
                advance(1)
            await asyncio.sleep(0)
        tally = shown._tally  # type: ignore[attr-defined]  # noqa: SLF001 - what it keeps is the point
        assert (tally.files_done, tally.bytes_done, len(tally.running)) == (20_000, 20_000, 0)
        assert len(tally._past) < 200  # noqa: SLF001 - as above


@pytest.mark.parametrize("quiet", ["no terminal", "not wanted", "dumb"])
async def test_scripts_and_dumb_terminals_see_nothing(
    monkeypatch: pytest.MonkeyPatch, terminal: _Terminal, quiet: str
) -> None:
    monkeypatch.setenv("TERM", "dumb" if quiet == "dumb" else "xterm")
    if quiet == "no terminal":
        monkeypatch.setattr(sys, "stderr", io.StringIO())
    else:
        _become_stderr(terminal, monkeypatch)
    before = sys.stderr
    with progress(wanted=quiet != "not wanted") as shown:
        assert sys.stderr is before
        with shown.file("a", 1) as advance:
            advance(1)
    assert terminal.pictures == 0
