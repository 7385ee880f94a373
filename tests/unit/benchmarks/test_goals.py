from benchmarks.harness.results import Outcome, Report, SubjectOutcome
from benchmarks.harness.statistics import Spread
from benchmarks.report.goals import GOALS, goals
from benchmarks.workloads.catalogue import WORKLOADS
from benchmarks.workloads.workload import Unit


def outcome(rate: float, *, memory: int = 0) -> Outcome:
    return Outcome(figure=Spread(rate, rate, rate), cpu_milliseconds=1, memory_growth=memory)


def down(ours: Outcome, incumbent: Outcome) -> Report:
    subjects = [
        SubjectOutcome("s3py-helper", "ours", "1", {"down": ours}),
        SubjectOutcome("s3py-helper 0.0.17", "incumbent", "0.0.17", {"down": incumbent}),
    ]
    return Report("s3-large-down", "Down", Unit.MEGABYTES, {}, subjects)


def verdict(report: Report, claim: str) -> str:
    text = goals({report.workload: report})
    row = next(line for line in text.splitlines() if f"Down: {claim}" in line)
    return row.strip("| ").rpartition("| ")[2]


def test_a_goal_is_reached_at_its_bound_and_not_below() -> None:
    assert verdict(down(outcome(220), outcome(100)), "times as fast as 0.0.17") == "yes"
    assert verdict(down(outcome(219), outcome(100)), "times as fast as 0.0.17") == "**no**"


def test_a_limit_is_kept_up_to_its_bound_and_not_above() -> None:
    mib = 1024 * 1024
    assert verdict(down(outcome(1, memory=20 * mib), outcome(1)), "memory growth") == "yes"
    assert verdict(down(outcome(1, memory=21 * mib), outcome(1)), "memory growth") == "**no**"


def test_a_failure_reaches_no_goal() -> None:
    assert verdict(down(Outcome(failures=["OSError"]), outcome(1)), "times as fast as 0.0.17") == "no figure"
    assert verdict(down(outcome(1), outcome(1)), "times as fast as curl") == "no figure"


def test_every_goal_belongs_to_a_workload() -> None:
    assert {goal.workload for goal in GOALS} <= {workload.name for workload in WORKLOADS}
