"""A bound over what several requests hold in memory together."""

from collections import Counter
from typing import Final

from s3py_helper.entrypoints.http.limits.errors import ServiceBusyException


class MemoryBudget:
    """Bytes that requests may hold, in all and each client.

    Nobody waits for memory: those that have some while they wait for more would wait for each other.

    Attributes:
        each: What one client may hold.

    Args:
        what: What the memory is for, in error messages.
        total: Bytes.
        share: The part of them that one client may hold.
    """

    def __init__(self, what: str, total: int, *, share: float) -> None:
        self._what = what
        self._total: Final = total
        self.each: Final = int(total * share)
        self._used = 0
        self._held: Counter[str] = Counter()

    @property
    def used(self) -> int:
        """Bytes that are held."""
        return self._used

    def charge(self, client: str, count: int) -> None:
        """Take that many bytes; `release` frees them.

        Raises:
            ServiceBusyException: They are not free; none were taken.
        """
        if self._used + count > self._total:
            raise ServiceBusyException(f"{self._what} take all of the {self._total} bytes that there are for them")
        if self._held[client] + count > self.each:
            raise ServiceBusyException(f"{self._what} of this client take all of its {self.each} bytes")
        self._used += count
        self._held[client] += count

    def release(self, client: str, count: int) -> None:
        """Free that many bytes."""
        self._used -= count
        self._held[client] -= count
        if not self._held[client]:
            del self._held[client]
