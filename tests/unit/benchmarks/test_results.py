from pathlib import Path

import pytest

from benchmarks.child.measuring import Sample
from benchmarks.harness.environments import RESULTS, ROOT
from benchmarks.results.headline import headline
from benchmarks.results.numbers import three_digits
from benchmarks.results.report import Outcome, Report, SubjectOutcome, Unit, keep, load, outcomes
from benchmarks.results.tables import markdown, page

FACTS = {
    "date": "2026-01-01 00:00 UTC",
    "commit": "abc",
    "repetitions": 2,
    "server": "a server",
    "load_average": 0.5,
    "load_average_after": 1.5,
}


def outcome(rate: float) -> Outcome:
    return Outcome(values=[rate * 0.9, rate, rate * 1.1], cpu_ms=2.5)


def subject(name: str, version: str, operation: str, found: Outcome) -> SubjectOutcome:
    return SubjectOutcome(name=name, version=version, operations={operation: found})


def report(**peers: Outcome) -> Report:
    subjects = [subject("s3py-helper", "0.1.0", "put c=16", outcome(1200))]
    subjects += [subject(name, "1.0", "put c=16", peer) for name, peer in peers.items()]
    return Report(workload="s3-4k", title="Files", unit="ops/s", facts=FACTS, subjects=subjects)


def test_outcome_takes_the_middle_of_speed_and_the_worst_of_memory() -> None:
    mib = 2**20
    samples = [
        Sample("up", seconds=1, count=1, size=size, memory_growth=growth, cpu_seconds=0.5, stall_seconds=stall)
        for size, growth, stall in ((100_000_000, 5 * mib, 0.1), (300_000_000, 9 * mib, 0.2), (200_000_000, 0, 0.3))
    ]
    result = Outcome.of(samples, "MB/s")
    assert result.values == [100, 300, 200]
    assert result.figure == 200
    assert result.memory_mib == 9
    assert result.stall_ms == 200
    assert result.cpu_ms == 500


@pytest.mark.parametrize(("unit", "figure"), [("ops/s", 5), ("MB/s", 2), ("ms", 2000)])
def test_every_unit_has_its_figure(unit: Unit, figure: float) -> None:
    assert Outcome.of([Sample("up", seconds=2, count=10, size=4_000_000)], unit).figure == figure


def test_one_failed_repetition_is_reported_beside_the_figures_of_the_others() -> None:
    result = Outcome.of([Sample("up", seconds=1, count=10), Sample("up", error="OSError: broken")], "ops/s")
    assert result.values == [10]
    assert result.failures == ["OSError: broken"]


def test_a_failed_job_counts_against_every_operation() -> None:
    found = outcomes([Sample("*", error="no answer within 9 s")], ["put", "get", "*"], "ops/s")
    assert {name: result.failures for name, result in found.items()} == {
        "put": ["no answer within 9 s"],
        "get": ["no answer within 9 s"],
    }


@pytest.mark.parametrize(
    ("ours", "theirs", "unit", "expected"), [(400, 100, "ops/s", 4), (50, 100, "MB/s", 0.5), (50, 100, "ms", 2)]
)
def test_more_than_once_as_fast_is_better_whatever_the_unit(
    ours: float, theirs: float, unit: Unit, expected: float
) -> None:
    subjects = [subject("s3py-helper", "1", "up", outcome(ours)), subject("peer", "1", "up", outcome(theirs))]
    compared = Report(workload="w", title="W", unit=unit, facts={}, subjects=subjects)
    assert compared.advantage("up", compared.subjects[1]) == expected


def test_without_a_figure_there_is_no_ratio() -> None:
    compared = report(broken=Outcome(failures=["OSError"]), idle=outcome(0))
    assert [compared.advantage("put c=16", peer) for peer in compared.subjects[1:]] == [None, None]


def test_results_survive_being_kept(tmp_path: Path) -> None:
    first, second = report(slow=outcome(300), broken=Outcome(failures=["ValueError: no"])), report(fast=outcome(9000))
    keep(first, tmp_path)
    assert load(tmp_path) == {"s3-4k": first}
    keep(second, tmp_path)
    assert load(tmp_path) == {"s3-4k": second}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_newer_release_replaces_only_what_it_has_measured(tmp_path: Path) -> None:
    one, other = report(slow=outcome(1)), report().model_copy(update={"workload": "zip"})
    for name, reports in (("0.10.0", [other]), ("0.9.0", [one, one.model_copy(update={"workload": "zip"})])):
        (tmp_path / f"{name}.json").write_text(f"[{','.join(each.model_dump_json() for each in reports)}]")
    assert load(tmp_path) == {"s3-4k": one, "zip": other}


def test_table_has_figure_spread_and_ratio_and_names_failures() -> None:
    text = markdown(report(slow=outcome(300), broken=Outcome(failures=["ValueError: no"])))
    assert "| put c=16 | s3py-helper 0.1.0 | 1 200 | 1 080\N{EN DASH}1 320 | \N{EN DASH} | 2.50 |" in text
    assert "| put c=16 | slow 1.0 | 300 | 270\N{EN DASH}330 | 4.00\N{MULTIPLICATION SIGN} | 2.50 |" in text
    assert "| put c=16 | broken 1.0 | fails | `ValueError: no` |" in text


def test_headline_shows_how_many_times_as_fast_it_is() -> None:
    text = headline({"s3-4k": report(aioboto3=outcome(400))})
    assert "1 200 ops/s" in text
    assert "3.00\N{MULTIPLICATION SIGN}" in text


def test_numbers_have_three_digits() -> None:
    values = (0, 0.0123, 0.5, 1.234, 12.34, 99.96, 123.4, 1234, 12345)
    expected = ["0", "0.012", "0.50", "1.23", "12.3", "100", "123", "1 230", "12 300"]
    assert [three_digits(value) for value in values] == expected


def test_the_page_of_results_is_what_the_results_say() -> None:
    assert (RESULTS / "tables.md").read_text() == page(load(RESULTS)), "write it by `python -m benchmarks tables`"


def test_the_table_in_the_readme_is_what_the_results_say() -> None:
    assert headline(load(RESULTS)) in (ROOT / "README.md").read_text(), "`python -m benchmarks tables` prints it"
