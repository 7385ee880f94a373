import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.guard import recorded
from tests.support.guard.costs import Cost
from tests.support.guard.counter import Counter

ROOT = Path(__file__).resolve().parents[2]


# It measures for seconds, and best with nothing beside it: part of `make check`, as CONTRIBUTING.md says.
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_small_operations_cost_hardly_more_than_was_recorded() -> None:
    # Measuring coverage takes processor time of its own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.guard", "--check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, f"{done.stderr}\nWhere this is meant: make guard"


def test_recorded_are_all_small_operations_in_every_place() -> None:
    operations = ("put", "get", "info", "zip entry", "delete")
    places = ("s3", "filesystem", "memory")
    assert list(recorded.load()) == [f"{place} {operation}" for place in places for operation in operations]


@pytest.mark.parametrize(
    ("calls", "instructions", "work", "grown"),
    [
        (149, 1499, 2.99, []),
        (150, 1000, 2, ["s3 put: 150 calls instead of 100"]),
        (100, 1500, 2, ["s3 put: 1500 instructions instead of 1000"]),
        (100, 1000, 3, ["s3 put: 3 work instead of 2"]),
        (1, 1, 0.1, []),
    ],
)
def test_a_cost_that_grows_by_half_is_reported(
    calls: float, instructions: float, work: float, grown: list[str]
) -> None:
    before = {"s3 put": Cost(100, 1000, 2)}
    assert recorded.growth({"s3 put": Cost(calls, instructions, work)}, before) == grown


def test_the_least_of_two_measurements_counts() -> None:
    assert Cost(1, 20, 0.3).least(Cost(2, 10, 0.2)) == Cost(1, 10, 0.2)


def test_an_operation_that_is_not_recorded_is_reported() -> None:
    cost = Cost(1, 1, 1)
    assert len(recorded.growth({"s3 put": cost}, {"s3 get": cost})) == 2


def _called(times: int) -> int:
    return sum(_number() for _ in range(times))


def _number() -> int:
    return 1


def test_calls_are_counted_exactly() -> None:
    counts = []
    for times in (1, 11):
        with Counter() as counter:
            _called(times)
        counts.append(counter)
    assert counts[1].calls - counts[0].calls == 10
    assert counts[1].instructions > counts[0].instructions


def test_nothing_is_counted_outside_the_block() -> None:
    with Counter() as counter:
        pass
    calls = counter.calls
    _called(5)
    assert counter.calls == calls
