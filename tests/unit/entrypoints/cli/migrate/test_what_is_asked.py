"""What each command line asks the migration for, and which are refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from s3py_helper.application.migration.applying import Applier, ApplyOptions
from s3py_helper.application.migration.draining import Drainer
from s3py_helper.application.migration.limits_change import LimitsChange
from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.application.migration.working import Supervisor, Worker
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.migration import Route
from s3py_helper.entrypoints.cli.migration import planning
from tests.support.migration.commands import NoShards, Operator
from tests.support.migration.in_memory import id_of

ID = id_of(b"some")

type Asked = Callable[[type, str], list[tuple[Any, ...]]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Have a step note what it is asked for, and fail: the rest of the command is the same for all."""

    def noting(owner: type, step: str) -> list[tuple[Any, ...]]:
        seen: list[tuple[Any, ...]] = []

        async def note(_self: object, *given: object, **named: object) -> None:
            seen.append((*given, named) if named else given)
            raise StorageException("noted")

        monkeypatch.setattr(owner, step, note)
        return seen

    return noting


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], PlanOptions()),
        (["--from", "cluster"], PlanOptions()),
        (["--from-ids", "list.txt"], PlanOptions(cluster=False)),
        (["--from-ids", "list.txt", "--from", "cluster"], PlanOptions()),
        (["--from-data-dir", "group1/M00=."], PlanOptions(cluster=False)),
        (["--from-sql", "sqlite:///app.db", "select id from file"], PlanOptions(cluster=False)),
        (
            ["--default-group", "group3", "--group", "group1", "--group", "group2", "--limit", "5",
             "--accept-difference", "3"],
            PlanOptions(frozenset({"group1", "group2"}), default_group="group3", limit=5, accept_difference=3),
        ),
    ],
)  # fmt: skip
def test_a_plan_looks_where_it_is_told_to(
    operator: Operator, asked: Asked, arguments: list[str], options: PlanOptions
) -> None:
    seen = asked(Migration, "plan")
    assert operator.types("plan", *arguments).code == 1
    [(found,)] = seen
    assert replace(found, ids=()) == options


def test_a_plan_reads_all_lists_folders_and_queries(
    operator: Operator, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, ...]] = []

    def opening(kind: str) -> Callable[..., str]:
        def open_it(*what: str) -> str:
            opened.append((kind, *what))
            return kind

        return open_it

    for kind in ("lines_of", "names_in_folder", "ids_in_database"):
        monkeypatch.setattr(planning, kind, opening(kind))
    seen = asked(Migration, "plan")
    lists = ["--from-ids", "one", "--from-ids", "-", "--from-data-dir", "g/M00=a", "--from-data-dir", "g/M01=b"]
    operator.types("plan", *lists, "--from-sql", "sqlite:///app.db", "select 1")
    assert seen[0][0].ids == [
        ("one", "lines_of"), ("-", "lines_of"), ("g/M00=a", "names_in_folder"), ("g/M01=b", "names_in_folder"),
        ("the query", "ids_in_database"),
    ]  # fmt: skip
    assert opened == [
        ("lines_of", "one"), ("lines_of", "-"), ("names_in_folder", "g/M00=a"), ("names_in_folder", "g/M01=b"),
        ("ids_in_database", "sqlite:///app.db", "select 1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("owner", "step", "arguments", "expected"),
    [
        (Applier, "apply", "apply", (ApplyOptions(),)),
        (
            Applier, "apply", "apply --concurrency 3 --max-bytes 10 --max-duration 1.5 --group g --watch",
            (ApplyOptions("g", 3, 10, 1.5, watch=True),),
        ),
        (Worker, "apply", "worker", (ApplyOptions(),)),
        (Worker, "apply", "worker --concurrency 3 --group g --watch", (ApplyOptions("g", 3, watch=True),)),
        (Supervisor, "supervise", "supervisor", (None, {"watch": False})),
        (Supervisor, "supervise", "supervisor --group g --watch", ("g", {"watch": True})),
        (Migration, "change_limits", "apply --rate-bytes 7", (LimitsChange(bytes_per_second=7),)),
        (Migration, "change_limits", "apply --rate-files 7", (LimitsChange(files_per_second=7),)),
        (Migration, "change_limits", "limits", (LimitsChange(),)),
        (
            Migration, "change_limits", "limits --rate-bytes 1 --rate-files 0 --concurrency 2",
            (LimitsChange(1, 0, 2),),
        ),
        (Migration, "change_limits", "pause", (LimitsChange(paused=True),)),
        (Migration, "change_limits", "resume", (LimitsChange(paused=False),)),
        (
            Migration, "route", "route group1 s3-only",
            ("group1", Route.S3_ONLY, {"accept": [], "accept_incomplete": False}),
        ),
        (
            Migration, "route", f"route group1 fastdfs --accept-quarantine {ID} --accept-incomplete",
            ("group1", Route.FASTDFS, {"accept": [ID], "accept_incomplete": True}),
        ),
        (Drainer, "drain", "drain --yes --older-than 0s", (0.0,)),
        (Drainer, "drain", "drain --yes --older-than 30m", (1800.0,)),
        (Drainer, "drain", "drain --yes --older-than 12h", (43200.0,)),
        (Drainer, "drain", "drain --yes --older-than 7d", (604800.0,)),
        (Migration, "decide_missing", "missing --keep", ({"keep": True, "file_ids": None},)),
        (Migration, "decide_missing", "missing --delete", ({"keep": False, "file_ids": None},)),
        (Migration, "decide_missing", "missing --delete -", ({"keep": False, "file_ids": [ID]},)),
        (Migration, "retry", "errors --retry", ()),
    ],
)  # fmt: skip
def test_what_is_typed_is_asked_for(
    operator: Operator, asked: Asked, owner: type, step: str, arguments: str, expected: tuple[object, ...]
) -> None:
    operator.queue = NoShards()
    seen = asked(owner, step)
    typed = operator.types(*arguments.split(), stdin=f"\n  {ID}  \n")
    assert (typed.code, typed.err) == (1, "s3py: noted\n")
    assert seen == [expected]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ("", VerifyOptions(None, 0.0)),
        ("--all", VerifyOptions(None, 1.0)),
        ("--sample 5% --group g", VerifyOptions("g", 0.05)),
        ("--sample 100", VerifyOptions(None, 1.0)),
        ("--sample 0%", VerifyOptions(None, 0.0)),
    ],
)
def test_as_much_is_read_back_as_is_wanted(
    operator: Operator, asked: Asked, arguments: str, options: VerifyOptions
) -> None:
    seen = asked(Migration, "verify")
    operator.types("verify", *arguments.split())
    assert seen[0][0] == options


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("verify --all --sample 5%", "give --sample or --all, not both"),
        ("verify --sample 101%", "'101%' is no percentage from 0% to 100%"),
        ("verify --sample -1", "'-1' is no percentage from 0% to 100%"),
        ("verify --sample some", "Invalid value for --sample: 'some' is no percentage from 0% to 100%"),
        ("verify --sample nan", "'nan' is no percentage"),
        ("drain --older-than 7 --yes", "Invalid value for --older-than: '7' is no time such as 7d, 12h, 30m or 0s"),
        ("drain --older-than d --yes", "'d' is no time"),
        ("drain --older-than -1d --yes", "'-1d' is no time"),
        ("drain --older-than 1.5h --yes", "'1.5h' is no time"),
        ("drain --older-than 7w --yes", "'7w' is no time"),
        ("missing --delete --keep", "give --delete or --keep, not both"),
        ("missing list.txt", "give --delete or --keep with a file"),
        ("missing --keep -", "- has no id in it"),
        ("missing --keep lost.txt", "lost.txt: No such file or directory"),
        ("route group1 elsewhere", "'elsewhere' is not one of 'fastdfs', 's3-first', 's3-only'"),
        ("route group1 s3-only --accept-quarantine nonsense", "invalid file id 'nonsense'"),
        ("apply --concurrency 0", "Invalid value for '--concurrency': 0 is not in the range x>=1."),
        ("apply --rate-bytes 0", "Invalid value for '--rate-bytes': 0 is not in the range x>=1."),
        ("apply --rate-files 0", "Invalid value for '--rate-files': 0 is not in the range x>=1."),
        ("apply --max-bytes 0", "Invalid value for '--max-bytes': 0 is not in the range x>=1."),
        ("apply --max-duration -1", "Invalid value for '--max-duration': -1.0 is not in the range x>=0."),
        ("worker --concurrency 0", "Invalid value for '--concurrency': 0 is not in the range x>=1."),
        ("limits --rate-bytes -1", "Invalid value for '--rate-bytes': -1 is not in the range x>=0."),
        ("limits --rate-files -1", "Invalid value for '--rate-files': -1 is not in the range x>=0."),
        ("limits --concurrency -1", "Invalid value for '--concurrency': -1 is not in the range x>=0."),
        ("plan --limit 0", "Invalid value for '--limit': 0 is not in the range x>=1."),
        ("plan --accept-difference -1", "Invalid value for '--accept-difference': -1 is not in the range x>=0."),
        ("plan --from elsewhere", "'elsewhere' is not one of 'cluster'"),
        ("plan --from-data-dir group1=.", "'group1=.' is not GROUP/Mxx=FOLDER, e.g. group1/M00=/var/fdfs/data"),
        ("plan --from-data-dir group1/M00=lost", "lost: there is no such folder"),
        ("supervisor", "a supervisor needs a broker"),
    ],
)
def test_what_makes_no_sense_is_refused(operator: Operator, arguments: str, why: str) -> None:
    typed = operator.types(*arguments.split())
    assert (typed.code, typed.out) == (2, "")
    assert why in typed.err
    assert (operator.source.asked, operator.target.done) == ([], [])


def test_nothing_is_deleted_without_being_asked_twice(operator: Operator, asked: Asked) -> None:
    seen = asked(Drainer, "drain")
    for answer in ("n\n", "\n"):
        typed = operator.types("drain", "--older-than", "7d", stdin=answer)
        assert typed.code == 4
        assert "There is no way back to it for their groups. [y/N]: " in typed.out
    assert seen == []
    assert operator.types("drain", "--older-than", "7d", stdin="y\n").code == 1
    assert seen == [(604800.0,)]


@pytest.mark.parametrize(
    ("arguments", "makes_ledger", "waits"),
    [
        ("preflight", True, False), ("plan", True, False), ("run", True, False), ("apply", False, False),
        ("verify", False, False), ("route group1 fastdfs", False, False), ("drain --yes --older-than 7d", False, False),
        ("status", False, False), ("errors", False, False), ("missing", False, False), ("report -o out", False, False),
        ("pause", False, False), ("resume", False, False), ("limits", False, False), ("worker", False, True),
        ("supervisor", False, True),
    ],
)  # fmt: skip
def test_a_command_works_with_the_ledger_that_is_named(
    operator: Operator, arguments: str, makes_ledger: bool, waits: bool
) -> None:
    operator.takes_part = False
    typed = operator.types(*arguments.split(), "--ledger", "other.db", "--json")
    assert (typed.code, typed.err) == (2, "s3py: this deployment takes part in no migration\n")
    assert typed.objects == [{"type": "summary", "schema": 1, "verb": arguments.split(maxsplit=1)[0], "exit_code": 2}]
    [config] = operator.configs
    assert config.migration is not None
    assert (config.migration.ledger, config.migration.broker) == ("other.db", None)
    assert (config.makes_ledger, config.waits_for_ledger) == (makes_ledger, waits)


@pytest.mark.parametrize("verb", ["worker", "supervisor"])
def test_a_broker_is_that_of_the_settings_or_one_that_is_named(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    operator.takes_part = False
    monkeypatch.setenv("S3PY_MIGRATION__LEDGER", "ours.db")
    monkeypatch.setenv("S3PY_MIGRATION__BROKER", "nats://127.0.0.9:1")
    operator.types(verb)
    operator.types(verb, "--broker", "redis://127.0.0.9:1/0")
    found = [config.migration for config in operator.configs if config.migration is not None]
    assert [(each.ledger, each.broker) for each in found] == [
        ("ours.db", "nats://127.0.0.9:1"),
        ("ours.db", "redis://127.0.0.9:1/0"),
    ]
