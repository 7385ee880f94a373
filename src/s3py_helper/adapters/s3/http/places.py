"""Who may hold a connection: a bounded number of places, some of them reserved for requests that are over soon."""

import asyncio
from enum import IntEnum
from itertools import count
from typing import Final

from s3py_helper.adapters.s3.http.faults import ClientClosed, NoPlaceInTime

_RESERVED_OF: Final = 8
"""One place in eight is closed to requests that last, one in sixteen to those that move much."""


class Hold(IntEnum):
    """How long a request keeps its place."""

    BRIEF = 0
    """Over as soon as the server has responded: little goes out, and what comes in fits the connection's buffer."""
    BULK = 1
    """Ends by itself, but moves many bytes first."""
    LASTING = 2
    """Ends when the caller has read the response, at the caller's pace."""


class Place:
    """The right to one connection at a time, until `release`; a second release has no effect."""

    __slots__ = ("_hold", "_places")

    def __init__(self, places: "Places", hold: Hold) -> None:
        self._places: Places | None = places
        self._hold = hold

    def release(self) -> None:
        """Give the place back."""
        if self._places is not None:
            self._places.put_back(self._hold)
            self._places = None


class Places:
    """A fixed number of places, granted in order among the requests that may have them.

    Requests that last may hold all but an eighth (at least one), and together with those that move much all but half of
    that, so that brief ones always find a place: readers that do not read, however many, cannot stop a `HEAD`. With a
    single place nothing is reserved.

    Args:
        limit: How many places there are.
    """

    def __init__(self, limit: int) -> None:
        reserved = max(1, limit // _RESERVED_OF) if limit > 1 else 0
        self.limit: Final = limit
        self._limits: Final = (limit, limit - reserved // 2, limit - reserved)
        self._unreserved: Final = limit - reserved
        self._in_use = 0
        self._held = [0, 0, 0]
        self._waiting: tuple[dict[int, asyncio.Future[Place]], ...] = ({}, {}, {})
        self._tickets = count()
        self._closed = False

    @property
    def in_use(self) -> int:
        """How many are held."""
        return self._in_use

    def take(self, hold: Hold) -> Place | None:
        """A place if one is free for such a request, else `None`, and always after `close`.

        Nobody is overtaken: callers wait only while all places within their reach are held.
        """
        if self._closed:
            return None
        # Below the lowest limit, which is where a service nearly always is, nothing else has to be looked at.
        if self._in_use >= self._unreserved and not self._is_within_reach(hold):
            return None
        self._in_use += 1
        self._held[hold] += 1
        return Place(self, hold)

    async def wait(self, hold: Hold, seconds: float) -> Place:
        """A place as soon as one is free.

        Raises:
            NoPlaceInTime: None became free for `seconds`.
            ClientClosed: `close` was called.
        """
        if (place := self.take(hold)) is not None:
            return place
        if self._closed:
            raise ClientClosed
        ticket = next(self._tickets)
        granted: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._waiting[hold][ticket] = granted
        try:
            async with asyncio.timeout(seconds):
                return await granted
        except BaseException as error:  # a place may have been granted meanwhile, and nobody else knows of it
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                granted.result().release()
            if isinstance(error, TimeoutError):
                raise NoPlaceInTime(f"all {self._limits[hold]} stayed in use for {seconds:g} s") from None
            raise
        finally:
            self._waiting[hold].pop(ticket, None)

    def put_back(self, hold: Hold) -> None:
        """For `Place.release`: grant what has become free."""
        self._in_use -= 1
        self._held[hold] -= 1
        if any(self._waiting):
            self._grant()

    def close(self) -> None:
        """Grant no more; waiting callers get `ClientClosed`."""
        self._closed = True
        for waiting in self._waiting:
            for granted in waiting.values():
                if not granted.done():
                    granted.set_exception(ClientClosed())
            waiting.clear()

    def _is_within_reach(self, hold: Hold) -> bool:
        """Whether a place is free for such a request. What is held for long counts among what is held for less."""
        return all(sum(self._held[kind:]) < self._limits[kind] for kind in range(hold + 1))

    def _grant(self) -> None:
        while (first := self._first_within_reach()) is not None:
            ticket, hold = first
            granted = self._waiting[hold].pop(ticket)
            # One that was cancelled this very moment has not been removed yet.
            if not granted.done() and (place := self.take(hold)) is not None:
                granted.set_result(place)

    def _first_within_reach(self) -> tuple[int, Hold] | None:
        first: tuple[int, Hold] | None = None
        for hold in Hold:
            # What is not free for brief requests is not free for the others either.
            if not self._is_within_reach(hold):
                break
            if waiting := self._waiting[hold]:
                ticket = next(iter(waiting)), hold
                first = ticket if first is None else min(first, ticket)
        return first
