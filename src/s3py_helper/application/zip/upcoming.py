"""One file of an archive, in progress before its turn."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Final, Self

from s3py_helper.application.streams.read_ahead import ReadAhead
from s3py_helper.application.zip.encoding import Piece
from s3py_helper.application.zip.format.deflate import BATCH
from s3py_helper.application.zip.source import Source
from s3py_helper.domain.errors import StorageException

_PIECES_AHEAD: Final = 3
"""Pieces per file: all that a file of one batch has, form and two batches of a larger one."""


class Upcoming:
    """A file in progress: an async iterator over the pieces of its entry, to be read when its turn has come.

    Args:
        source: The file.
        assumed_size: What to take for its size while that is not known.
        open_pieces: Opens it and yields the pieces; sets `is_open`, and calls `has_size` when the size is known.

    Attributes:
        source: The file.
        size: Its size, `None` while it is not known.
        untaken: Bytes that are still to be read, or wait to be taken, about.
        parked: Set when a file whose connection was released may be opened again.
        is_open: Whether it holds a connection.
    """

    def __init__(
        self,
        source: Source,
        assumed_size: int,
        open_pieces: Callable[["Upcoming"], AsyncGenerator[Piece]],
    ) -> None:
        self.source = source
        self.size: int | None = None
        self.untaken = assumed_size
        self.parked: asyncio.Event | None = None
        self.is_open = False
        self._open_pieces = open_pieces
        self._pieces: ReadAhead[Piece] | None = None
        self._began_early = False
        self._begun = False
        if source.info is not None:
            self.has_size(source.info.size)

    def has_size(self, size: int) -> None:
        """The file's size is known now."""
        self.size = self.untaken = size

    @property
    def holds_connection(self) -> bool:
        """Whether its connection is not released before its turn: a small file is read as a whole."""
        return self.is_open and self.size is not None and self.size > BATCH

    @property
    def waits(self) -> bool:
        """Whether it was let go, or has released its connection, and may go on when its turn is near."""
        return self._pieces is None or self.parked is not None

    def start(self, *, early: bool) -> None:
        """Begin; `early` when it is not its turn yet."""
        self._began_early = early
        self._pieces = ReadAhead(self._open_pieces(self), depth=_PIECES_AHEAD)

    def go_on(self) -> None:
        """End its waiting."""
        if self._pieces is None:
            self.start(early=True)
        elif self.parked is not None:
            self.parked.set()

    def let_go(self) -> Coroutine[None, None, None]:
        """Stop, to begin anew later. What is returned is to be awaited: the connection is released then."""
        pieces, self._pieces = self._pieces, None
        if pieces is not None:
            pieces.stop()
        self.parked = None
        self.is_open = False
        if self.size is not None:
            self.untaken = self.size
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
                # It may have failed because the archive itself used up what it needed, and only now it is its turn.
                if not (self._began_early and error.retryable):
                    raise
            await self.let_go()
        self._pieces = ReadAhead(self._open_pieces(self), depth=_PIECES_AHEAD)
        return await anext(self._pieces)


async def _closed(pieces: ReadAhead[Piece] | None) -> None:
    if pieces is not None:
        await pieces.aclose()
