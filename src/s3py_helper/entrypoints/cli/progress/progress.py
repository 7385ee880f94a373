"""What commands tell of their files, and the lines at the foot of the terminal that show it."""

import asyncio
import os
import select
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, TextIO, cast, override

from s3py_helper.entrypoints.cli.progress.lines import ASCII, UNICODE, Marks, lines_of
from s3py_helper.entrypoints.cli.progress.tally import Tally

type Advance = Callable[[int], None]
"""Report that many more bytes as done."""

_INTERVAL: Final = 0.1
"""Seconds between two pictures, at the least."""

_SHARE: Final = 0.01
"""The part of the time that drawing may take: after a picture that took long, the next one is later."""

_ERASE: Final = "\x1b[J"
_LINE_UP: Final = "\x1b[1A"


class Progress:
    """Shows nothing: what commands tell when nobody looks."""

    def expect(self, files: int | None, size: int | None = None) -> None:
        """How many files will come, and their bytes in all, where known."""

    @contextmanager
    def file(self, name: str, size: int | None) -> Generator[Advance]:  # noqa: ARG002 - those who show them override it
        """A file under way inside the block, with its number of bytes where known."""
        yield _nothing


@contextmanager
def progress(*, wanted: bool = True) -> Generator[Progress]:
    """Lines on standard error while it is a terminal that can take them back."""
    if not wanted or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield Progress()
        return
    shown = _ShownProgress(sys.stderr)
    stdout, stderr = sys.stdout, sys.stderr
    # Results and messages that share the terminal go above the lines.
    sys.stderr = cast("TextIO", _Above(stderr, shown))
    if stdout.isatty():
        sys.stdout = cast("TextIO", _Above(stdout, shown))
    try:
        yield shown
    finally:
        sys.stdout, sys.stderr = stdout, stderr
        shown.close()


class _ShownProgress(Progress):
    """Draws in the event loop, now and then. Files and bytes only count: they cost the same however many there are."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._marks = _marks_of(terminal)
        self._tally = Tally()
        self._drawn = 0
        self._timer = self._later(2 * _INTERVAL)

    @override
    def expect(self, files: int | None, size: int | None = None) -> None:
        self._tally.files, self._tally.size = files, size

    @override
    @contextmanager
    def file(self, name: str, size: int | None) -> Generator[Advance]:
        tally = self._tally
        number = tally.begin(name, size)
        try:
            yield lambda count: tally.advance(number, count)
        finally:
            tally.end(number)

    def erase(self) -> None:
        """Take the lines away until the next picture."""
        if self._drawn:
            self._write(self._taken_back())
            self._drawn = 0

    def close(self) -> None:
        """Take the lines away for good."""
        self._timer.cancel()
        self.erase()

    def _draw(self) -> None:
        begun = time.perf_counter()
        self._tally.look(begun)
        # A terminal that is held (Ctrl-S) or full would hold the transfers as well.
        if select.select([], [self._terminal], [], 0)[1]:
            size = os.get_terminal_size(self._terminal.fileno())
            # A terminal that was never told its size says 0.
            lines = lines_of(self._tally, size.columns or 80, size.lines or 24, self._marks)
            self._write(self._taken_back() + "\n".join(lines))
            self._drawn = len(lines)
        took = time.perf_counter() - begun
        self._timer = self._later(max(_INTERVAL, took / _SHARE))

    def _taken_back(self) -> str:
        return "" if not self._drawn else f"\r{_LINE_UP * (self._drawn - 1)}{_ERASE}"

    def _write(self, text: str) -> None:
        self._terminal.write(text)
        self._terminal.flush()

    def _later(self, seconds: float) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, self._draw)


class _Above:
    """A stream that shares the terminal with the lines: they make way for what is written."""

    def __init__(self, stream: TextIO, shown: _ShownProgress) -> None:
        self._stream = stream
        self._shown = shown

    def write(self, text: str) -> int:
        self._shown.erase()
        return self._stream.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _marks_of(terminal: TextIO) -> Marks:
    try:
        f"{UNICODE.done}{UNICODE.rest}{UNICODE.between}".encode(terminal.encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def _nothing(_count: int) -> None:
    """Nobody looks."""
