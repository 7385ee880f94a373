"""What the commands of `s3py migrate` write: lines for people, or one JSON object a line."""

import json
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from s3py_helper.application.migration.migration import MigrationStatus
from s3py_helper.application.ports.ledger import LedgerFile, Outcome
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.migration import FileState, Level, Route
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.output import write_line

_SCHEMA: Final = 1
"""Of the objects that `--json` writes: grows when a field changes its meaning."""


class Output:
    """What one command writes.

    Args:
        verb: The command.
        as_json: Whether programs read it.
        each: Whether there is a line for every file, not only for failures.
    """

    def __init__(self, verb: str, *, as_json: bool, each: bool) -> None:
        self.as_json = as_json
        self.each = each
        self._verb = verb
        self._began = monotonic()
        self._summary: dict[str, object] = {}

    def say(self, text: str) -> None:
        """A line for people; programs get their facts otherwise."""
        if not self.as_json:
            write_line(text)

    def emit(self, kind: str, **facts: object) -> None:
        """An object for programs."""
        if self.as_json:
            write_line(json.dumps({"type": kind, "schema": _SCHEMA, **facts}, ensure_ascii=False, default=str))

    def summarize(self, status: MigrationStatus | None = None, **facts: object) -> None:
        """What the summary is to say."""
        if status is not None:
            self._summary |= {
                "states": states_of(status),
                "listing_complete": status.listing_complete,
                "unverified": status.files_in(FileState.COPIED),
                "quarantined": status.files_in(FileState.QUARANTINED),
                "unplannable": status.unplannable,
            }
        self._summary |= facts

    def end(self, code: ExitCode) -> None:
        """The last line."""
        seconds = round(monotonic() - self._began, 3)
        at = datetime.now(UTC).isoformat()
        self.emit("summary", verb=self._verb, exit_code=int(code), at=at, seconds=seconds, **self._summary)

    def outcome(self, file: LedgerFile, outcome: Outcome) -> None:
        """What became of a file that was copied, or was not."""
        failed = outcome.state in {FileState.QUARANTINED, FileState.PLANNED}
        if self.each or failed:
            self.emit(
                "file",
                id=str(file.file_id),
                state=outcome.state,
                reason=outcome.reason,
                level=outcome.level,
                proof=outcome.proof,
                size=outcome.size if outcome.size is not None else file.size,
                checksum=_checksum(outcome.crc32 if outcome.crc32 is not None else file.crc32),
                key=outcome.key,
                attempts=file.attempts + 1,
            )
        if outcome.state is FileState.QUARANTINED:
            self.say(f"{file.file_id}: quarantined, {outcome.reason}")

    def file(
        self, file: LedgerFile, *, state: FileState | None = None, level: Level | None = None, reason: str | None = None
    ) -> None:
        """A file of the ledger that was looked at."""
        self.emit(
            "file",
            id=str(file.file_id),
            state=state or file.state,
            reason=reason,
            level=level or file.level,
            proof=file.proof,
            size=file.size,
            checksum=_checksum(file.crc32),
            key=file.key,
            attempts=file.attempts,
        )

    def unplannable(self, source: str, line: int, reason: str) -> None:
        """A line of a list that is no id."""
        unknown = dict.fromkeys(("level", "proof", "size", "checksum", "key"))
        self.emit("file", id=None, state="unplannable", reason=reason, **unknown, attempts=0, source=source, line=line)


def states_of(status: MigrationStatus) -> dict[str, dict[str, int]]:
    """Files and bytes by state, those that there are."""
    return {
        str(state): {
            "files": status.files_in(state),
            "bytes": sum(tally.bytes for tally in status.tallies if tally.state is state),
        }
        for state in FileState
        if status.files_in(state)
    }


def counts(status: MigrationStatus) -> str:
    """Files by state, on one line."""
    return ", ".join(f"{status.files_in(state)} {state}" for state in FileState if status.files_in(state)) or "nothing"


def table(status: MigrationStatus) -> str:
    """Files and bytes by group and state."""
    lines = [
        f"{tally.group:16} {status.routes.get(tally.group, Route.FASTDFS):8} {tally.state:17} {tally.files:12} files "
        f"{tally.bytes:18} bytes"
        for tally in sorted(status.tallies, key=lambda tally: (tally.group, tally.state))
    ]
    return "\n".join(lines) or "the ledger is empty: s3py migrate plan"


def size_text(size: float) -> str:
    """A number of bytes, for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:  # noqa: PLR2004 - what the units mean
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def time_text(seconds: float) -> str:
    """So much time, for people."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _checksum(crc32: int | None) -> str | None:
    return None if crc32 is None else str(Checksum.crc32(crc32))
