"""Requests written byte by byte, as clients send them that no library would be."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass


@dataclass(frozen=True)
class RawResponse:
    """What came back until the end of the response's head, and the rest of the connection."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class RawClient:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def response(self) -> RawResponse:
        """The next response, whose body has a length or nothing that matters."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return RawResponse(int(status.split()[1]), headers, body)

    async def closed(self) -> bytes:
        """Wait until the server has closed the connection; what came until then."""
        with contextlib.suppress(ConnectionError):
            return await self.reader.read()
        return b""

    def reset(self) -> None:
        """Leave without saying goodbye."""
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def connected(url: str, *, from_address: str | None = None) -> AsyncGenerator[RawClient]:
    """A connection to the server at the URL, which is gone at the end."""
    host, port = url.removeprefix("http://").split(":")
    local = None if from_address is None else (from_address, 0)
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=local)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()


def upload_head(*lines: str, path: str = "/files/upload", length: int | None = 3_000_000) -> bytes:
    """The head of an upload."""
    sized = [] if length is None else [f"Content-Length: {length}"]
    head = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: multipart/form-data; boundary=edge",
        *sized,
        *lines,
    ]
    return "\r\n".join([*head, "", ""]).encode()


def part(content: bytes, *, field: str = "file", name: str = "a.bin") -> bytes:
    """One file of a form, without the boundary that ends it."""
    return f'--edge\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode() + content


FORM_END = b"\r\n--edge--\r\n"
