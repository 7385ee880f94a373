"""What is done about one request that has failed."""

from dataclasses import dataclass
from time import monotonic

from s3py_helper.adapters.s3.api.corrections import Corrections
from s3py_helper.adapters.s3.api.errors import Failure, was_not_carried_out
from s3py_helper.adapters.s3.api.retrying import RetryPolicy
from s3py_helper.adapters.s3.api.signing import Credentials


class Outcome:
    """What is known about a request that failed.

    Attributes:
        uncertain: Whether an attempt may have been carried out although nobody confirmed it.
    """

    uncertain = False


@dataclass(frozen=True, slots=True)
class Retry:
    """Another attempt: after `pause` seconds, for that reason."""

    pause: float
    reason: str


class Recovery:
    """Remembers the failures of one request; made at the first of them.

    Args:
        policy: Decides on retries.
        corrections: Corrects what a refusal shows to be wrong.
        outcome: Takes note of attempts that may have been carried out.
        deadline: When the operation has to be over, by `time.monotonic`.
        once: Whether a failure is final unless something can be corrected.
    """

    def __init__(
        self, policy: RetryPolicy, corrections: Corrections, outcome: Outcome | None, deadline: float, *, once: bool
    ) -> None:
        self._policy = policy
        self._corrections = corrections
        self._outcome = outcome
        self._deadline = deadline
        self._once = once
        self._since = monotonic()
        self._failures = 0

    @property
    def time_left(self) -> float:
        """Seconds until the deadline."""
        return self._deadline - monotonic()

    async def after(self, error: Exception, failure: Failure, used: Credentials, clock_offset: float) -> Retry | None:
        """How to try again after an attempt with these keys and this offset has failed; `None` where that is final."""
        if self._outcome is not None and not was_not_carried_out(error):
            self._outcome.uncertain = True
        correction = await self._corrections.after(error, used, clock_offset)
        if correction is not None:
            return Retry(0, correction)
        if self._once:
            return None
        pause = self._policy.pause_after(
            self._failures, failure, failing_for=monotonic() - self._since, time_left=self.time_left
        )
        self._failures += 1
        return None if pause is None else Retry(pause, failure.reason)
