"""Chunks of any size, cut into pieces worth a request."""

from collections.abc import AsyncIterator


class Blocks:
    """Takes chunks together until there are enough of them."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether the source said that nothing more comes."""
        return self._ended

    async def take(self, at_least: int) -> bytes:
        """That many bytes or a little more; fewer, or none, only at the end of the source."""
        pieces: list[bytes] = []
        size = 0
        while size < at_least and not self._ended:
            chunk = await anext(self._chunks, b"")
            self._ended = not chunk
            pieces.append(chunk)
            size += len(chunk)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
