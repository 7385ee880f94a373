"""When a request is sent again."""

from s3py_helper.adapters.s3.api.errors import Failure
from s3py_helper.adapters.s3.api.retrying import RetryBudget, RetryPolicy, pause_before
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.domain.errors import AccessDeniedException, StorageUnavailableException

PASSING = Failure(StorageUnavailableException, "overloaded")


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def pause(policy: RetryPolicy, attempt: int = 0, failure: Failure = PASSING, **more: float) -> float | None:
    return policy.pause_after(attempt, failure, **{"failing_for": 0.0, "time_left": 30.0, **more})


def test_pauses_grow_and_are_random_within_half_of_their_bound() -> None:
    for attempt, bound in enumerate([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]):
        pauses = {pause_before(attempt) for _ in range(50)}
        assert len(pauses) > 1
        assert bound / 2 <= min(pauses)
        assert max(pauses) <= bound


def test_the_default_outlasts_a_restart_of_several_seconds() -> None:
    policy, total = RetryPolicy(S3PerfConfig()), 0.0
    for attempt in range(99):
        following = pause(policy, attempt, failing_for=total)
        if following is None:
            break
        total += following
    assert 8 <= total <= 17


def test_a_refusal_for_good_is_final() -> None:
    assert pause(RetryPolicy(S3PerfConfig()), failure=Failure(AccessDeniedException, "no")) is None


def test_attempts_are_counted() -> None:
    policy = RetryPolicy(S3PerfConfig(max_retries=2))
    assert pause(policy, 1) is not None
    assert pause(policy, 2) is None
    assert pause(RetryPolicy(S3PerfConfig(max_retries=0))) is None


def test_no_attempt_begins_after_the_time_for_retries_or_the_deadline() -> None:
    policy = RetryPolicy(S3PerfConfig(retry_seconds=10))
    assert pause(policy, failing_for=9.8) is not None
    assert pause(policy, failing_for=9.96) is None
    assert pause(policy, time_left=0.2) is not None
    assert pause(policy, time_left=0.04) is None


def test_what_the_service_asks_for_is_the_least_pause() -> None:
    policy = RetryPolicy(S3PerfConfig(retry_seconds=10))
    assert pause(policy, failure=Failure(StorageUnavailableException, "busy", retry_after=7.0)) == 7.0
    assert 0 < (pause(policy, failure=Failure(StorageUnavailableException, "busy", retry_after=0.0)) or 0) <= 0.1


def test_a_service_that_asks_for_more_time_than_there_is_is_not_asked_again() -> None:
    policy = RetryPolicy(S3PerfConfig(retry_seconds=10))
    assert pause(policy, failure=Failure(StorageUnavailableException, "busy", retry_after=11.0)) is None
    assert pause(policy, failure=Failure(StorageUnavailableException, "busy", retry_after=7.0), time_left=6.0) is None


def test_a_pause_may_last_as_long_as_retries_and_must_end_before_the_deadline() -> None:
    policy = RetryPolicy(S3PerfConfig(retry_seconds=10))
    busy = Failure(StorageUnavailableException, "busy", retry_after=7.0)
    assert pause(policy, failure=busy, failing_for=3.0) == 7.0
    assert pause(policy, failure=busy, failing_for=3.001) is None
    assert pause(policy, failure=busy, time_left=7.001) == 7.0
    assert pause(policy, failure=busy, time_left=7.0) is None


def test_all_requests_together_spend_a_budget() -> None:
    clock = Clock()
    policy = RetryPolicy(S3PerfConfig(), RetryBudget(clock))
    for _ in range(500):
        assert pause(policy) is not None
    assert pause(policy) is None
    clock.time += 1
    assert sum(pause(policy) is not None for _ in range(99)) == 10
    policy.helped()
    assert pause(policy) is not None
    assert pause(policy) is None


def test_the_budget_does_not_grow_beyond_its_size() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    clock.time += 3600
    budget.refund()
    assert sum(budget.take() for _ in range(1000)) == 500


def test_what_is_final_anyway_costs_nothing() -> None:
    budget = RetryBudget(Clock())
    policy = RetryPolicy(S3PerfConfig(max_retries=1), budget)
    for _ in range(1000):
        assert pause(policy, 1) is None
    assert pause(policy, 0) is not None
