"""How long to wait before the next attempt."""

import random
from typing import Final

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


def pause_before(attempt: int, asked_for: float | None = None) -> float:
    """Seconds to wait after the attempt of that number, counted from zero, has failed.

    0.1 s, doubled each time up to 5 s, of which a random half: so that clients that failed together do not come back
    together ("equal jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), and so that a
    given number of attempts lasts a known time at the least. The pause is never shorter than the service asked for.
    """
    bound: float = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
    pause = bound * random.uniform(0.5, 1)  # noqa: S311 - no secret depends on it
    return pause if asked_for is None else max(pause, asked_for)
