"""Cutting an incoming body into buffers."""

from typing import Final

from isal import isal_zlib

from s3py_helper.adapters.s3.http.payload import EMPTY, Chunk, Payload
from s3py_helper.application.streams.incoming_body import IncomingBody, crc32_of_rest, crc32_with

_SMALL: Final = 16 * 1024
_BLOCK: Final = 256 * 1024


class PartReader:
    """Reads a body in pieces of given sizes.

    Attributes:
        ended: Whether everything has been read, or held. It is known with the last piece already, because one chunk is
            read ahead; so is an error that the body raises at its end.
    """

    def __init__(self, body: IncomingBody) -> None:
        self.ended = False
        self._body = body
        self._ahead: Chunk = b""
        self._held = EMPTY
        self._crc32 = 0

    async def hold(self, size: int) -> None:
        """Look whether there are more than `size` bytes: the next piece, held or read, has these and no fewer."""
        self._held = await self.read(size)

    async def read(self, size: int) -> Payload:
        """The next `size` bytes, fewer only at the end. Large chunks stay where they are; what is cut off is a view."""
        held, self._held = self._held, EMPTY
        if held is EMPTY:
            return await self._read(size)
        rest = await self._read(size - held.size)
        crc32 = isal_zlib.crc32_combine(held.crc32, rest.crc32, rest.size)
        return Payload([*held.chunks, *rest.chunks], held.size + rest.size, crc32)

    async def _read(self, size: int) -> Payload:
        chunks: list[Chunk] = []
        small = bytearray()
        missing = size
        before = self._crc32
        while missing and await self._look_ahead():
            chunk, self._ahead = self._ahead, b""
            if len(chunk) > missing:
                view = memoryview(chunk)
                chunk, self._ahead = view[:missing], view[missing:]
            missing -= len(chunk)
            # The body has the CRC-32 of what it yielded; only where a chunk was cut is it ahead of ours.
            self._crc32 = await crc32_with(chunk, self._crc32) if self._ahead else self._body.crc32
            if len(chunk) < _SMALL:
                # A source of tiny chunks would otherwise cost more for bookkeeping than for bytes.
                small += chunk
                if len(small) < _BLOCK:
                    continue
                chunk = b""
            chunks += filter(None, (bytes(small), chunk))
            small.clear()
        chunks += filter(None, (bytes(small),))
        await self._look_ahead()
        crc32 = crc32_of_rest(before, self._crc32, size - missing) if before else self._crc32
        return Payload(chunks, size - missing, crc32)

    async def _look_ahead(self) -> bool:
        if not self._ahead and not self.ended:
            self._ahead = await anext(self._body, b"")
            self.ended = not self._ahead
        return not self.ended
