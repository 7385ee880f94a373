import pytest

from benchmarks.results.goals import GOALS, goals
from benchmarks.results.headline import ROWS
from benchmarks.results.report import Outcome, Report, SubjectOutcome
from benchmarks.workloads.catalogue import WORKLOADS, chosen


def outcome(rate: float, *, memory: float = 0) -> Outcome:
    return Outcome(values=[rate], cpu_ms=1, memory_mib=memory)


def down(ours: Outcome, incumbent: Outcome) -> Report:
    subjects = [
        SubjectOutcome(name="s3py-helper", version="1", operations={"down": ours}),
        SubjectOutcome(name="s3py-helper 0.0.17", version="0.0.17", operations={"down": incumbent}),
    ]
    return Report(workload="s3-large-down", title="Down", unit="MB/s", facts={}, subjects=subjects)


def verdict(report: Report, claim: str) -> str:
    text = goals({report.workload: report})
    row = next(line for line in text.splitlines() if f"| {claim}" in line)
    return row.strip("| ").rpartition("| ")[2]


def test_a_goal_is_reached_at_its_bound_and_not_below() -> None:
    assert verdict(down(outcome(220), outcome(100)), "times as fast as s3py-helper 0.0.17") == "yes"
    assert verdict(down(outcome(219), outcome(100)), "times as fast as s3py-helper 0.0.17") == "**no**"


def test_a_limit_is_kept_up_to_its_bound_and_not_above() -> None:
    assert verdict(down(outcome(1, memory=20), outcome(1)), "memory growth") == "yes"
    assert verdict(down(outcome(1, memory=21), outcome(1)), "memory growth") == "**no**"


def test_a_part_of_the_others_is_what_is_compared() -> None:
    subjects = [
        SubjectOutcome(name=name, version="1", operations={"down": Outcome(values=[1], cpu_ms=cpu)})
        for name, cpu in (("s3py serve", 5.0), ("the library alone", 4.0))
    ]
    service = Report(workload="service", title="Service", unit="MB/s", facts={}, subjects=subjects)
    assert verdict(service, "processor time as a part of the library alone's") == "yes"


def test_a_failure_reaches_no_goal() -> None:
    failed = down(Outcome(failures=["OSError"]), outcome(1))
    assert verdict(failed, "times as fast as s3py-helper 0.0.17") == "no figure"
    assert verdict(down(outcome(1), outcome(1)), "times as fast as curl") == "no figure"


def test_every_workload_proves_a_goal_or_a_line_of_the_readme() -> None:
    promised = {goal.workload for goal in GOALS} | {workload for _, workload, _ in ROWS}
    assert promised == {workload.name for workload in WORKLOADS}


def test_extra_workloads_are_chosen_by_their_full_names_only() -> None:
    assert [workload.name for workload in chosen(["s3-5g", "s3-many"])] == ["s3-many"]
    assert [workload.name for workload in chosen(["s3-5g-up"])] == ["s3-5g-up"]
    assert [workload.name for workload in chosen([])] == [w.name for w in WORKLOADS if not w.extra]


def test_an_unknown_workload_is_named() -> None:
    with pytest.raises(SystemExit, match="no workload begins with 's4'"):
        chosen(["zip", "s4"])
