"""Opening files ahead of their turn, so that their latencies overlap."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import aclosing
from typing import Final, Self

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.streams.read_ahead import ReadAhead
from s3py_helper.application.zip.encoding import Piece
from s3py_helper.application.zip.format.deflate import BATCH
from s3py_helper.application.zip.source import Source
from s3py_helper.domain.archive_name import EntryNames
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.errors import StorageException

FILES_AHEAD: Final = 16
"""The most files in progress at a time, including the current one: a quarter of a backend's pool by default.

When their responses arrive together, the event loop takes a step for each: with 32 small files that was 12 ms.
"""

BYTES_AHEAD: Final = 8 * 1024 * 1024
"""No file is opened, and no large one kept open, while this many bytes are still to come before its turn."""

STALLED_AFTER: Final = 2.0
"""Seconds without progress of the archive after which only the current file keeps a connection.

Clients that slow do not need the next file soon, and would hold connections that others need.
"""

_PIECES_AHEAD: Final = 3
"""Pieces per file: all of a file of one batch; the header and two batches of a larger one."""

type Encode = Callable[[Source, OpenBlob], AsyncGenerator[Piece]]


class Upcoming:
    """A file in progress: an async iterator over the pieces of its entry, to be read when its turn has come.

    Args:
        source: The file.
        assumed_size: Its presumed size, while the real one is unknown.
        open_pieces: Opens it and yields the pieces; sets `is_open`, and calls `describe` when it is open.

    Attributes:
        source: The file.
        info: Its description, `None` while it is not known.
        untaken: About how many bytes are still to be read, or wait to be taken.
        waits: Whether it was stopped, or has released its connection, to go on when its turn is near.
        is_open: Whether it holds a connection.
        may_go_on: Set when a file whose connection was released may be opened again.
    """

    def __init__(
        self,
        source: Source,
        assumed_size: int,
        open_pieces: Callable[["Upcoming"], AsyncGenerator[Piece]],
    ) -> None:
        self.source = source
        self.info: BlobInfo | None = None
        self.untaken = assumed_size
        self.waits = True
        self.is_open = False
        self.may_go_on = asyncio.Event()
        self._open_pieces = open_pieces
        self._pieces: ReadAhead[Piece] | None = None
        self._began_early = False
        self._begun = False
        if source.info is not None:
            self.describe(source.info)

    def describe(self, info: BlobInfo) -> None:
        """Note the file's description."""
        self.info = info
        self.untaken = info.size

    def claim_name(self, names: EntryNames) -> str:
        """The name of its entry, once it is described."""
        if self.info is None:
            raise RuntimeError("the file is not open yet")
        return self.source.claim_name(names, self.info)

    @property
    def holds_connection(self) -> bool:
        """Whether its connection is not released before its turn: a small file is read as a whole."""
        return self.is_open and self.info is not None and self.info.size > BATCH

    def start(self, *, early: bool) -> ReadAhead[Piece]:
        """Start; `early` when it is not its turn yet. Returns the pieces to come."""
        self.waits = False
        self._began_early = early
        self._pieces = ReadAhead(self._open_pieces(self), depth=_PIECES_AHEAD)
        return self._pieces

    def park(self) -> None:
        """Note that its turn is far: its connection is about to be released, and it waits until it may go on."""
        self.waits = True
        self.may_go_on.clear()

    def go_on(self) -> None:
        """End its waiting."""
        if self._pieces is None:
            self.start(early=True)
        else:
            self.waits = False
            self.may_go_on.set()

    def let_go(self) -> Coroutine[None, None, None]:
        """Stop, to start anew later. Await the result: then the connection is released."""
        pieces, self._pieces = self._pieces, None
        if pieces is not None:
            pieces.stop()
        self.waits, self.is_open = True, False
        if self.info is not None:
            self.untaken = self.info.size
        return _closed(pieces)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Piece:
        if self._pieces is not None and self._begun:
            piece = await anext(self._pieces)
            if isinstance(piece, bytes):
                # One piece of data for each batch; it has another size when it is compressed.
                self.untaken = max(0, self.untaken - BATCH)
            return piece
        piece = await self._first_piece()
        self._begun = True
        return piece

    async def aclose(self) -> None:
        """Stop it, and wait until it has released its connection."""
        await self.let_go()

    async def _first_piece(self) -> Piece:
        if self._pieces is not None:
            try:
                return await anext(self._pieces)
            except StorageException as error:
                # It may have failed because the archive itself used up what it needed; now it is its turn.
                if not (self._began_early and error.retryable):
                    raise
            await self.let_go()
        pieces = self.start(early=False)
        return await anext(pieces)


class Lookahead:
    """The files of an archive in order, the next ones already in progress.

    Small files (of one batch) are read and encoded as a whole, which frees their connections. Larger ones keep theirs
    only when their turn is near: a connection that is idle for long gets closed by the server or in between. One that
    was opened too early, because its size was unknown, is opened again later.

    Connections are scarce, and the files ahead must starve nobody: when the archive makes no progress, because the
    current file waits for a connection or the reader takes nothing, they release theirs and start anew later.
    """

    def __init__(self, sources: Iterable[Source], encode: Encode) -> None:
        self._waiting = iter(sources)
        self._encode = encode
        self._in_progress: deque[Upcoming] = deque()
        # Lists of files tend to be of one kind: a file of unknown size is presumed to be like the last one.
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
        """Start the files that may start now; to be called whenever some of the current one has been taken."""
        self._taken_at = self._loop.time()
        for upcoming in self._in_progress:
            if upcoming.waits and not self._is_far(upcoming):
                upcoming.go_on()
        in_progress = self._in_progress
        while len(in_progress) < self._most_ahead and sum([file.untaken for file in in_progress]) < BYTES_AHEAD:
            source = next(self._waiting, None)
            if source is None:
                return
            upcoming = Upcoming(source, self._assumed_size, self._pieces)
            upcoming.start(early=bool(in_progress))
            in_progress.append(upcoming)

    def drop_current(self) -> None:
        """Drop the current file, which was read to its end, or has raised what was wrong with it."""
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
                upcoming.describe(blob.info)
                self._assumed_size = blob.info.size
                if blob.info.size <= BATCH or not self._is_far(upcoming):
                    async with aclosing(self._encode(upcoming.source, blob)) as pieces:
                        async for piece in pieces:
                            yield piece
                    upcoming.is_open = False
                    return
                upcoming.park()
            upcoming.is_open = False
            await upcoming.may_go_on.wait()

    def _is_far(self, upcoming: Upcoming) -> bool:
        size = 0 if upcoming.info is None else upcoming.info.size
        ahead = 0
        for index, other in enumerate(self._in_progress):
            if other is upcoming:
                return ahead >= BYTES_AHEAD or index >= self._most_ahead
            # Presumed sizes are those of earlier files; this one is a better example.
            ahead += size if other.info is None else other.untaken
        return ahead >= BYTES_AHEAD

    def _let_others_go(self) -> None:
        """Release the connections of all files but the current one; they start anew one by one, as files finish."""
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


async def _closed(pieces: ReadAhead[Piece] | None) -> None:
    if pieces is not None:
        await pieces.aclose()
