"""Carries shards to workers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

SHARD_SECONDS: Final = 300.0
"""Seconds after which a worker finishes the files at hand and takes the next shard."""

UNTIL_AGAIN_SECONDS: Final = 900.0
"""How long a broker waits for a shard to be done with before it hands it out again: longer than one takes, but for
files of hours, whose leases keep others away from them."""


class ShardQueue(Protocol):
    """A queue in a message broker. It may lose shards, and hand one out twice: what counts is in the ledger.

    Raises, all methods alike:
        StorageUnavailableException: The broker cannot be reached, or does not take or give messages now.
    """

    async def put(self, shards: Sequence[int]) -> None:
        """Put shards behind those that are there."""
        ...

    async def take(self, work: Callable[[int], Awaitable[None]], *, patience: float, stopping: asyncio.Event) -> int:
        """Hand out shards, one after the other, until none has come for that many seconds; returns how many came.

        Ends after the shard at hand when `stopping` is set. A shard is done with when `work` returns; the broker hands
        it out again where its worker dies, or takes longer than `SHARD_SECONDS` allows for.
        """
        ...
