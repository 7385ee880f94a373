"""The page of all results: goals, then a table for each workload."""

from typing import Final

from benchmarks.results.goals import goals
from benchmarks.results.numbers import DASH, table, three_digits, times
from benchmarks.results.report import Report, Reports, SubjectOutcome

_PAGE: Final = """\
# Results

Made by `make bench`; [how it is measured](method.md). "Faster": how many times as fast as the subject s3py-helper is.
Differences below 15 to 20 % are noise on most machines. What is no longer measured keeps its last figures.

## Goals

"""

_COSTS: Final = {
    "cpu_ms": "processor time, ms for each",
    "p99_ms": "99 % end within, ms",
    "memory_mib": "growth of memory, MiB",
    "stall_ms": "longest stall, ms",
    "ratio": "archive / files",
}


def page(reports: Reports) -> str:
    return _PAGE + "\n".join([goals(reports) + "\n", *(markdown(report) for report in reports.values())])


def markdown(report: Report) -> str:
    facts = report.facts
    circumstances = (
        f"`{report.workload}`{' · ' * bool(facts['server'])}{facts['server']} · {facts['date']} · "
        f"commit {facts['commit']} · {facts['repetitions']} repetitions · "
        f"load average {facts['load_average']} before, {facts['load_average_after']} after"
    )
    return f"## {report.title}\n\n{circumstances}\n\n{_table(report)}\n"


def _table(report: Report) -> str:
    operations = dict.fromkeys(name for subject in report.subjects for name in subject.operations)
    done = [(name, subject) for name in operations for subject in report.subjects if name in subject.operations]
    costs = [cost for cost in _COSTS if any(getattr(subject[name], cost) is not None for name, subject in done)]
    rows = [
        [name, _named(subject), *_speed(report, name, subject)]
        + [three_digits(getattr(subject[name], cost)) for cost in costs]
        for name, subject in done
    ]
    return table(["", "", report.unit, "lowest to highest", "faster", *(_COSTS[cost] for cost in costs)], rows, words=2)


def _speed(report: Report, operation: str, subject: SubjectOutcome) -> list[str]:
    outcome = subject[operation]
    if not outcome.values:
        return ["fails", f"`{outcome.failures[0]}`", DASH]
    failed = f", {len(outcome.failures)} failed: `{outcome.failures[0]}`" if outcome.failures else ""
    spread = f"{three_digits(min(outcome.values))}{DASH}{three_digits(max(outcome.values))}{failed}"
    ratio = None if subject is report.ours else report.advantage(operation, subject)
    return [three_digits(outcome.figure), spread, times(ratio)]


def _named(subject: SubjectOutcome) -> str:
    return subject.name if subject.version in subject.name else f"{subject.name} {subject.version}"
