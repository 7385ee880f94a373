"""A migration as server-sent events (HTML Living Standard, 9.2)."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

from s3py_helper.application.migration.status_feed import FailedReading, Reading, StatusFeed
from s3py_helper.entrypoints.http.downloads.sourced_response import SourcedContent, SourcedResponse
from s3py_helper.entrypoints.http.migration.answers import Status
from s3py_helper.entrypoints.http.problems.response import storage_members

_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # nginx collects what it passes on, unless it is told not to.
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}
_LOOK_SECONDS: Final = 0.5
"""How often a stream looks whether the service is being stopped."""

_HEARTBEAT_SECONDS: Final = 10.0
_HEARTBEAT: Final = b": still here\n\n"
_BEGINNING: Final = b"retry: 2000\n\n"


class Events:
    """Streams of readings, each of which is written once for all who watch.

    Args:
        is_stopping: Whether the service is being stopped, so that streams are to end.
        idle_timeout: Seconds for which a client may take nothing before it counts as gone.
    """

    def __init__(self, is_stopping: Callable[[], bool], *, idle_timeout: float) -> None:
        self._is_stopping = is_stopping
        self._idle_timeout = idle_timeout
        self._written: tuple[Reading | FailedReading, bytes] | None = None

    def response(self, feed: StatusFeed) -> SourcedResponse:
        """Every reading of a feed, until the client leaves or the service is being stopped.

        A client that takes them slowly gets the newest and misses those between: nothing is kept for it.
        """

        @asynccontextmanager
        async def open_events() -> AsyncGenerator[SourcedContent]:
            waiting = _Waiting(feed)
            try:
                yield SourcedContent(self._events(waiting), _HEADERS)
            finally:
                waiting.cancel()

        return SourcedResponse(open_events, idle_timeout=self._idle_timeout)

    async def _events(self, waiting: "_Waiting") -> AsyncIterator[bytes]:
        yield _BEGINNING
        told_at = monotonic()
        while not self._is_stopping():
            reading = await waiting.next(_LOOK_SECONDS)
            if reading is not None:
                yield self._event(reading)
            elif monotonic() - told_at >= _HEARTBEAT_SECONDS:
                yield _HEARTBEAT
            else:
                continue
            told_at = monotonic()

    def _event(self, reading: Reading | FailedReading) -> bytes:
        if self._written is None or self._written[0] is not reading:
            self._written = reading, _event_of(reading)
        return self._written[1]


class _Waiting:
    """Waits for the next reading in a task of its own, so that looking up from it does not begin it anew."""

    def __init__(self, feed: StatusFeed) -> None:
        self._feed = feed
        self._number = 0
        self._task: asyncio.Task[Reading | FailedReading] | None = None

    async def next(self, seconds: float) -> Reading | FailedReading | None:
        """The next reading; `None` where it does not come in that time."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._feed.after(self._number))
        await asyncio.wait([self._task], timeout=seconds)
        if not self._task.done():
            return None
        reading = self._task.result()
        self._task = None
        self._number = reading.number
        return reading

    def cancel(self) -> None:
        """Wait no longer."""
        if self._task is not None:
            self._task.cancel()


def _event_of(reading: Reading | FailedReading) -> bytes:
    if isinstance(reading, Reading):
        name, data = "status", Status.of(reading).model_dump_json()
    else:
        members = storage_members(reading.error) | {"detail": str(reading.error)}
        name, data = "trouble", json.dumps(members)
    return f"event: {name}\nid: {reading.number}\ndata: {data}\n\n".encode()
