"""The body of a response of the SDK, with errors translated while it is read."""

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Final, Self

from s3py_helper.adapters.s3.api.errors import ErrorContext, translated
from s3py_helper.adapters.s3.sdk.errors import failure_of

_CHUNK_SIZE: Final = 64 * 1024


class SdkBody:
    """Reads like the SDK's body: `read()`, `read(size)`, `iter_chunks(size)`, `async for`, `async with`, `close()`."""

    def __init__(self, body: Any, context: ErrorContext) -> None:
        self._body = body
        self._context = context

    async def read(self, amt: int | None = None) -> bytes:
        """Up to `amt` bytes, empty at the end; all that is left without a number."""
        with translated(self._context, failure_of):
            content: bytes = await self._body.read(amt)
        return content

    async def iter_chunks(self, chunk_size: int = _CHUNK_SIZE) -> AsyncGenerator[bytes]:
        """Everything that is left, in chunks of at most `chunk_size` bytes."""
        while chunk := await self.read(chunk_size):
            yield chunk

    def __aiter__(self) -> AsyncGenerator[bytes]:
        return self.iter_chunks()

    def close(self) -> None:
        """Release the connection, whatever is left unread."""
        self._body.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
