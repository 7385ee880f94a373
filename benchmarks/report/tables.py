"""A workload's results as Markdown."""

from collections.abc import Callable, Iterable

from benchmarks.harness.results import Outcome, Report, SubjectOutcome
from benchmarks.report.numbers import DASH, advantage, three_digits, times, why_no_figure, with_spread
from benchmarks.workloads.workload import Unit

_MIB = 1024 * 1024

type Metric = tuple[str, Callable[[Outcome], float | None]]

_CPU: Metric = ("Processor time, ms for each operation", lambda outcome: outcome.cpu_milliseconds)
_P99: Metric = ("99 % of the operations end within, ms", lambda outcome: outcome.p99_milliseconds)
_STALL: Metric = ("Longest stall of the event loop, ms", lambda outcome: outcome.stall_milliseconds)
_MEMORY: Metric = (
    "Growth of memory at its peak, MiB",
    lambda outcome: None if outcome.memory_growth is None else outcome.memory_growth / _MIB,
)
_SIZE: Metric = ("Size of the archive, as a part of its files'", lambda outcome: outcome.ratio)

_METRICS: dict[Unit, tuple[Metric, ...]] = {
    Unit.OPERATIONS: (_CPU, _P99, _SIZE),
    Unit.MEGABYTES: (_CPU, _MEMORY, _STALL, _SIZE),
    Unit.MILLISECONDS: (_CPU,),
}


def markdown(report: Report) -> str:
    """Speed with ratios first, then what it costs, then what went wrong."""
    parts = [f"## {report.title}\n\n`{report.workload}` · {_circumstances(report)}"]
    parts.append(f"![{report.title}]({report.workload}.svg)")
    parts.append(_speed(report))
    parts += [table for metric in _METRICS[report.unit] if (table := _cost(report, metric))]
    if failures := _failures(report):
        parts.append(failures)
    return "\n\n".join(parts) + "\n"


def _circumstances(report: Report) -> str:
    facts = report.facts
    server = f"{facts['server']} · " if facts["server"] else ""
    text = (
        f"{server}{facts['date']} · commit {facts['commit']} · {facts['repetitions']} repetitions · "
        f"load average {facts['load_average'][0]} before, {facts['load_average_after'][0]} after"
    )
    return text + (" · **smoke run: these figures mean nothing**" if facts["quick"] else "")


def _speed(report: Report) -> str:
    unit = report.unit
    title = f"{unit}, median (lowest{DASH}highest); before it, how many times as fast s3py-helper is"

    def cell(operation: str, subject: SubjectOutcome) -> str:
        outcome = subject.operations.get(operation, Outcome(offered=False))
        if outcome.figure is None:
            return why_no_figure(outcome)
        failed = f", {len(outcome.failures)} failed" if outcome.failures else ""
        ratio = None if subject.role == "ours" else advantage(report, operation, subject)
        return f"{'' if ratio is None else f'**{times(ratio)}** '}{with_spread(outcome.figure)}{failed}"

    return _table(title, report, cell)


def _cost(report: Report, metric: Metric) -> str:
    title, value_of = metric
    values = [value_of(outcome) for subject in report.subjects for outcome in subject.operations.values()]
    if all(value is None for value in values):
        return ""

    def cell(operation: str, subject: SubjectOutcome) -> str:
        outcome = subject.operations.get(operation, Outcome(offered=False))
        value = value_of(outcome)
        return why_no_figure(outcome) if value is None else three_digits(value)

    return _table(title, report, cell)


def _table(title: str, report: Report, cell: Callable[[str, SubjectOutcome], str]) -> str:
    heads = ["", *(f"{subject.name} {_version(subject)}".strip() for subject in report.subjects)]
    rows = [[operation, *(cell(operation, subject) for subject in report.subjects)] for operation in report.operations]
    return f"{title}:\n\n{table(heads, rows)}"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(heads), *(list(row) for row in rows)]
    lines.insert(1, ["---", *("---:" for _ in lines[0][1:])])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _version(subject: SubjectOutcome) -> str:
    return "" if subject.version in subject.name else subject.version


def _failures(report: Report) -> str:
    messages = {
        (subject.name, message): None
        for subject in report.subjects
        for outcome in subject.operations.values()
        for message in outcome.failures
    }
    if not messages:
        return ""
    return "Failures:\n\n" + "\n".join(f"- {name}: `{message}`" for name, message in messages)
