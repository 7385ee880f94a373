"""What s3py-helper set out to reach, and whether the last results say so."""

from dataclasses import dataclass
from typing import Final

from benchmarks.results.numbers import table, three_digits
from benchmarks.results.report import Report, Reports, SubjectOutcome

_INCUMBENT: Final = "s3py-helper 0.0.17"
_SPEED: Final = "speed"
_RATE: Final = "rate"
_CLAIMS: Final = {
    _SPEED: "times as fast as {}",
    "cpu_ms": "processor time as a part of {}'s",
    "ratio": "size of the archive as a part of {}'s",
    "memory_mib": "memory growth in MiB",
    "stall_ms": "longest stall in ms",
    "figure": "in ms",
    _RATE: "times a second",
}


@dataclass(frozen=True, slots=True)
class Goal:
    """Attributes:
    kind: What it is about: the speed, or a figure of `Outcome`.
    bound: The least that a speed or a rate may be, the most that everything else may.
    against: The subject to compare with; empty for what is about s3py-helper alone.
    """

    workload: str
    operation: str
    kind: str
    bound: float
    against: str = ""

    def row(self, report: Report) -> list[str]:
        value, fast = self._measured(report), self.kind in {_SPEED, _RATE}
        reached = value is not None and (value >= self.bound if fast else value <= self.bound)
        return [
            report.title,
            self.operation,
            _CLAIMS[self.kind].format(self.against),
            f"{'≥' if fast else '≤'} {self.bound:g}",
            three_digits(value),
            "no figure" if value is None else "yes" if reached else "**no**",
        ]

    def _measured(self, report: Report) -> float | None:
        if not self.against:
            return self._value(report.ours)
        if (other := report.subject(self.against)) is None:
            return None
        if self.kind == _SPEED:
            return report.advantage(self.operation, other)
        ours, theirs = self._value(report.ours), self._value(other)
        return ours / theirs if ours and theirs else None

    def _value(self, subject: SubjectOutcome) -> float | None:
        value: float | None = getattr(subject[self.operation], "figure" if self.kind == _RATE else self.kind)
        return value


def goals(reports: Reports) -> str:
    """A Markdown table of every goal that there are results for."""
    rows = [goal.row(report) for report in reports.values() for goal in GOALS if goal.workload == report.workload]
    return table(["", "", "Goal", "bound", "measured", "reached"], rows, words=3)


_SMALL: Final = ((_SPEED, 4, _INCUMBENT), (_SPEED, 0.8, "obstore"), ("cpu_ms", 0.25, _INCUMBENT))

GOALS: Final = (
    *(Goal("s3-4k", f"{name} c=16", *claim) for name in ("put", "get", "info", "delete") for claim in _SMALL),
    Goal("s3-large-up", "up", _SPEED, 2.2, _INCUMBENT),
    Goal("s3-large-up", "up", _SPEED, 0.95, "curl"),
    Goal("s3-large-down", "down", _SPEED, 2.2, _INCUMBENT),
    Goal("s3-large-down", "down", _SPEED, 0.95, "curl"),
    Goal("s3-large-down", "down", "memory_mib", 20),
    Goal("s3-large-down", "down", "stall_ms", 10),
    Goal("s3-many", "up", _SPEED, 4, _INCUMBENT),
    Goal("s3-many", "down", _SPEED, 4, _INCUMBENT),
    Goal("s3-5g-up", "up", "memory_mib", 100),
    Goal("s3-5g-down", "down", "memory_mib", 20),
    Goal("zip-text", "zip", _SPEED, 7, _INCUMBENT),
    Goal("zip-text", "zip", "ratio", 1.2, _INCUMBENT),
    Goal("zip-text", "stream", "stall_ms", 10),
    *(Goal(name, "zip", "stall_ms", 10) for name in ("zip-text", "zip-random", "zip-many", "zip-10k", "zip-5g")),
    Goal("zip-random", "zip", _SPEED, 0.9, "s3py-helper, files alone"),
    Goal("zip-many", "zip", _SPEED, 4, _INCUMBENT),
    Goal("zip-writer-random", "zip", _SPEED, 20, _INCUMBENT),
    *(Goal(name, "zip", "memory_mib", 32) for name in ("zip-10k", "zip-5g")),
    Goal("fastdfs-4k", "get c=16", _SPEED, 3, _INCUMBENT),
    Goal("fastdfs-4k", "info c=16", _SPEED, 4, _INCUMBENT),
    Goal("fastdfs-large", "down", _SPEED, 1, _INCUMBENT),
    Goal("fastdfs-large", "down", "memory_mib", 10),
    Goal("service", "down", "cpu_ms", 1.25, "the library alone"),
    Goal("http-4k", "get c=64", _SPEED, 2.5, "FastAPI, FileResponse"),
    Goal("http-64m", "get", "cpu_ms", 1.25, "nginx without sendfile"),
    *(
        goal
        for name in ("old-links-s3", "old-links-fastdfs")
        for goal in (
            Goal(name, "get c=64", _SPEED, 3, f"FastAPI, {_INCUMBENT}"),
            Goal(name, "get c=64", "cpu_ms", 2.5, "the library alone"),
        )
    ),
    *(
        Goal(name, "small files", _SPEED, 0.85, "the same client's uploads")
        for name in ("migration-small", "migration-small-apart")
    ),
    Goal("migration-large", "large files", _SPEED, 0.9, "the same client's uploads"),
    *(Goal(f"migration-{size}", f"{size} files", "memory_mib", 100) for size in ("small", "large")),
    Goal("migration-ledger", "plan of known ids", _RATE, 100_000),
    Goal("migration-ledger", "status", _RATE, 1),
    *(
        Goal("ledger-postgres", f"claim and complete, 4 processes, {size} files", _RATE, 30_000)
        for size in ("100 000", "1 000 000", "10 000 000")
    ),
    Goal("ledger-postgres", "status, 10 000 000 files", _RATE, 0.5),
    # Either of the two will do.
    Goal("startup", "import", "figure", 150),
    Goal("startup", "import", _SPEED, 3, "aioboto3"),
)
