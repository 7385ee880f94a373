"""How copying goes, while it does."""

import sys
import time
from contextlib import suppress
from typing import Final

from s3py_helper.application.migration.applying import ApplyProgress
from s3py_helper.application.migration.migration import Migration
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.migration import FileState
from s3py_helper.entrypoints.cli.migration.output import Output, size_text, time_text

_COUNTED_SECONDS: Final = 30.0
"""Seconds for which the total holds: plans may add to it, and counting a large ledger takes a while."""

_SECONDS: Final = 2.0
_SECONDS_OF_LOGS: Final = 10.0


class ProgressDisplay:
    """One line that is written over on a terminal, a line each ten seconds elsewhere, an object for programs.

    Args:
        migration: Is asked for the total.
        progress: How it goes.
        output: Takes objects for programs.
    """

    def __init__(self, migration: Migration, progress: ApplyProgress, output: Output) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._migration = migration
        self._progress = progress
        self._output = output
        self._began = time.monotonic()
        self._total = (0, 0)
        self._counted_at = float("-inf")
        self._last = (self._began, 0, 0)

    @property
    def seconds(self) -> float:
        """How often it is to be shown."""
        return _SECONDS if self._on_terminal or self._output.as_json else _SECONDS_OF_LOGS

    async def show(self) -> None:
        """Show how it is now."""
        with suppress(StorageException):  # what copies waits for its ledger; the last count serves meanwhile
            await self._count()
        now, done = time.monotonic(), self._progress
        since, files_then, bytes_then = self._last
        # Of a file that is whole there are no parts under way, some moments before it counts as copied.
        bytes_done = max(bytes_then, done.bytes + done.arrived())
        self._last = (now, done.copied, bytes_done)
        files_now = (done.copied - files_then) / (now - since)
        bytes_now = (bytes_done - bytes_then) / (now - since)
        files_total, bytes_total = self._total
        left = self._left(now - self._began, bytes_done)
        oldest, began = min(done.running.items(), key=lambda item: item[1], default=(None, 0.0))
        self._output.emit(
            "progress",
            files_done=done.copied,
            files_total=files_total,
            bytes_done=bytes_done,
            bytes_total=bytes_total,
            files_per_s=round(files_now, 1),
            bytes_per_s=round(bytes_now),
            eta_s=None if left is None else round(left),
            errors=done.failed,
            limited_by=done.limited_by,
            oldest=None if oldest is None else str(oldest),
        )
        if self._output.as_json:
            return
        average = done.copied / (now - self._began)
        text = (
            f"{done.copied}/{files_total} files, {size_text(bytes_done)}/{size_text(bytes_total)}; "
            f"{files_now:.0f} files/s and {size_text(bytes_now)}/s now, {average:.0f} files/s on average; "
            f"{'?' if left is None else time_text(left)} left; {done.failed} errors"
        )
        if done.limited_by is not None:
            text += f"; limited by {done.limited_by}"
        if oldest is not None:
            text += f"; {oldest} for {max(0.0, time.time() - began):.0f} s"
        sys.stderr.write(f"\r\x1b[K{text}" if self._on_terminal else f"{text}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """What follows begins on a line of its own."""
        if self._on_terminal and not self._output.as_json and self._last[0] != self._began:
            sys.stderr.write("\n")

    def _left(self, seconds: float, bytes_done: int) -> float | None:
        """By files and by bytes; the worse of the two."""
        rates = [(self._total[0], self._progress.copied), (self._total[1], bytes_done)]
        return max((seconds * (total - so_far) / so_far for total, so_far in rates if so_far), default=None)

    async def _count(self) -> None:
        """What is done here, and what is left to whom ever."""
        now = time.monotonic()
        if now - self._counted_at < _COUNTED_SECONDS:
            return
        tallies = await self._migration.ledger.tallies()
        left = [tally for tally in tallies if tally.state in {FileState.PLANNED, FileState.COPYING}]
        self._total = (
            self._progress.copied + sum(tally.files for tally in left),
            self._progress.bytes + sum(tally.bytes for tally in left),
        )
        self._counted_at = now
