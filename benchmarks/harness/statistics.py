"""From the samples of several repetitions to figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some values, with the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Raises `ValueError` when there are none."""
        if not values:
            raise ValueError("no values to summarise")
        return cls(median(values), min(values), max(values))


def times_as_good(ours: float, theirs: float, *, less_is_better: bool) -> float | None:
    """How many times better the first figure is; below 1 it is worse. `None` where a figure of zero forbids it."""
    better, worse = (theirs, ours) if less_is_better else (ours, theirs)
    return better / worse if worse > 0 else None
