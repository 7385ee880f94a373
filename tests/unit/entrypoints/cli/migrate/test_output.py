"""What is told of single files, and what to do about those that were put aside."""

import json
from typing import Any

import pytest

from s3py_helper.application.migration.migration import Migration, MigrationStatus
from s3py_helper.application.ports.ledger import LedgerFile, Limits, Outcome, Tally
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState, Level, Route
from s3py_helper.entrypoints.cli.migration.output import Output, counts, states_of, table
from tests.support.migration.commands import Operator

ID = FileId.parse("group1/M00/00/00/a.txt")
ROW = LedgerFile(
    ID, FileKind.NORMAL, FileState.COPYING, 1, size=7, crc32=0xAB, attempts=2, key="before", level=Level.LISTED,
    proof="crc32:id",
)  # fmt: skip
TOLD: dict[str, Any] = {
    "type": "file", "schema": 1, "id": str(ID), "reason": None, "level": None, "proof": None, "size": 7,
    "checksum": "crc32:000000ab", "key": None, "attempts": 3,
}  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "each", "told", "said"),
    [
        (Outcome(ID, 1, FileState.COPIED), False, None, ""),
        (Outcome(ID, 1, FileState.COPIED), True, TOLD | {"state": "copied"}, ""),
        (
            Outcome(ID, 1, FileState.COPIED, size=9, crc32=0xCD, key="k", proof="two-reads", level=Level.CHECKSUM),
            True,
            TOLD | {
                "state": "copied", "size": 9, "checksum": "crc32:000000cd", "key": "k", "proof": "two-reads",
                "level": "checksum",
            }, "",
        ),
        (
            Outcome(ID, 1, FileState.COPIED, size=0, crc32=0), True,
            TOLD | {"state": "copied", "size": 0, "checksum": "crc32:00000000"}, "",
        ),
        (
            Outcome(ID, 1, FileState.PLANNED, "unavailable: é", failed=True), False,
            TOLD | {"state": "planned", "reason": "unavailable: é"}, "",
        ),
        (
            Outcome(ID, 1, FileState.QUARANTINED, "corrupt: odd"), False,
            TOLD | {"state": "quarantined", "reason": "corrupt: odd"}, f"{ID}: quarantined, corrupt: odd\n",
        ),
        (Outcome(ID, 1, FileState.GONE), False, None, ""),
    ],
)  # fmt: skip
def test_an_outcome_is_told_of_where_it_is_wanted_or_bad(
    capsys: pytest.CaptureFixture[str], outcome: Outcome, each: bool, told: dict[str, Any] | None, said: str
) -> None:
    Output("apply", as_json=True, each=each).outcome(ROW, outcome)
    out = capsys.readouterr().out
    assert ([json.loads(line) for line in out.splitlines()], "\\u" in out) == ([] if told is None else [told], False)
    Output("apply", as_json=False, each=each).outcome(ROW, outcome)
    assert capsys.readouterr().out == said


def test_a_file_of_the_ledger_is_told_as_it_is_or_as_it_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output("verify", as_json=True, each=False)
    output.file(ROW)
    output.file(ROW, state=FileState.VERIFIED, level=Level.READ, reason="r")
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    kept = TOLD | {"key": "before", "attempts": 2, "proof": "crc32:id"}
    assert first == kept | {"state": "copying", "level": "listed"}
    assert second == kept | {"state": "verified", "level": "read", "reason": "r"}


def status_of(*tallies: Tally, reasons: Any = ()) -> MigrationStatus:
    return MigrationStatus(tallies, {"b": Route.S3_FIRST}, Limits(), [], reasons)


def test_files_are_counted_by_state_and_by_group() -> None:
    status = status_of(
        Tally("b", FileState.COPIED, 1, 10), Tally("a", FileState.PLANNED, 2, 20), Tally("b", FileState.PLANNED, 3, 30)
    )
    assert counts(status) == "5 planned, 1 copied"
    assert counts(status_of()) == "nothing"
    assert states_of(status) == {"planned": {"files": 5, "bytes": 50}, "copied": {"files": 1, "bytes": 10}}
    assert table(status).splitlines() == [
        "a                fastdfs  planned                      2 files                 20 bytes",
        "b                s3-first copied                       1 files                 10 bytes",
        "b                s3-first planned                      3 files                 30 bytes",
    ]


@pytest.mark.parametrize(
    ("code", "following"),
    [
        ("conflict", "look at the object; remove it if nobody needs it, then: s3py migrate errors --retry"),
        ("corrupt", "restore the file on a storage server, then: s3py migrate errors --retry"),
        ("missing", "s3py migrate missing --keep, or --delete"),
        (
            "unservable",
            "copy it from the disk of its storage server; then accept it: s3py migrate route --accept-quarantine",
        ),
        ("denied", "s3py migrate errors --retry"),
    ],
)
def test_each_reason_comes_with_what_to_type_next(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, code: str, following: str
) -> None:
    async def status(_migration: Migration) -> MigrationStatus:
        return status_of(reasons=[(code, 7, [ID])])

    monkeypatch.setattr(Migration, "status", status)
    assert operator.types("errors").out == f"{code}: 7\n    {ID}\n    next: {following}\n"
