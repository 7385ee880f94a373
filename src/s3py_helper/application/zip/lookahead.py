"""Opening files ahead of their turn, so that their latencies overlap."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Final, Self

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.streams.read_ahead import ReadAhead
from s3py_helper.application.zip.encoding import Piece
from s3py_helper.application.zip.format.deflate import BATCH
from s3py_helper.application.zip.source import Source

FILES_AHEAD: Final = 16
"""Most files under way at a time, the current one among them: a quarter of what the backends' pools hold by default.

When their answers come together, the event loop has a turn of its own for each: with 32 small files that was 12 ms.
"""

BYTES_AHEAD: Final = 8 * 1024 * 1024
"""No file is opened, and no large one kept open, while so many bytes are still to come before its turn."""

_PIECES_AHEAD: Final = 3
"""Pieces per file: all that a file of one batch has, form and two batches of a larger one."""

type Encode = Callable[[Source, OpenBlob], AsyncGenerator[Piece]]


class Upcoming:
    """A file under way: an async iterator over the pieces of its entry, to be read when its turn has come.

    Attributes:
        source: The file.
        size: Its size, `None` while nobody knows.
        untaken: Bytes that are still to be read, or wait to be taken, about.
        parked: Set when a file that was let go may be opened again.
    """

    def __init__(
        self, source: Source, assumed_size: int, open_pieces: Callable[["Upcoming"], AsyncGenerator[Piece]]
    ) -> None:
        self.source = source
        self.size: int | None = None
        self.untaken = assumed_size
        self.parked: asyncio.Event | None = None
        if source.info is not None:
            self.has_size(source.info.size)
        self._pieces = ReadAhead(open_pieces(self), depth=_PIECES_AHEAD)

    def has_size(self, size: int) -> None:
        """The file's size is known now."""
        self.size = self.untaken = size

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Piece:
        piece = await anext(self._pieces)
        if isinstance(piece, bytes):
            # One piece of data for each batch; it has another size when it is compressed.
            self.untaken = max(0, self.untaken - BATCH)
        return piece

    async def aclose(self) -> None:
        """Stop it, and wait until it has given its connection back."""
        await self._pieces.aclose()


class Lookahead:
    """The files of an archive in order, the next ones already under way.

    Small files (of one batch) are read and encoded as a whole, which frees their connections. Larger ones keep theirs
    only when it is soon their turn: a connection that lies idle for long is cut by servers and what is between. One
    that was opened in vain, because its size could not be known, is opened again later.
    """

    def __init__(self, sources: Iterable[Source], encode: Encode) -> None:
        self._waiting = iter(sources)
        self._encode = encode
        self._under_way: deque[Upcoming] = deque()
        # Lists of files tend to be of one kind: while a size is not known, the file is taken to be like the last one.
        self._assumed_size = BATCH

    def current(self) -> Upcoming | None:
        """The file whose turn it is, `None` after the last."""
        self.proceed()
        return self._under_way[0] if self._under_way else None

    def proceed(self) -> None:
        """Look which files may start now; to be called whenever some of the current one has been taken."""
        for upcoming in self._under_way:
            if upcoming.parked is not None and not self._is_far(upcoming):
                upcoming.parked.set()
        while len(self._under_way) < FILES_AHEAD and sum(file.untaken for file in self._under_way) < BYTES_AHEAD:
            source = next(self._waiting, None)
            if source is None:
                return
            self._under_way.append(Upcoming(source, self._assumed_size, self._pieces))

    def drop_current(self) -> None:
        """Done with the current file: it was read to its end, or has raised what was wrong with it."""
        self._under_way.popleft()

    async def aclose(self) -> None:
        """Stop everything, give all connections back; not cut short by a cancellation."""
        under_way, self._under_way = self._under_way, deque()
        await completed(_close_all(under_way))

    async def _pieces(self, upcoming: Upcoming) -> AsyncGenerator[Piece]:
        while True:
            async with upcoming.source.open() as blob:
                upcoming.has_size(blob.info.size)
                self._assumed_size = blob.info.size
                if blob.info.size <= BATCH or not self._is_far(upcoming):
                    async with aclosing(self._encode(upcoming.source, blob)) as pieces:
                        async for piece in pieces:
                            yield piece
                    return
                upcoming.parked = asyncio.Event()
            await upcoming.parked.wait()
            upcoming.parked = None

    def _is_far(self, upcoming: Upcoming) -> bool:
        ahead = 0
        for other in self._under_way:
            if other is upcoming:
                break
            # Assumed sizes are those of files before; this one is the better example.
            ahead += (upcoming.size or 0) if other.size is None else other.untaken
        return ahead >= BYTES_AHEAD


async def _close_all(under_way: Iterable[Upcoming]) -> None:
    await asyncio.gather(*(upcoming.aclose() for upcoming in under_way))
