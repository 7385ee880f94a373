"""Whether a request that failed is sent again, and when."""

import random
import time
from collections.abc import Callable
from typing import Final

from s3py_helper.adapters.s3.api.errors import Failure
from s3py_helper.adapters.s3.config import S3PerfConfig

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


_TOKENS: Final = 500.0
_TOKENS_PER_SECOND: Final = 10.0


def pause_before(attempt: int, asked_for: float | None = None) -> float:
    """Seconds to wait after the attempt with this number, counted from zero, has failed.

    0.1 s, doubled each time up to 5 s; half of it is random, so that clients that failed together do not come back
    together ("equal jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), the
    other half is not, so that a number of attempts lasts a known time at least. The pause is never shorter than the
    service asked for.
    """
    bound: float = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
    pause = bound * random.uniform(0.5, 1)  # noqa: S311 - no secret depends on it
    return pause if asked_for is None else max(pause, asked_for)


class RetryBudget:
    """A bucket of tokens that all requests of a session share: each retry takes one.

    500 of them let 64 requests outlast a restart of the server. While nothing gets better, the session is left with
    ten retries a second, so that clients do not keep a backend in trouble. A retry that helped returns its token.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._tokens = _TOKENS
        self._counted_at = now()

    def take(self) -> bool:
        """Take a token; `False` when there is none."""
        now = self._now()
        self._tokens = min(_TOKENS, self._tokens + (now - self._counted_at) * _TOKENS_PER_SECOND)
        self._counted_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def refund(self) -> None:
        """A retry has helped."""
        self._tokens += 1  # what that is too much, `take` leaves out


class RetryPolicy:
    """Decides for all requests of a session.

    Args:
        perf: How often, and for how long.
        budget: What all requests together may spend.
    """

    def __init__(self, perf: S3PerfConfig, budget: RetryBudget | None = None) -> None:
        self._perf = perf
        self._budget = budget or RetryBudget()

    def pause_after(self, attempt: int, failure: Failure, *, failing_for: float, time_left: float) -> float | None:
        """Seconds to wait before the next attempt; `None` when there is to be none.

        Args:
            attempt: The one that failed, counted from zero.
            failure: How it failed. A service that asks for a longer pause than there is time for is not asked again.
            failing_for: Seconds since the first failure.
            time_left: Seconds until the operation's deadline.
        """
        if not failure.retryable or attempt >= self._perf.max_retries:
            return None
        pause = pause_before(attempt, failure.retry_after)
        if failing_for + pause > self._perf.retry_seconds or pause >= time_left:
            return None
        return pause if self._budget.take() else None

    def helped(self) -> None:
        """A retry has helped."""
        self._budget.refund()
