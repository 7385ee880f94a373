"""The results of a workload, and the files that keep them."""

import re
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

from benchmarks.child.measuring import ALL_OPERATIONS, Sample

type Unit = Literal["ops/s", "MB/s", "ms"]


class Outcome(BaseModel, frozen=True):
    """One operation by one subject, over all repetitions.

    Attributes:
        values: In the workload's unit, of each repetition; none where it never worked or is not offered.
        cpu_ms: Processor time for each single operation or file.
        p99_ms: Within which 99 % of the operations ended.
        memory_mib: Growth of memory; the most of all repetitions.
        stall_ms: The longest stall of the event loop; the median of the repetitions.
        ratio: Size of what came out to what went in, for archives.
        failures: Messages of the repetitions that failed.
    """

    values: list[float] = []
    cpu_ms: float | None = None
    p99_ms: float | None = None
    memory_mib: float | None = None
    stall_ms: float | None = None
    ratio: float | None = None
    failures: list[str] = []

    @classmethod
    def of(cls, samples: list[Sample], unit: Unit) -> "Outcome":
        failures = [sample.error for sample in samples if sample.error is not None]
        good = [sample for sample in samples if sample.error is None]
        if not good:
            return cls(failures=failures)
        return cls(
            values=[round(_figure(sample, unit), 6) for sample in good],
            cpu_ms=_milliseconds(sample.cpu_seconds / sample.count for sample in good),
            p99_ms=_milliseconds(sample.p99_seconds for sample in good),
            memory_mib=round(max(sample.memory_growth for sample in good) / 2**20, 6),
            stall_ms=_milliseconds(sample.stall_seconds for sample in good),
            ratio=good[0].ratio,
            failures=failures,
        )

    @property
    def figure(self) -> float | None:
        """The median; `None` where there is no value."""
        return median(self.values) if self.values else None


class SubjectOutcome(BaseModel, frozen=True):
    name: str
    version: str
    operations: dict[str, Outcome]

    def __getitem__(self, operation: str) -> Outcome:
        """Empty for what it does not offer."""
        return self.operations.get(operation, Outcome())


class Report(BaseModel, frozen=True):
    """Attributes:
    facts: When, where and on what it was measured.
    subjects: The first is s3py-helper.
    """

    workload: str
    title: str
    unit: Unit
    facts: dict[str, Any]
    subjects: list[SubjectOutcome]

    @property
    def ours(self) -> SubjectOutcome:
        return self.subjects[0]

    def subject(self, name: str) -> SubjectOutcome | None:
        return next((subject for subject in self.subjects if subject.name == name), None)

    def advantage(self, operation: str, subject: SubjectOutcome) -> float | None:
        """How many times as fast as the subject s3py-helper is; `None` where one of the two has no figure."""
        ours, theirs = self.ours[operation].figure, subject[operation].figure
        if not ours or not theirs:
            return None
        return theirs / ours if self.unit == "ms" else ours / theirs


type Reports = dict[str, Report]
"""By workload, in the order in which they are shown."""

_release = TypeAdapter(list[Report])


def outcomes(samples: list[Sample], operations: Iterable[str], unit: Unit) -> dict[str, Outcome]:
    """By operation. A failure of the whole job is a failure of every operation."""
    names = [name for name in operations if name != ALL_OPERATIONS] or [ALL_OPERATIONS]
    found = {name: [sample for sample in samples if sample.operation in {name, ALL_OPERATIONS}] for name in names}
    return {name: Outcome.of(of_operation, unit) for name, of_operation in found.items() if of_operation}


def _figure(sample: Sample, unit: Unit) -> float:
    if unit == "ms":
        return sample.seconds * 1e3
    return (sample.count if unit == "ops/s" else sample.size / 1e6) / sample.seconds


def load(folder: Path) -> Reports:
    """The newest results of every workload: a release measures again what it likes, the rest stays as it was."""
    reports: Reports = {}
    for path in sorted(folder.glob("*.json"), key=lambda path: [int(part) for part in re.findall(r"\d+", path.stem)]):
        reports |= _load_release(path)
    return reports


def keep(report: Report, folder: Path) -> None:
    """Put it among the results of the release that this checkout is: a line for each workload."""
    path = folder / f"{version('s3py-helper')}.json"
    reports = _load_release(path) | {report.workload: report}
    lines = ",\n".join(report.model_dump_json(exclude_defaults=True) for report in reports.values())
    path.write_text(f"[\n{lines}\n]\n")


def _load_release(path: Path) -> Reports:
    reports = _release.validate_json(path.read_text()) if path.is_file() else []
    return {report.workload: report for report in reports}


def _milliseconds(seconds: Iterable[float | None]) -> float | None:
    """The median."""
    known = [value for value in seconds if value is not None]
    return round(median(known) * 1e3, 6) if known else None
