"""How many requests a client may send on average: the generic cell rate algorithm (ITU-T I.371) in bounded memory.

A client's cell holds the moment at which it has used up nothing of what it is granted; each request moves it by the
time that one request costs. It may lie ahead of now by as much as a burst costs.

Clients are many, and some choose their addresses, so that none has a cell of its own: each has one in each row of a
table (a count-min sketch), and the least of these counts. Others who share a cell can only make it later, and that they
share one in every row is next to impossible. The table may be shared memory, so that the limit holds over processes;
two of them that write one cell in the same instant can lose one request of the count, which harms nobody.
"""

from collections.abc import MutableSequence
from hashlib import blake2b
from itertools import repeat
from secrets import token_bytes
from time import monotonic
from typing import Final

from s3py_helper.domain.errors import InvalidArgumentException

_ROWS: Final = 4
_WIDTH: Final = 1 << 14
_DIGEST_BYTES: Final = 2 * _ROWS
_ROUNDING: Final = 1e-6
"""Seconds: sums of doubles are not exact."""

CELLS: Final = _ROWS * _WIDTH
"""Numbers of double precision that the table takes: 512 KiB."""


class RateLimit:
    """Grants requests.

    Args:
        per_second: Requests of one client per second, on average; above 0.
        burst: Requests that it may send at once after a pause; at least 1.
        table: `CELLS` times 0.0, in memory that all processes share; of its own by default.
        salt: Which cells are whose; the same in all processes.
    """

    def __init__(
        self, per_second: float, burst: int, table: MutableSequence[float] | None = None, salt: bytes | None = None
    ) -> None:
        if per_second <= 0 or burst < 1:
            raise InvalidArgumentException(f"a rate is above 0 and a burst at least 1, got {per_second} and {burst}")
        self._cost: Final = 1 / per_second
        self._tolerance: Final = (burst - 1) * self._cost
        self._table: Final = list(repeat(0.0, CELLS)) if table is None else table
        self._salt: Final = salt or token_bytes(16)

    def wait_of(self, client: str, now: float | None = None) -> float:
        """0 for a request that is granted, else the seconds after which it would be.

        Args:
            client: Who sends it.
            now: Seconds of the clock that all processes share (`time.monotonic`).
        """
        now = monotonic() if now is None else now
        cells = self._cells_of(client)
        used_up = max(now, min(self._table[cell] for cell in cells))
        if (wait := used_up - now - self._tolerance) > _ROUNDING:
            return wait
        for cell in cells:
            self._table[cell] = max(self._table[cell], used_up + self._cost)
        return 0.0

    def _cells_of(self, client: str) -> list[int]:
        digest = blake2b(client.encode(errors="surrogateescape"), digest_size=_DIGEST_BYTES, key=self._salt).digest()
        return [row * _WIDTH + int.from_bytes(digest[2 * row : 2 * row + 2]) % _WIDTH for row in range(_ROWS)]
