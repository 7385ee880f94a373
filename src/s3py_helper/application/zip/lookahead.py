"""Opening files ahead of their turn, so that their latencies overlap."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from typing import Final, Self

from s3py_helper.application.completion import completed
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.zip.deflate import BATCH
from s3py_helper.application.zip.encoding import Piece
from s3py_helper.application.zip.read_ahead import ReadAhead
from s3py_helper.application.zip.source import Source

FILES_AHEAD: Final = 16
"""Most files under way at a time, the current one among them."""

BYTES_AHEAD: Final = 8 * 1024 * 1024
"""No file is opened, or kept open, while more than so many bytes are still to be read before its turn."""

_PIECES_AHEAD: Final = 3
"""Pieces per file: all that a file of one batch has, form and two batches of a larger one."""

type Encode = Callable[[Source, OpenBlob], AsyncGenerator[Piece]]


class Upcoming:
    """A file under way: `pieces` may be read when its turn has come."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.size = None if source.info is None else source.info.size
        self.unread = self.size
        """Bytes that are still to be read; `None` while nobody knows."""
        self.parked: asyncio.Event | None = None
        self.pieces: ReadAhead[Piece]


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

    def current(self) -> Upcoming | None:
        """The file whose turn it is, `None` after the last."""
        self.proceed()
        return self._under_way[0] if self._under_way else None

    def proceed(self) -> None:
        """Look which files may start now; to be called whenever some of the current one has been taken."""
        for upcoming in self._under_way:
            if upcoming.parked is not None and not self._is_far(upcoming):
                upcoming.parked.set()
        while len(self._under_way) < FILES_AHEAD and self._unread() < BYTES_AHEAD:
            source = next(self._waiting, None)
            if source is None:
                return
            upcoming = Upcoming(source)
            self._under_way.append(upcoming)
            upcoming.pieces = ReadAhead(self._pieces(upcoming), depth=_PIECES_AHEAD)

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
                upcoming.size = upcoming.unread = blob.info.size
                if blob.info.size <= BATCH or not self._is_far(upcoming):
                    counted = OpenBlob(blob.info, blob.span, _Counted(blob.body, upcoming))
                    async with aclosing(self._encode(upcoming.source, counted)) as pieces:
                        async for piece in pieces:
                            yield piece
                    return
                upcoming.parked = asyncio.Event()
            await upcoming.parked.wait()
            upcoming.parked = None

    def _is_far(self, upcoming: Upcoming) -> bool:
        # Files whose size is not known yet are taken to be of the same size: lists of files tend to be of one kind.
        ahead = 0
        for other in self._under_way:
            if other is upcoming:
                break
            ahead += upcoming.size or 0 if other.unread is None else other.unread
        return ahead >= BYTES_AHEAD

    def _unread(self) -> int:
        return sum(upcoming.unread or 0 for upcoming in self._under_way)


class _Counted:
    """The body of an upcoming file, whose `unread` it keeps up to date."""

    def __init__(self, body: AsyncIterator[bytes], upcoming: Upcoming) -> None:
        self._body = body
        self._upcoming = upcoming

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await anext(self._body)
        self._upcoming.unread = max(0, (self._upcoming.unread or 0) - len(chunk))
        return chunk


async def _close_all(under_way: Iterable[Upcoming]) -> None:
    await asyncio.gather(*(upcoming.pieces.aclose() for upcoming in under_way))
