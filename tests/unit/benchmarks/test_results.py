from pathlib import Path

from benchmarks.child.sample import Sample
from benchmarks.harness.results import Outcome, Report, SubjectOutcome
from benchmarks.harness.runner import outcomes
from benchmarks.harness.statistics import Spread
from benchmarks.report.headline import headline
from benchmarks.report.numbers import three_digits
from benchmarks.report.svg import svg
from benchmarks.report.tables import markdown
from benchmarks.workloads.workload import Unit

FACTS = {
    "date": "2026-01-01 00:00 UTC",
    "commit": "abc",
    "repetitions": 2,
    "quick": False,
    "server": "a server",
    "load_average": [0.5, 0.4, 0.3],
    "load_average_after": [1.5, 0.4, 0.3],
}


def outcome(rate: float) -> Outcome:
    return Outcome(figure=Spread(rate, rate * 0.9, rate * 1.1), values=[rate], cpu_milliseconds=2.5)


def report(**peers: Outcome) -> Report:
    subjects = [SubjectOutcome("s3py-helper", "ours", "0.1.0", {"put c=16": outcome(1200)})]
    subjects += [SubjectOutcome(name, "peer", "1.0", {"put c=16": peer}) for name, peer in peers.items()]
    return Report("s3-4k", "Files & more", Unit.OPERATIONS, dict(FACTS), subjects)


def test_outcome_takes_the_middle_of_speed_and_the_worst_of_memory() -> None:
    samples = [
        Sample("up", seconds=1, count=1, size=size, memory_growth=growth, cpu_seconds=0.5, stall_seconds=stall)
        for size, growth, stall in ((100_000_000, 5, 0.1), (300_000_000, 9, 0.2), (200_000_000, 7, 0.3))
    ]
    result = Outcome.of(samples, Unit.MEGABYTES)
    assert result.figure == Spread(200.0, 100.0, 300.0)
    assert result.memory_growth == 9
    assert result.stall_milliseconds == 200
    assert result.cpu_milliseconds == 500


def test_one_failed_repetition_is_told_beside_the_figures_of_the_others() -> None:
    result = Outcome.of([Sample("up", seconds=1, count=10), Sample("up", error="OSError: broken")], Unit.OPERATIONS)
    assert result.figure == Spread(10.0, 10.0, 10.0)
    assert result.failures == ["OSError: broken"]


def test_what_a_library_lacks_is_no_failure() -> None:
    result = Outcome.of([Sample("info", offered=False)], Unit.OPERATIONS)
    assert not result.offered
    assert not result.failures


def test_a_failed_job_counts_against_every_operation() -> None:
    found = outcomes([Sample("*", error="no answer within 9 s")], ["put", "get", "*"], Unit.OPERATIONS)
    assert {name: result.failures for name, result in found.items()} == {
        "put": ["no answer within 9 s"],
        "get": ["no answer within 9 s"],
    }


def test_results_survive_being_saved(tmp_path: Path) -> None:
    original = report(slow=outcome(300), broken=Outcome(failures=["ValueError: no"]))
    assert Report.load(original.save(tmp_path)) == original


def test_table_puts_the_ratio_before_the_figure_and_names_failures() -> None:
    text = markdown(report(slow=outcome(300), broken=Outcome(failures=["ValueError: no"])))
    row = next(line for line in text.splitlines() if line.startswith("| put c=16 | 1 200"))
    assert "| **4.00\N{MULTIPLICATION SIGN}** 300 (270\N{EN DASH}330) |" in row
    assert row.endswith("| fails |")
    assert "- broken: `ValueError: no`" in text


def test_plot_has_a_bar_for_everybody_and_says_who_fails() -> None:
    drawing = svg(report(slow=outcome(300), broken=Outcome(failures=["ValueError: no"])))
    assert drawing.count("<rect") == 2
    assert ">fails<" in drawing
    assert "Files &amp; more" in drawing


def test_headline_shows_how_many_times_as_fast_it_is() -> None:
    text = headline({"s3-4k": report(aioboto3=outcome(400))})
    assert "1 200 ops/s" in text
    assert "3.00\N{MULTIPLICATION SIGN}" in text


def test_numbers_have_three_digits() -> None:
    values = (0, 0.0123, 0.5, 1.234, 12.34, 99.96, 123.4, 1234, 12345)
    expected = ["0", "0.012", "0.50", "1.23", "12.3", "100", "123", "1 230", "12 300"]
    assert [three_digits(value) for value in values] == expected
