"""How many files may be copied at once: fewer while the target cannot follow, more again when it can."""

import time
from collections.abc import Callable
from typing import Final

_CALM_SECONDS: Final = 5.0
"""Seconds without trouble after which one more copy is allowed."""

_SLOW_SECONDS: Final = 0.5
_SLOWER: Final = 3.0
"""A copy that takes this many times as long as usual, or longer, shows that the target is at its limit."""

_PATIENT_FAILURES: Final = 8
_LONGEST_PAUSE: Final = 10.0
"""Seconds between copies while the target is down: files must not use up their attempts meanwhile."""

_RECENT: Final = 0.1
_USUAL: Final = 0.005
_NEEDED: Final = 50


class Allowance:
    """A number that halves with trouble and grows by one in calm.

    Args:
        most: Its maximum.
        clock: Gives seconds that never go back.

    Attributes:
        now: The current number.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.now = most
        self._most = most
        self._clock = clock
        self._trouble_at = -_CALM_SECONDS
        self._recent = 0.0
        self._usual = 0.0
        self._counted = 0
        self._failures = 0

    @property
    def pause(self) -> float:
        """Seconds to wait before the next copy, after nothing but failures."""
        more = self._failures - _PATIENT_FAILURES
        return 0.0 if more < 0 else min(_LONGEST_PAUSE, 0.5 * 2.0 ** min(more, 10))

    @property
    def gives_way(self) -> bool:
        """Whether it is lower than it could be."""
        return self.now < self._most

    def set_most(self, most: int) -> None:
        """Set another maximum; what the number was lowered by still counts."""
        self.now = most if not self.gives_way else min(self.now, most)
        self._most = most

    def failed(self) -> None:
        """Note that the target refused for now, or did not respond."""
        self._failures += 1
        self._halve()

    def succeeded(self, seconds: float | None = None) -> None:
        """Note that a file was copied and, for a small one, the seconds that it took."""
        self._failures = 0
        if seconds is None:
            return
        self._counted += 1
        self._recent += (seconds - self._recent) * (_RECENT if self._counted > 1 else 1.0)
        self._usual += (seconds - self._usual) * (_USUAL if self._counted > _NEEDED else 1.0 / self._counted)
        if self._counted > _NEEDED and self._recent > max(_SLOW_SECONDS, _SLOWER * self._usual):
            self._halve()
            self._recent = self._usual
        elif self.gives_way and self._clock() - self._trouble_at > _CALM_SECONDS:
            self.now += 1
            self._trouble_at = self._clock()

    def _halve(self) -> None:
        """At most once a second: errors come in crowds."""
        now = self._clock()
        if now - self._trouble_at > 1:
            self.now = max(1, self.now // 2)
        self._trouble_at = now
