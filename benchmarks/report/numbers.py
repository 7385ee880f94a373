"""Numbers as people read them."""

from benchmarks.harness.results import Outcome, Report, SubjectOutcome
from benchmarks.harness.statistics import Spread, times_as_good

TIMES = "\N{MULTIPLICATION SIGN}"
DASH = "\N{EN DASH}"
MISSING = DASH
FAILS = "fails"


def three_digits(value: float) -> str:
    """About three significant digits, thousands apart: `0.123`, `1.23`, `12.3`, `123`, `1 230`, `12 300`."""
    if value == 0:
        return "0"
    magnitude = abs(value)
    for bound, form in ((0.0995, ".3f"), (9.95, ".2f"), (99.5, ".1f")):
        if magnitude < bound:
            return format(value, form)
    digits = 0 if magnitude < 999.5 else -1 if magnitude < 9995 else -2
    return f"{round(value, digits):,.0f}".replace(",", " ")


def with_spread(spread: Spread) -> str:
    return f"{three_digits(spread.median)} ({three_digits(spread.low)}{DASH}{three_digits(spread.high)})"


def times(ratio: float) -> str:
    return f"{three_digits(ratio)}{TIMES}"


def ours_in(report: Report) -> SubjectOutcome:
    """The subject that the others are compared with."""
    return next(subject for subject in report.subjects if subject.role == "ours")


def advantage(report: Report, operation: str, subject: SubjectOutcome) -> float | None:
    """How many times as fast as the subject s3py-helper is; `None` where one of the two has no figure."""
    ours = ours_in(report).operations.get(operation, Outcome()).figure
    theirs = subject.operations.get(operation, Outcome()).figure
    if ours is None or theirs is None:
        return None
    return times_as_good(ours.median, theirs.median, less_is_better=report.unit.less_is_better)


def why_no_figure(outcome: Outcome) -> str:
    return FAILS if outcome.failures else MISSING
