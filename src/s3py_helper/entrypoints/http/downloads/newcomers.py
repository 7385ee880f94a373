"""Clients that have not been served for long: one timer waits for all of them."""

import asyncio
from contextvars import Context
from typing import Final, Protocol
from weakref import WeakKeyDictionary

FIRST_LOOK: Final = 0.05
"""Seconds after which a client is no newcomer any more, at the latest; half of it at the earliest."""


class Newcomer(Protocol):
    """Somebody who will have to be looked after."""

    def look_after(self) -> None:
        """Called once, unless it was discarded before."""
        ...


class Newcomers:
    """Those of one event loop. Nearly all are served before they are due, which a timer for each would show in."""

    def __init__(self) -> None:
        self._young: set[Newcomer] = set()
        self._old: set[Newcomer] = set()
        self._ticking = False
        # What is done for one of them shall not count as that of the one who came first.
        self._context = Context()

    def add(self, newcomer: Newcomer) -> None:
        """Have it looked after when its time has come."""
        self._young.add(newcomer)
        if not self._ticking:
            self._ticking = True
            self._wait()

    def discard(self, newcomer: Newcomer) -> None:
        """Forget it: it has been served."""
        self._young.discard(newcomer)
        self._old.discard(newcomer)

    def _tick(self) -> None:
        due, self._old, self._young = self._old, self._young, set()
        self._ticking = bool(self._old)
        if self._ticking:
            self._wait()
        for newcomer in due:
            newcomer.look_after()

    def _wait(self) -> None:
        asyncio.get_running_loop().call_later(FIRST_LOOK / 2, self._tick, context=self._context)


_BY_LOOP: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, Newcomers]] = WeakKeyDictionary()


def newcomers_of(loop: asyncio.AbstractEventLoop) -> Newcomers:
    """Those of an event loop."""
    newcomers = _BY_LOOP.get(loop)
    if newcomers is None:
        newcomers = _BY_LOOP[loop] = Newcomers()
    return newcomers
