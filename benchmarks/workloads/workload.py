"""What the runner knows of a workload."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.child.sample import Sample
from benchmarks.harness.bench import Bench
from benchmarks.harness.subjects import Subject


class Unit(StrEnum):
    """What figures are given in."""

    OPERATIONS = "ops/s"
    MEGABYTES = "MB/s"
    MILLISECONDS = "ms"

    @property
    def less_is_better(self) -> bool:
        return self is Unit.MILLISECONDS

    def figure(self, sample: Sample) -> float:
        match self:
            case Unit.OPERATIONS:
                return sample.count / sample.seconds
            case Unit.MEGABYTES:
                return sample.size / sample.seconds / 1e6
            case Unit.MILLISECONDS:
                return sample.seconds * 1e3


type Measure = Callable[[Subject], list[Sample]]
"""Lets a subject do the work once, in fresh processes. What it raises counts as the subject's failure."""


@dataclass(frozen=True, slots=True)
class Workload(ABC):
    """A workload; subclasses do the work.

    Attributes:
        name: What the command line calls it.
        title: What tables and plots call it.
        subjects: Who does it; the first is s3py-helper.
        server: Kind of server it runs against; empty for none.
        extra: Takes long or much room: only done when it is asked for by name.
    """

    name: str
    title: str
    unit: Unit
    subjects: tuple[Subject, ...]
    server: str = "s3"
    extra: bool = False

    @abstractmethod
    def ready(self, bench: Bench) -> AbstractContextManager[Measure]:
        """Prepares what all subjects share in one run."""
