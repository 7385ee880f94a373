"""A file's bytes on their way in, each looked at once."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final, Self

from isal import isal_zlib

from s3py_helper.application.streams.sources import as_bytes
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import FileTooLargeException, InvalidArgumentException, StorageOperationException

_BYTES_AT_ONCE: Final = 4 * 1024 * 1024
"""Producing and summing this many bytes takes 3 to 4 ms. Yielding to the event loop more often, at every MiB, costs
uploads a fifth more processor time: sockets then get their bytes in smaller pieces."""


_LARGE: Final = 4 * 1024 * 1024
"""Summing more bytes than this takes long enough (about 0.1 ms per MiB at worst) to be worth a thread."""


class IncomingBody:
    """An async iterator over non-empty chunks of `bytes`; counts, limits and sums them as they pass.

    Iterating ends normally only when the bytes are those that were promised: it raises `InvalidArgumentException` when
    there are fewer or more than `size` or the source yields anything but bytes, and `FileTooLargeException` when there
    are more than `limit`. Bytes beyond either bound are never handed on.

    Attributes:
        size: The number of bytes that the caller declared, `None` when unknown.
        received: Bytes handed on so far.
    """

    def __init__(self, source: AsyncIterator[bytes], *, size: int | None = None, limit: int | None = None) -> None:
        self.size = size
        self.received = 0
        self._source = source
        self._limit = limit
        self._crc32 = 0
        self._held_back: bytes | None = None
        self._since_pause = 0

    @property
    def crc32(self) -> int:
        """CRC-32 of the bytes handed on so far."""
        return self._crc32

    @property
    def checksum(self) -> Checksum:
        """`crc32` as a value."""
        return Checksum.crc32(self._crc32)

    async def first_bytes(self, at_least: int = 1) -> bytes:
        """The first bytes, without consuming them. Empty for an empty file.

        Args:
            at_least: How many are wanted. There are fewer only where the file has no more.
        """
        if self._held_back is None and not self.received:
            self._held_back = await self._next_from_source()
        while self._held_back and len(self._held_back) < at_least and (more := await self._next_from_source()):
            self._held_back += more
        return self._held_back or b""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk, self._held_back = self._held_back, None
        if chunk is None:
            chunk = await self._next_from_source()
        received = self.received + len(chunk)
        self._check(received, ended=not chunk)
        if not chunk:
            raise StopAsyncIteration
        self._crc32 = await crc32_with(chunk, self._crc32)
        self.received = received
        self._since_pause += len(chunk)
        if self._since_pause >= _BYTES_AT_ONCE:
            self._since_pause = 0
            await asyncio.sleep(0)
        return chunk

    def mapped(
        self, transform: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]], *, size: int | None = None
    ) -> "IncomingBody":
        """A body of the bytes that `transform` makes of this one's: for layers that compress or encrypt.

        The new body counts and sums what comes out; this one goes on checking and summing what goes in. Closing the new
        body closes the transformation but not this body: that is up to its owner.

        Args:
            transform: Is given the chunks of this body and yields others; it must take all of them.
            size: The number of bytes that come out, `None` when unknown.
        """
        return IncomingBody(self._through(transform), size=size)

    async def aclose(self) -> None:
        """Close the source, where it can be closed; to be called by the owner of the body, not by adapters."""
        if isinstance(self._source, AsyncGenerator):
            await self._source.aclose()

    async def _next_from_source(self) -> bytes:
        async for chunk in self._source:
            content = chunk if type(chunk) is bytes else as_bytes(chunk, "the async iterator")
            if content:
                return content
        return b""

    async def _through(
        self, transform: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]
    ) -> AsyncGenerator[bytes]:
        chunks = transform(self)
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
        # Its checks run at its end, which a transformation need not read to.
        async for _ in self:
            raise StorageOperationException(
                "a transformation of the file left some of its bytes out", operation="upload"
            )

    def _check(self, received: int, *, ended: bool) -> None:
        """Raise unless the body may have this many bytes so far or, where it has ended, in all."""
        if self._limit is not None and received > self._limit:
            raise FileTooLargeException(f"the file has more than the {self._limit} bytes allowed", limit=self._limit)
        if self.size is not None and received > self.size:
            raise InvalidArgumentException(
                f"the file has more bytes than the {self.size} that were declared", operation="upload"
            )
        if ended and self.size is not None and received < self.size:
            raise InvalidArgumentException(
                f"the file ended after {received} of the {self.size} bytes that were declared", operation="upload"
            )


async def crc32_with(chunk: bytes | memoryview, crc32: int) -> int:
    """The CRC-32 of everything up to the end of the chunk, given that of what came before it."""
    if len(chunk) > _LARGE:
        return await asyncio.to_thread(isal_zlib.crc32, chunk, crc32)
    return isal_zlib.crc32(chunk, crc32)


def crc32_of_rest(before: int, whole: int, size: int) -> int:
    """The CRC-32 of the last `size` bytes of something, from that of the whole and that of what comes before them."""
    # Appending the rest to the beginning combines their sums by exclusive or, after the first was shifted (zlib's
    # crc32_combine); doing so again takes the beginning away.
    return whole ^ isal_zlib.crc32_combine(before, 0, size)
