"""One request and its reply, as a server sees them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from tests.support.fastdfs.content import PIECE
from tests.support.fastdfs.protocol import BUFFER_SIZE, Command, Header, Status


class Refusal(Exception):
    """The request is answered with this status and no body."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Request:
    """A header that has come in and a body that may still be on its way."""

    def __init__(self, header: Header, reader: asyncio.StreamReader) -> None:
        self.command = header.command
        self.flags = header.status
        self.length = header.length
        self.unread = header.length
        self._reader = reader

    @property
    def fits_buffer(self) -> bool:
        return Header.FORMAT.size + self.length < BUFFER_SIZE

    async def read(self, size: int) -> bytes:
        """Exactly `size` bytes of the body. A body that was announced shorter is refused."""
        if size > self.unread:
            raise Refusal(Status.INVALID)
        data = await self._reader.readexactly(size)
        self.unread -= size
        return data

    async def body(self) -> bytes:
        """All that is left of a body of bounded size."""
        if not self.fits_buffer:
            raise Refusal(Status.INVALID)
        return await self.read(self.unread)

    async def pieces(self) -> AsyncIterator[bytes]:
        """All that is left of a body of any size."""
        while self.unread:
            data = await self._reader.read(min(PIECE, self.unread))
            if not data:
                raise asyncio.IncompleteReadError(b"", self.unread)
            self.unread -= len(data)
            yield data


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = Status.OK
    length: int = 0
    body: Iterable[bytes] = ()
    closes: bool = False
    """Whether the end of the connection is the end of the body."""

    @classmethod
    def of(cls, body: bytes) -> Self:
        return cls(length=len(body), body=(body,))

    def pieces(self) -> Iterator[bytes]:
        """Header and first bytes of the body travel together, as they leave one buffer of a real server."""
        body = iter(self.body)
        yield Header(self.length, Command.REPLY, self.status).encode() + next(body, b"")
        yield from body
