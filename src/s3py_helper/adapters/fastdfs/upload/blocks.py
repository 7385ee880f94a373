"""Chunks of any size, cut into pieces worth a request."""

from collections.abc import AsyncIterator


class Blocks:
    """Joins chunks until there are enough bytes."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._ended = False
        self._held = b""

    @property
    def ended(self) -> bool:
        """Whether the source has ended."""
        return self._ended

    async def hold(self, at_least: int) -> int:
        """Look ahead: read that many bytes or a little more, to be taken later, and return how many there are."""
        self._held = await self.take(at_least)
        return len(self._held)

    async def take(self, at_least: int) -> bytes:
        """That many bytes or a little more; fewer, or none, only at the end of the source."""
        pieces = [self._held] if self._held else []
        size, self._held = len(self._held), b""
        while size < at_least and not self._ended:
            chunk = await anext(self._chunks, b"")
            self._ended = not chunk
            pieces.append(chunk)
            size += len(chunk)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
