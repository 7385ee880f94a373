"""What operators and their programs read at each step, whole, and with which code the step ends."""

import asyncio
import hashlib
import json
import os
import re
import signal
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.applying import Applier
from s3py_helper.domain.errors import AccessDeniedException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import moved_key
from tests.support.migration.commands import NoShards, Operator
from tests.support.migration.in_memory import ABLE, FIRST, SECOND, id_of

pytestmark = pytest.mark.timeout(30)

SMALL, LARGE = b"content", bytes(5000)
ONE, TWO, OTHER = id_of(SMALL), id_of(LARGE, 1), id_of(SMALL, 2, group="group2")
GONE = id_of(b"gone", 9)
KEYS = {file_id: moved_key("moved/", file_id) for file_id in (ONE, TWO, OTHER)}
NO_LIMITS = {"bytes_per_second": None, "files_per_second": None, "concurrency": None, "paused": False}


@pytest.fixture
def files(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """An operator with three files, whose ledger has as much room as everywhere."""

    async def room(_ledger: SqliteLedger) -> int:
        return 2 << 30

    monkeypatch.setattr(SqliteLedger, "room", room)
    operator.source.add(SMALL)
    operator.source.add(LARGE, 1)
    operator.source.add(SMALL, file_id=OTHER)
    return operator


@pytest.fixture
def copied(files: Operator) -> Operator:
    files.does("plan")
    files.does("apply")
    return files


@pytest.fixture
def verified(copied: Operator) -> Operator:
    copied.does("verify")
    return copied


def summary(
    verb: str, states: dict[str, tuple[int, int]], *, code: int = 0, complete: bool = True, **more: object
) -> dict[str, Any]:
    """The last line of a command, for programs."""
    counted = {name: {"files": count, "bytes": size} for name, (count, size) in states.items()}
    return {
        "type": "summary", "schema": 1, "verb": verb, "exit_code": code, "states": counted,
        "listing_complete": complete, "unverified": states.get("copied", (0, 0))[0],
        "quarantined": states.get("quarantined", (0, 0))[0], "unplannable": 0, **more,
    }  # fmt: skip


def line_of(file_id: FileId, content: bytes, state: str, *, attempts: int = 0, **more: object) -> dict[str, Any]:
    """The line of a file that was copied, for programs."""
    crc32 = {SMALL: "fec530a9", LARGE: "d8e50ea8"}[content]
    return {
        "type": "file", "schema": 1, "id": str(file_id), "state": state, "reason": None, "level": None,
        "proof": "crc32:id", "size": len(content), "checksum": f"crc32:{crc32}", "key": KEYS[file_id],
        "attempts": attempts, **more,
    }  # fmt: skip


def by_id(objects: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Files that are copied side by side come in any order."""
    return [*sorted(objects[:-1], key=lambda each: str(each["id"])), objects[-1]]


def change(operator: Operator, statement: str) -> None:
    """Alter the ledger behind the kit's back."""
    with closing(sqlite3.connect(operator.path)) as connection, connection:
        connection.execute(statement)


def test_a_preflight_says_what_is_to_be_mended(files: Operator) -> None:
    looks = [
        ("clock", "warning", "is N s ahead of the trackers'", "let both hosts follow one source of time"),
        (f"group1 {FIRST}", "fine", "version 6.12.2, 2 files", ""),
        (f"group1 {SECOND}", "fine", "version 6.12.2, 0 files", ""),
        ("group1 listing", "fine", "all servers can be listed", ""),
        (f"group2 {FIRST}", "fine", "version 6.12.2, 1 files", ""),
        ("group2 listing", "fine", "all servers can be listed", ""),
        ("ledger room", "fine", "2048 MiB are free", ""),
        ("target: write and delete", "gate", "does not work", "grant PutObject, GetObject and DeleteObject"),
        ("target: a missing object shows as NoSuchKey", "fine", "works", ""),
        ("target: checks CRC-32", "fine", "works", ""),
        ("target: checks the CRC-32 of a whole multipart upload", "fine", "works", ""),
        ("target: refuses to overwrite (If-None-Match)", "fine", "works", ""),
    ]
    text = "".join(
        f"{verdict:8} {subject}: {says}\n" + (f"         {mend}\n" if mend else "")
        for subject, verdict, says, mend in looks
    )
    files.target.abilities = replace(ABLE, writable=False)
    typed = files.types("preflight")
    assert (typed.code, typed.err) == (4, "")
    assert re.sub(r"\d+ s ahead", "N s ahead", typed.out) == text
    *findings, last = files.types("preflight", "--json").objects
    findings[0]["says"] = re.sub(r"\d+ s ahead", "N s ahead", findings[0]["says"])
    assert findings == [
        {"type": "finding", "schema": 1, "subject": subject, "verdict": verdict, "says": says, "mend": mend}
        for subject, verdict, says, mend in looks
    ]
    assert last == summary("preflight", {}, code=4, complete=False, gates=1)
    files.target.abilities = ABLE
    assert files.types("preflight").code == 0


PLAN = """\
unplannable: -:2: rubbish: invalid file id 'rubbish': it names no file after the group
3 files found, 4 of them new; 1 ids that no server has
group1: 2 files fewer than its servers count: see docs/leaving-fastdfs.md
group2: 1 files more than its servers count, which is no harm
to copy: 3 files, 4.9 KiB (3 normal)
  up to 4.0 KiB                 2 files         14 B
  up to 64.0 KiB                1 files      4.9 KiB
left out: 1 gone normal
requests: about 3 PUT, 6 HEAD, 1 LIST; time: about 0 s
group1           fastdfs  gone                         1 files                  0 bytes
group1           fastdfs  planned                      2 files               5007 bytes
group2           fastdfs  planned                      1 files                  7 bytes
"""


def test_a_plan_says_what_it_found(files: Operator) -> None:
    files.source.counted = {"group1": 4, "group2": 0}
    listed = ["plan", "--from", "cluster", "--from-ids", "-"]
    typed = files.types(*listed, stdin=f"{ONE}\nrubbish\n{GONE}\n")
    assert (typed.code, typed.out, typed.err) == (4, PLAN, "")
    unplannable, last = files.types(*listed, "--json", stdin=f"{ONE}\nrubbish\n{GONE}\n").objects
    assert unplannable == {
        "type": "file", "schema": 1, "id": None, "state": "unplannable", "level": None, "proof": None, "size": None,
        "reason": "rubbish: invalid file id 'rubbish': it names no file after the group", "checksum": None,
        "key": None, "attempts": 0, "source": "-", "line": 2,
    }  # fmt: skip
    outline = last.pop("outline")
    states = {"planned": (3, 5014), "gone": (1, 0)}
    facts = {"found": 3, "new": 0, "gone": 1, "missing": 0, "unconfirmed": 0, "restricted": False, "incomplete": []}
    expected = summary("plan", states, code=4, complete=False, **facts)
    assert last == {**expected, "unplannable": 1, "shortages": {"group1": 2}, "surpluses": {"group2": 1}}
    assert (outline["files"], outline["bytes"], outline["sizes"][:2]) == (3, 5014, [[4096, 2, 14], [65536, 1, 5000]])


def test_a_plan_tells_what_it_could_not_find_out(files: Operator) -> None:
    files.source.broken[FIRST] = AccessDeniedException("no listing for you")
    files.source.silent.add(ONE)
    typed = files.types("plan", "--from", "cluster", "--from-ids", "-", stdin=f"{ONE}\n" + "rubbish\n" * 21)
    assert typed.code == 4
    assert typed.out.count("unplannable: -:") == 20
    assert "  of unknown size               1 files\n" in typed.out
    assert "1 ids whose servers are out of reach: planned, and looked at again when copied\n" in typed.out
    assert f"not whole: {FIRST}/M00: no listing for you\n" in typed.out
    files.source.broken.clear()
    assert files.types("plan", "--from-ids", "-", stdin=f"{ONE}\n").code == 5
    assert files.types("plan", "--from-ids", "-", stdin=f"{TWO}\nrubbish\n").code == 3


def test_a_plan_of_what_is_copied(copied: Operator) -> None:
    del copied.source.files[ONE]
    typed = copied.types("plan")
    assert (typed.code, typed.out) == (0, (
        "2 files found, 0 of them new; 0 ids that no server has\n"
        "1 files have a copy but are missing at their source: s3py migrate missing\n"
        "nothing is left to copy\n"
        "group1           fastdfs  copied                       1 files               5000 bytes\n"
        "group1           fastdfs  missing-at-source            1 files                  7 bytes\n"
        "group2           fastdfs  copied                       1 files                  7 bytes\n"
    ))  # fmt: skip


@pytest.mark.parametrize("verb", ["apply", "worker"])
def test_copies_are_told_of_where_each_is_wanted(files: Operator, verb: str) -> None:
    files.does("plan")
    *group1, last = files.types(verb, "--json", "--each", "--group", "group1").objects
    assert by_id([*group1, last])[:-1] == [
        line_of(ONE, SMALL, "copied", attempts=1), line_of(TWO, LARGE, "copied", attempts=1),
    ]  # fmt: skip
    assert last == summary(verb, {"planned": (1, 7), "copied": (2, 5007)})
    typed = files.types(verb)
    assert (typed.code, typed.out, typed.err) == (0, "1 files copied, 7 bytes; 3 copied\n", "")
    assert files.types(verb, "--json").objects == [summary(verb, {"copied": (3, 5014)})]


def test_what_cannot_be_copied_is_told_of_always(files: Operator) -> None:
    files.does("plan")
    files.source.files[ONE].content = b"CONTENT"
    files.source.files[OTHER].content = b"CONTENT"
    *failed, last = by_id(files.types("apply", "--json").objects)
    told = [{key: each[key] for key in ("id", "state", "size", "key", "attempts")} for each in failed]
    assert told == [
        {"id": str(each), "state": "quarantined", "size": 7, "key": None, "attempts": 1} for each in (ONE, OTHER)
    ]
    assert last == summary("apply", {"copied": (1, 5000), "quarantined": (2, 14)}, code=3)
    typed = files.types("errors")
    following = "    next: restore the file on a storage server, then: s3py migrate errors --retry\n"
    assert typed.out == f"corrupt: 2\n    {ONE}\n    {OTHER}\n{following}"
    error, last = files.types("errors", "--json").objects
    assert error == {
        "type": "error", "schema": 1, "code": "corrupt", "count": 2, "samples": [str(ONE), str(OTHER)],
        "next": "restore the file on a storage server, then: s3py migrate errors --retry",
    }  # fmt: skip
    assert last == summary("errors", {"copied": (1, 5000), "quarantined": (2, 14)}, planned_again=0)
    assert files.types("errors", "--retry").out.endswith("2 files are planned again\n")
    typed = files.types("apply")
    assert typed.code == 3
    assert f"{ONE}: quarantined, {failed[0]['reason']}\n" in typed.out
    files.does("errors", "--retry")
    assert files.types("errors").out == "no file is put aside\n"


def test_copies_are_verified(copied: Operator) -> None:
    levels = {"listed": 0, "checksum": 2, "read": 1}
    copied.target.objects["moved/fastdfs/group1/M00/00/stranger"] = copied.target.objects[KEYS[ONE]]
    copied.types("verify", "--all", "--group", "group2")
    *each, last = copied.types("verify", "--json", "--each", "--group", "group1").objects
    assert each == [
        line_of(ONE, SMALL, "verified", level="checksum"), line_of(TWO, LARGE, "verified", level="checksum"),
    ]  # fmt: skip
    expected = summary("verify", {"verified": (3, 5014)}, failed=0, strangers=1)
    assert last == expected | {"levels": levels | {"read": 0}}
    assert copied.types("verify", "--json").objects == [expected | {"levels": levels | {"checksum": 3, "read": 0}}]
    typed = copied.types("verify")
    assert (typed.code, typed.out) == (
        0, "0 listed, 3 checksum, 0 read; 0 failed, 1 objects of nobody\n3 verified\n"
    )  # fmt: skip


def test_a_copy_that_is_lost_is_told_of(copied: Operator) -> None:
    del copied.target.objects[KEYS[TWO]]
    *failed, last = copied.types("verify", "--json", "--group", "group1").objects
    assert failed == [line_of(TWO, LARGE, "copied", reason="its object is not listed")]
    levels = {"listed": 0, "checksum": 1, "read": 0}
    states = {"planned": (1, 5000), "copied": (1, 7), "verified": (1, 7)}
    expected = summary("verify", states, code=3, failed=1, strangers=0, levels=levels)
    assert last == expected | {"unverified": 0}, "of the group"
    del copied.target.objects[KEYS[ONE]]
    lost = f"{ONE}: its object is not listed\n0 listed, 1 checksum, 0 read; 1 failed, 0 objects of nobody\n"
    typed = copied.types("verify")
    assert (typed.code, typed.out) == (3, f"{lost}2 planned, 1 verified\n")


def test_a_route_is_told_of(verified: Operator) -> None:
    typed = verified.types("route", "group1", "s3-only")
    assert (typed.code, typed.out) == (0, "group1: s3-only\n")
    expected = summary("route", {"verified": (3, 5014)}, group="group2", route="s3-first")
    assert verified.types("route", "group2", "s3-first", "--json").objects == [expected]
    assert verified.types("status").out == (
        "group1           s3-only  verified                     2 files               5007 bytes\n"
        "group2           s3-first verified                     1 files                  7 bytes\n"
    )


def test_a_drain_tells_what_it_keeps(verified: Operator) -> None:
    verified.does("route", "group1", "s3-only")
    verified.does("route", "group2", "s3-only")
    drain = ["drain", "--yes", "--older-than"]
    typed = verified.types(*drain, "1d")
    assert (typed.code, typed.out) == (0, "0 files deleted at the source, 3 are too young\n")
    change(verified, "update file set verified_at = 1")
    verified.source.silent.add(ONE)
    why = "it is not deleted yet: nobody answers"
    kept, last = verified.types(*drain, "0s", "--json").objects
    assert kept == line_of(ONE, SMALL, kept["state"], reason=why, level="checksum")
    facts = {"drained": 2, "bytes": 5007, "kept": 1, "too_young": 0}
    assert (last["exit_code"], {name: last[name] for name in facts}) == (3, facts)
    typed = verified.types(*drain, "0s")
    assert (typed.code, typed.out) == (3, f"{ONE}: kept, {why}\n0 files deleted at the source, 0 are too young\n")
    verified.source.silent.clear()
    typed = verified.types(*drain, "0s")
    assert (typed.code, typed.out) == (0, "1 files deleted at the source, 0 are too young\n")


def test_what_is_missing_is_shown_and_decided_about(operator: Operator) -> None:
    ids = sorted(str(operator.source.add(SMALL, number)) for number in range(12))
    operator.does("plan")
    operator.does("apply")
    operator.source.files.clear()
    there = operator.source.add(LARGE, 1)
    operator.does("plan")
    operator.does("apply")
    shown = "".join(f"    {each}\n" for each in ids[:10])
    typed = operator.types("missing")
    assert (typed.code, typed.out) == (0, f"12 files are missing at their source\n{shown}")
    *each, last = operator.types("missing", "--json").objects
    assert [one["id"] for one in each] == ids
    assert {one["reason"] for one in each} == {"missing: its source no longer has it"}
    assert last == summary("missing", {"copied": (1, 5000), "missing-at-source": (12, 84)}, missing=12, decided=0)
    Path("ids.txt").write_text(f"{ids[3]}\n\n  {ids[4]}  \n", "utf-8")
    assert operator.types("missing", "--keep", "ids.txt").out == (
        f"12 files are missing at their source\n{shown}2 kept\n"
    )
    *_, last = operator.types("missing", "--delete", "--json").objects
    assert last == summary(
        "missing", {"copied": (1, 5000), "drained": (2, 14), "deleted": (10, 70)}, missing=10, decided=10
    )
    assert set(operator.source.files) == {there}


def test_limits_are_shown_by_all_who_change_them(files: Operator) -> None:
    typed = files.types("limits", "--rate-bytes", "100", "--concurrency", "3")
    assert (typed.code, typed.out) == (
        0, "bytes per second: 100\nfiles per second: none\nconcurrency: 3\npaused: False\n"
    )  # fmt: skip
    assert files.types("status").out == (
        "the ledger is empty: s3py migrate plan\nlimits: bytes per second 100, concurrency 3\n"
    )
    limits = {"bytes_per_second": 100, "files_per_second": 7, "concurrency": None, "paused": False}
    summary_of = {"type": "summary", "schema": 1, "exit_code": 0}
    assert files.types("limits", "--rate-files", "7", "--concurrency", "0", "--json").objects == [
        {**summary_of, "verb": "limits", "limits": limits}
    ]
    [told] = files.types("pause", "--json").objects
    assert told == {**summary_of, "verb": "pause", "limits": limits | {"paused": True}}
    assert files.types("status", "--json").objects == [
        summary("status", {}, complete=False, routes={}, limits=limits | {"paused": True})
    ]
    assert "paused: False\n" in files.types("resume").out


def test_a_status_is_shown_again_and_again(files: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    async def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    typed = files.types("status", "--watch", "--json")
    monkeypatch.undo()
    assert typed.code == 143
    assert set(looks[:3]) == {2.0}
    each = summary("status", {}, complete=False, routes={}, limits=NO_LIMITS)
    *shown, last = typed.objects
    assert shown[:3] == [each] * 3
    assert last == each | {"exit_code": 143}


def test_all_of_it_in_one_command(files: Operator) -> None:
    typed = files.types("run")
    assert typed.code == 0
    assert typed.out.startswith("3 files found, 0 of them new; 0 ids that no server has\nnothing is left to copy\n")
    assert typed.out.endswith(
        "group2           fastdfs  verified                     1 files                  7 bytes\n"
    )
    files.source.add(b"new", 7)
    *copies, last = files.types("run", "--json", "--each").objects
    assert [each["id"] for each in copies] == [str(id_of(b"new", 7))]
    assert (last["verb"], last["listing_complete"], last["states"]) == (
        "run", True, {"verified": {"files": 4, "bytes": 5017}}
    )  # fmt: skip


def test_a_report_tells_everything(verified: Operator) -> None:
    verified.does("route", "group1", "s3-only")
    typed = verified.types("report", "-o", "deep/er")
    assert (typed.code, typed.out) == (0, "deep/er/report.json\ndeep/er/report.html\n")
    [last] = verified.types("report", "--output", "deep/er", "--json").objects
    assert last == summary("report", {"verified": (3, 5014)}, files=["deep/er/report.json", "deep/er/report.html"])
    facts = json.loads(Path("deep/er/report.json").read_text("utf-8"))
    lines = "".join(f"{each}\t{size}\t{crc}\t{KEYS[each]}\n" for each, size, crc in (
        (ONE, 7, 0xFEC530A9), (TWO, 5000, 0xD8E50EA8), (OTHER, 7, 0xFEC530A9),
    ))  # fmt: skip
    assert facts.pop("made_at").endswith("+00:00")
    assert facts.pop("made_by").startswith("s3py-helper ")
    events = facts.pop("events")
    assert [each["event"] for each in events][:4] == ["route", "verify", "apply", "target"]
    assert all(each["at"].endswith("+00:00") for each in events)
    for source in facts["sources"]:
        assert isinstance(source.pop("scanned_at"), int)
    assert facts == {
        "counts": [
            {"group": "group1", "state": "verified", "files": 2, "bytes": 5007},
            {"group": "group2", "state": "verified", "files": 1, "bytes": 7},
        ],
        "routes": {"group1": "s3-only"},
        "target": asdict(ABLE),
        "servers": {},
        "proofs": {"crc32:id": 3},
        "sha256_of_lists": {"verified": hashlib.sha256(lines.encode()).hexdigest()},
        "sources": [
            {"name": f"{FIRST}/M00", "group": "group2", "files": 1, "complete": True},
            {"name": f"{SECOND}/M00", "group": "group1", "files": 2, "complete": True},
        ],
        "reasons": [],
    }  # fmt: skip
    page = Path("deep/er/report.html").read_text("utf-8")
    assert "<h2>routes</h2><table><tr><th>name</th><th>value</th></tr><tr><td>group1</td><td>s3-only</td></tr>" in page
    assert "<h2>counts</h2><table><tr><th>group</th><th>state</th><th>files</th><th>bytes</th></tr>" in page
    assert "<h2>sha256 of lists</h2>" in page
    assert "<h2>reasons</h2>" not in page
    assert "<h2>servers</h2>" not in page
    assert "{&#x27;" in page, "facts are escaped"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("verb", ["apply", "worker", "run"])
def test_a_signal_lets_the_files_at_hand_be_finished(
    files: Operator, monkeypatch: pytest.MonkeyPatch, verb: str, number: int, code: int
) -> None:
    files.does("plan")
    apply = Applier.apply

    async def interrupted(applier: Applier, *given: Any) -> Any:
        os.kill(os.getpid(), number)
        return await apply(applier, *given)

    monkeypatch.setattr(Applier, "apply", interrupted)
    typed = files.types(verb, "--concurrency", "1") if verb != "run" else files.types(verb)
    assert typed.code == code


def test_a_supervisor_tells_how_many_shards_it_has_put(files: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    files.queue = NoShards()
    typed = files.types("supervisor")
    assert (typed.code, typed.out) == (0, "0 shards put into the queue\n")
    files.does("plan")

    async def waiting_shards(_ledger: SqliteLedger, group: str | None) -> list[int]:
        os.kill(os.getpid(), signal.SIGINT)
        return [7, 9]

    monkeypatch.setattr(SqliteLedger, "waiting_shards", waiting_shards)
    typed = files.types("supervisor", "--json", "--watch")
    assert typed.code == 130
    assert typed.objects == [summary("supervisor", {"planned": (3, 5014)}, code=130, shards_put=2)]
    assert files.queue.put_there == [7, 9]
