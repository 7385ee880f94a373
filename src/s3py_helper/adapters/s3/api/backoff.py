"""How long to wait before the next attempt."""

import random
from typing import Final

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


def pause_before(attempt: int, asked_for: float | None = None) -> float:
    """Seconds to wait after the attempt of that number, counted from zero, has failed.

    Random within a growing bound, so that clients that failed together do not come back together:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/. What the service asks for is the least,
    within reason.
    """
    bound = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
    pause = random.uniform(0, bound)  # noqa: S311 - no secret depends on it
    return pause if asked_for is None else max(pause, min(asked_for, _LONGEST_PAUSE))
