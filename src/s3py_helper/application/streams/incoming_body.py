"""A file's bytes on their way in, looked at once."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final, Self

from s3py_helper.application.streams.crc32 import crc32_with
from s3py_helper.application.streams.pacing import Pause
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import FileTooLargeException, InvalidArgumentException

_BYTES_AT_ONCE: Final = 4 * 1024 * 1024
"""Making and summing so many bytes takes 3 to 4 ms. More turns, at every MiB, cost uploads a fifth more processor time:
the sockets then get their bytes in smaller pieces."""


class IncomingBody:
    """An async iterator over non-empty chunks of `bytes`; counts, limits and sums them as they pass.

    Iterating ends normally only when the bytes are those that were promised: it raises `InvalidArgumentException` when
    there are fewer or more than `size`, and `FileTooLargeException` when there are more than `limit`. Bytes beyond
    either bound are never handed on.

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
        self._pause = Pause(_BYTES_AT_ONCE)

    @property
    def crc32(self) -> int:
        """CRC-32 of the bytes handed on so far."""
        return self._crc32

    @property
    def checksum(self) -> Checksum:
        """The same as a value."""
        return Checksum.crc32(self._crc32)

    async def first_bytes(self) -> bytes:
        """The first chunk without taking it: what a look at the content needs. Empty for an empty file."""
        if self._held_back is None and not self.received:
            self._held_back = await self._next_from_source()
        return self._held_back or b""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk, self._held_back = self._held_back, None
        if chunk is None:
            chunk = await self._next_from_source()
        if not chunk:
            self._check_complete()
            raise StopAsyncIteration
        await self._account(chunk)
        await self._pause.after(chunk)
        return chunk

    async def aclose(self) -> None:
        """Close the source, where it can be closed; called by whoever made the body, not by adapters."""
        if isinstance(self._source, AsyncGenerator):
            await self._source.aclose()

    async def _next_from_source(self) -> bytes:
        async for chunk in self._source:
            if chunk:
                # A view or bytearray may be overwritten by its owner while parts of it still wait to be sent.
                return chunk if type(chunk) is bytes else bytes(chunk)
        return b""

    async def _account(self, chunk: bytes) -> None:
        received = self.received + len(chunk)
        if self._limit is not None and received > self._limit:
            raise FileTooLargeException(f"the file has more than the {self._limit} bytes allowed", limit=self._limit)
        if self.size is not None and received > self.size:
            raise InvalidArgumentException(
                f"the file has more bytes than the {self.size} that were declared", operation="upload"
            )
        self._crc32 = await crc32_with(chunk, self._crc32)
        self.received = received

    def _check_complete(self) -> None:
        if self.size is not None and self.received != self.size:
            raise InvalidArgumentException(
                f"the file ended after {self.received} of the {self.size} bytes that were declared", operation="upload"
            )
