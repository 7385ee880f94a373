"""What s3py-helper set out to reach, and whether the last results say so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.harness.results import Outcome, Report
from benchmarks.report.numbers import MISSING, advantage, ours_in, three_digits
from benchmarks.report.tables import table

_MIB: Final = 1024 * 1024
_INCUMBENT: Final = "s3py-helper 0.0.17"

type Measured = Callable[[Report], float | None]


@dataclass(frozen=True, slots=True)
class Goal:
    """Attributes:
    measured: What the results say; `None` where they do not.
    least: Smallest value that reaches the goal.
    most: Largest value that does.
    """

    workload: str
    claim: str
    measured: Measured
    least: float = 0.0
    most: float = float("inf")

    def row(self, report: Report) -> list[str]:
        bound = f"≥ {self.least:g}" if self.least else f"≤ {self.most:g}"
        value = self.measured(report)
        if value is None:
            return [f"{report.title}: {self.claim}", bound, MISSING, "no figure"]
        reached = "yes" if self.least <= value <= self.most else "**no**"
        return [f"{report.title}: {self.claim}", bound, three_digits(value), reached]


def goals(reports: Mapping[str, Report]) -> str:
    """A Markdown table of every goal that there are results for."""
    rows = [goal.row(reports[goal.workload]) for goal in GOALS if goal.workload in reports]
    return table(["Goal", "bound", "measured", "reached"], rows)


def _speed(operation: str, against: str) -> Measured:
    def measured(report: Report) -> float | None:
        subject = next((subject for subject in report.subjects if subject.name == against), None)
        return None if subject is None else advantage(report, operation, subject)

    return measured


def _ours(operation: str, value_of: Callable[[Outcome], float | None]) -> Measured:
    return lambda report: value_of(ours_in(report).operations.get(operation, Outcome()))


def _share(operation: str, against: str, value_of: Callable[[Outcome], float | None]) -> Measured:
    """Our value as a part of another subject's."""

    def measured(report: Report) -> float | None:
        ours = _ours(operation, value_of)(report)
        subject = next((subject for subject in report.subjects if subject.name == against), None)
        theirs = None if subject is None else value_of(subject.operations.get(operation, Outcome()))
        return None if ours is None or not theirs else ours / theirs

    return measured


def _median(outcome: Outcome) -> float | None:
    return None if outcome.figure is None else outcome.figure.median


def _cpu(outcome: Outcome) -> float | None:
    return outcome.cpu_milliseconds


def _stall(outcome: Outcome) -> float | None:
    return outcome.stall_milliseconds


def _size(outcome: Outcome) -> float | None:
    return outcome.ratio


def _memory(outcome: Outcome) -> float | None:
    return None if outcome.memory_growth is None else outcome.memory_growth / _MIB


def _small(operation: str) -> list[Goal]:
    timed = f"{operation} c=16"
    return [
        Goal("s3-4k", f"{timed}, times as fast as 0.0.17", _speed(timed, _INCUMBENT), least=4),
        Goal("s3-4k", f"{timed}, times as fast as obstore", _speed(timed, "obstore"), least=0.8),
        Goal("s3-4k", f"{timed}, processor time as a part of 0.0.17's", _share(timed, _INCUMBENT, _cpu), most=0.25),
    ]


GOALS: Final = (
    *(goal for operation in ("put", "get", "info", "delete") for goal in _small(operation)),
    Goal("s3-large-up", "times as fast as 0.0.17", _speed("up", _INCUMBENT), least=2.2),
    Goal("s3-large-up", "times as fast as curl", _speed("up", "curl"), least=0.95),
    Goal("s3-large-down", "times as fast as 0.0.17", _speed("down", _INCUMBENT), least=2.2),
    Goal("s3-large-down", "times as fast as curl", _speed("down", "curl"), least=0.95),
    Goal("s3-large-down", "memory growth in MiB", _ours("down", _memory), most=20),
    Goal("s3-large-down", "longest stall in ms", _ours("down", _stall), most=10),
    Goal("s3-many", "up, times as fast as 0.0.17", _speed("up", _INCUMBENT), least=4),
    Goal("s3-many", "down, times as fast as 0.0.17", _speed("down", _INCUMBENT), least=4),
    Goal("s3-5g-up", "memory growth in MiB", _ours("up", _memory), most=100),
    Goal("s3-5g-down", "memory growth in MiB", _ours("down", _memory), most=20),
    Goal("zip-text", "times as fast as 0.0.17", _speed("zip", _INCUMBENT), least=7),
    Goal("zip-text", "size of the archive as a part of 0.0.17's", _share("zip", _INCUMBENT, _size), most=1.2),
    Goal("zip-text", "longest stall in ms", _ours("zip", _stall), most=10),
    Goal("zip-text", "longest stall in ms, streamed", _ours("stream", _stall), most=10),
    Goal("zip-random", "times as fast as the files alone", _speed("zip", "s3py-helper, files alone"), least=0.9),
    Goal("zip-random", "longest stall in ms", _ours("zip", _stall), most=10),
    Goal("zip-many", "times as fast as 0.0.17", _speed("zip", _INCUMBENT), least=4),
    Goal("zip-many", "longest stall in ms", _ours("zip", _stall), most=10),
    Goal("zip-writer-random", "times as fast as 0.0.17", _speed("zip", _INCUMBENT), least=20),
    Goal("zip-10k", "memory growth in MiB", _ours("zip", _memory), most=32),
    Goal("zip-10k", "longest stall in ms", _ours("zip", _stall), most=10),
    Goal("zip-5g", "memory growth in MiB", _ours("zip", _memory), most=32),
    Goal("zip-5g", "longest stall in ms", _ours("zip", _stall), most=10),
    Goal("fastdfs-4k", "get c=16, times as fast as aiofdfs", _speed("get c=16", "aiofdfs"), least=3),
    Goal("fastdfs-4k", "info c=16, times as fast as aiofdfs", _speed("info c=16", "aiofdfs"), least=4),
    Goal("fastdfs-large", "down, times as fast as aiofdfs", _speed("down", "aiofdfs"), least=1),
    Goal("fastdfs-large", "down, memory growth in MiB", _ours("down", _memory), most=10),
    Goal(
        "service",
        "down, processor time as a part of the library's",
        _share("down", "the library alone", _cpu),
        most=1.25,
    ),
    # Either of the two will do.
    Goal("startup", "import in ms", _ours("import", _median), most=150),
    Goal("startup", "import, times as fast as aioboto3", _speed("import", "aioboto3"), least=3),
)
