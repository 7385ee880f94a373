"""What a run found out, as it is kept in JSON: one file for each workload."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.child.sample import Sample
from benchmarks.harness.statistics import Spread
from benchmarks.workloads.workload import Unit


@dataclass(frozen=True, slots=True)
class Outcome:
    """One operation by one subject, over all repetitions.

    Attributes:
        figure: In the workload's unit; `None` when it never worked or is not offered.
        cpu_milliseconds: Processor time for each single operation or file.
        memory_growth: In bytes; the most of all repetitions.
        stall_milliseconds: The longest stall of the event loop; the median of the repetitions.
        p99_milliseconds: Within which 99 % of the operations ended.
        ratio: Size of what came out to what went in, for archives.
        failures: Messages of the repetitions that failed.
        offered: False when the library has no such operation.
    """

    figure: Spread | None = None
    values: list[float] = field(default_factory=list)
    cpu_milliseconds: float | None = None
    memory_growth: int | None = None
    stall_milliseconds: float | None = None
    p99_milliseconds: float | None = None
    ratio: float | None = None
    failures: list[str] = field(default_factory=list)
    offered: bool = True

    @classmethod
    def of(cls, samples: Sequence[Sample], unit: Unit) -> "Outcome":
        good = [sample for sample in samples if sample.offered and sample.error is None]
        failures = [sample.error for sample in samples if sample.error is not None]
        if not good:
            return cls(failures=failures, offered=bool(failures))
        values = [unit.figure(sample) for sample in good]
        return cls(
            figure=Spread.of(values),
            values=[round(value, 3) for value in values],
            cpu_milliseconds=Spread.of([sample.cpu_seconds / sample.count * 1e3 for sample in good]).median,
            memory_growth=max(sample.memory_growth for sample in good),
            stall_milliseconds=_middle_in_milliseconds([sample.stall_seconds for sample in good]),
            p99_milliseconds=_middle_in_milliseconds([sample.p99_seconds for sample in good]),
            ratio=good[0].ratio,
            failures=failures,
        )


@dataclass(frozen=True, slots=True)
class SubjectOutcome:
    name: str
    role: str
    version: str
    operations: dict[str, Outcome]


@dataclass(frozen=True, slots=True)
class Report:
    """Attributes:
    facts: When, where and on what it was measured.
    """

    workload: str
    title: str
    unit: Unit
    facts: dict[str, Any]
    subjects: list[SubjectOutcome]

    @property
    def operations(self) -> list[str]:
        """Every operation that somebody did, in the order of the first who did."""
        return list(dict.fromkeys(name for subject in self.subjects for name in subject.operations))

    def save(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.workload}.json"
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")
        return path

    @classmethod
    def load(cls, path: Path) -> "Report":
        data = json.loads(path.read_text())
        subjects = [
            SubjectOutcome(**subject | {"operations": {name: _outcome(o) for name, o in subject["operations"].items()}})
            for subject in data["subjects"]
        ]
        return cls(**data | {"unit": Unit(data["unit"]), "subjects": subjects})


def _outcome(data: dict[str, Any]) -> Outcome:
    return Outcome(**data | {"figure": Spread(**data["figure"]) if data["figure"] else None})


def _middle_in_milliseconds(seconds: Sequence[float | None]) -> float | None:
    known = [value for value in seconds if value is not None]
    return Spread.of(known).median * 1e3 if known else None
