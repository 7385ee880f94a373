"""A buffer as the body of an aiohttp request."""

import asyncio
from typing import Final

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from s3py_helper.adapters.s3.buffers import Buffer

_WRITE_SIZE: Final = 256 * 1024
_NEVER_WAITS: Final = 64 * 1024
"""So much a transport takes at once."""


class BufferPayload(Payload):
    """Writes views, so that a part is never copied as a whole, and gives up on a server that stops reading.

    aiohttp bounds the wait for an answer, but not the wait for room in the socket: `stall_timeout` does, in seconds for
    each write.
    """

    _autoclose = True

    def __init__(self, buffer: Buffer, stall_timeout: float) -> None:
        super().__init__(buffer)
        self._size = buffer.size
        self._buffer = buffer
        self._stall_timeout = stall_timeout

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write everything; aiohttp calls this again when it repeats a request on a fresh connection."""
        if self._buffer.size <= _NEVER_WAITS:
            for chunk in self._buffer.chunks:
                await writer.write(chunk)
            return
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._stall_timeout) as deadline:
            for piece in self._buffer.pieces(_WRITE_SIZE):
                await writer.write(piece)
                deadline.reschedule(loop.time() + self._stall_timeout)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Part of the interface; these are bytes, nobody asks for text."""
        return b"".join(self._buffer.chunks).decode(encoding, errors)
