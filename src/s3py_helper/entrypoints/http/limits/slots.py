"""A bounded number of places for work that takes long, shared between clients."""

import asyncio
import math
from collections import Counter, OrderedDict, deque
from types import TracebackType
from typing import Final

from s3py_helper.entrypoints.http.limits.errors import ServiceBusyException


class Slots:
    """Places that are granted to clients in turn: one client that asks for many does not keep others waiting.

    Args:
        what: What the places are for, in error messages.
        total: How many there are.
        share: The part of them that one client may hold.
        patience: Seconds to wait for one.
    """

    def __init__(self, what: str, total: int, *, share: float, patience: float) -> None:
        self._what = what
        self._total = total
        self._each: Final = max(1, math.ceil(total * share))
        self._patience = patience
        self._free = total
        self._held: Counter[str] = Counter()
        # By client, in the order in which it is their turn.
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def free(self) -> int:
        """How many nobody holds."""
        return self._free

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return sum(map(len, self._waiting.values()))

    def take_now(self, client: str) -> bool:
        """Take a place, to be given back with `release`; whether there was one.

        Nobody is overtaken: while somebody waits, there is none that this client could have instead.
        """
        if self._free == 0 or self._held[client] >= self._each:
            return False
        self._grant(client)
        return True

    async def take(self, client: str) -> None:
        """Take a place, to be given back with `release`; wait for it if need be.

        Raises:
            ServiceBusyException: There was none in time.
        """
        if self.take_now(client):
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(granted)
        try:
            async with asyncio.timeout(self._patience):
                await granted
        except BaseException as error:  # the place may have been granted meanwhile, and nobody else would release it
            if granted.done() and not granted.cancelled():
                self.release(client)
            if isinstance(error, TimeoutError):
                raise self._busy(client) from None
            raise
        finally:
            self._leave_queue(client, granted)

    def release(self, client: str) -> None:
        """Give a place back; the next client whose turn it is gets it."""
        self._free += 1
        self._held[client] -= 1
        if not self._held[client]:
            del self._held[client]
        if self._waiting:
            self._hand_on()

    def held_by(self, client: str) -> "_Held":
        """A context in which the client has a place."""
        return _Held(self, client)

    def _grant(self, client: str) -> None:
        self._free -= 1
        self._held[client] += 1

    def _hand_on(self) -> None:
        for client, queue in self._waiting.items():
            if self._held[client] < self._each:
                # One that was cancelled in this very moment has not left the queue yet.
                granted = next((waiting for waiting in queue if not waiting.done()), None)
                if granted is not None:
                    self._grant(client)
                    granted.set_result(None)
                    self._waiting.move_to_end(client)
                    return

    def _leave_queue(self, client: str, granted: asyncio.Future[None]) -> None:
        queue = self._waiting[client]
        queue.remove(granted)
        if not queue:
            del self._waiting[client]

    def _busy(self, client: str) -> ServiceBusyException:
        own = self._held[client] >= self._each
        taken = f"this client has all {self._each}" if own else f"all {self._total} are taken"
        return ServiceBusyException(f"no place for {self._what} within {self._patience:g} s: {taken}")


class _Held:
    def __init__(self, slots: Slots, client: str) -> None:
        self._slots = slots
        self._client = client

    async def __aenter__(self) -> None:
        await self._slots.take(self._client)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._slots.release(self._client)
