"""Opening files ahead of their turn, so that their latencies overlap."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Final

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.zip.encoding import Piece
from s3py_helper.application.zip.format.deflate import BATCH
from s3py_helper.application.zip.source import Source
from s3py_helper.application.zip.upcoming import Upcoming

FILES_AHEAD: Final = 16
"""Most files in progress at a time, the current one among them: a quarter of what the backends' pools hold by default.

When their responses come together, the event loop takes a step of its own for each: with 32 small files that was 12 ms.
"""

BYTES_AHEAD: Final = 8 * 1024 * 1024
"""No file is opened, and no large one kept open, while this many bytes are still to come before its turn."""

STALLED_AFTER: Final = 2.0
"""Seconds in which nothing of the archive could be taken, or was, after which only the current file keeps a connection.

Clients that are that slow do not need the next file soon, and would take their connections from others.
"""

type Encode = Callable[[Source, OpenBlob], AsyncGenerator[Piece]]


class Lookahead:
    """The files of an archive in order, the next ones already in progress.

    Small files (of one batch) are read and encoded as a whole, which frees their connections. Larger ones keep theirs
    only when it is soon their turn: a connection that lies idle for long is cut by servers and what is between. One
    that was opened in vain, because its size could not be known, is opened again later.

    Connections are scarce, and the files ahead starve nobody: when the archive makes no progress, because the current
    file waits for a connection or the reader takes nothing, they give theirs up and begin anew later.
    """

    def __init__(self, sources: Iterable[Source], encode: Encode) -> None:
        self._waiting = iter(sources)
        self._encode = encode
        self._in_progress: deque[Upcoming] = deque()
        # Lists of files tend to be of one kind: while a size is not known, the file is taken to be like the last one.
        self._assumed_size = BATCH
        self._most_ahead = FILES_AHEAD
        self._closing: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._taken_at = self._loop.time()
        self._stall_timer = self._loop.call_later(STALLED_AFTER, self._look_for_stall)

    def current(self) -> Upcoming | None:
        """The file whose turn it is, `None` after the last."""
        self.proceed()
        return self._in_progress[0] if self._in_progress else None

    def proceed(self) -> None:
        """Look which files may start now; to be called whenever some of the current one has been taken."""
        self._taken_at = self._loop.time()
        for upcoming in self._in_progress:
            if upcoming.waits and not self._is_far(upcoming):
                upcoming.go_on()
        in_progress = self._in_progress
        while len(in_progress) < self._most_ahead and sum(file.untaken for file in in_progress) < BYTES_AHEAD:
            source = next(self._waiting, None)
            if source is None:
                return
            upcoming = Upcoming(source, self._assumed_size, self._pieces)
            upcoming.start(early=bool(in_progress))
            in_progress.append(upcoming)

    def drop_current(self) -> None:
        """Done with the current file: it was read to its end, or has raised what was wrong with it."""
        self._in_progress.popleft()
        self._most_ahead = min(FILES_AHEAD, self._most_ahead + 1)

    async def aclose(self) -> None:
        """Stop everything, release all connections; not cut short by a cancellation."""
        self._stall_timer.cancel()
        in_progress, self._in_progress = self._in_progress, deque()
        await completed(_all_closed(in_progress, self._closing))

    async def _pieces(self, upcoming: Upcoming) -> AsyncGenerator[Piece]:
        while True:
            async with upcoming.source.open() as blob:
                upcoming.is_open = True
                upcoming.has_size(blob.info.size)
                self._assumed_size = blob.info.size
                if blob.info.size <= BATCH or not self._is_far(upcoming):
                    async with aclosing(self._encode(upcoming.source, blob)) as pieces:
                        async for piece in pieces:
                            yield piece
                    upcoming.is_open = False
                    return
                upcoming.parked = asyncio.Event()
            upcoming.is_open = False
            await upcoming.parked.wait()
            upcoming.parked = None

    def _is_far(self, upcoming: Upcoming) -> bool:
        ahead = 0
        for index, other in enumerate(self._in_progress):
            if other is upcoming:
                return ahead >= BYTES_AHEAD or index >= self._most_ahead
            # Assumed sizes are those of files before; this one is the better example.
            ahead += (upcoming.size or 0) if other.size is None else other.untaken
        return ahead >= BYTES_AHEAD

    def _let_others_go(self) -> None:
        """Release the connections of all files but the current one; they begin anew, one more with each file done."""
        self._most_ahead = 1
        for upcoming in list(self._in_progress)[1:]:
            if upcoming.holds_connection:
                closing = asyncio.ensure_future(upcoming.let_go())
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)

    def _look_for_stall(self) -> None:
        if self._loop.time() - self._taken_at >= STALLED_AFTER:
            self._let_others_go()
        self._stall_timer = self._loop.call_later(STALLED_AFTER, self._look_for_stall)


async def _all_closed(in_progress: Iterable[Upcoming], closing: Iterable[asyncio.Task[None]]) -> None:
    await asyncio.gather(*(upcoming.aclose() for upcoming in in_progress), *closing)
