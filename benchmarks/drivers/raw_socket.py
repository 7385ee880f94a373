"""A socket, a loop and a link that is signed beforehand: what Python can reach at all with one connection."""

# ruff: noqa: ARG002 - a link stands for the name

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Store, Target
from benchmarks.child.threads import BlockingStore, InThreads

_BUFFER = 1024 * 1024


class RawStore(BlockingStore):
    def __init__(self, target: Target) -> None:
        self._target = target

    def upload(self, name: str, source: Source) -> str:
        with _connected(self._target["put_link"]) as connection:
            _send_head(connection, "PUT", self._target["put_link"], f"Content-Length: {source.size}\r\n")
            for chunk in source:
                connection.sendall(chunk)
            _read_head(connection)
        return name

    def download(self, file_id: str, sink: CheckedSink) -> None:
        with _connected(self._target["get_link"]) as connection:
            _send_head(connection, "GET", self._target["get_link"])
            size, first = _read_head(connection)
            if first:
                sink.write(first)
            left = size - len(first)
            buffer = memoryview(bytearray(_BUFFER))
            while left and (received := connection.recv_into(buffer)):
                sink.write(buffer[:received])
                left -= received


def _connected(link: str) -> socket.socket:
    parts = urlsplit(link)
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=60)


def _send_head(connection: socket.socket, method: str, link: str, more: str = "") -> None:
    parts = urlsplit(link)
    head = f"{method} {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n{more}\r\n"
    connection.sendall(head.encode())


def _read_head(connection: socket.socket) -> tuple[int, bytes]:
    """The answer's length, and the bytes of its body that have come with its head."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(64 * 1024)
    head, _, body = received.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    if " 200 " not in f"{status} ":
        raise RuntimeError(status)
    lengths = [field.split(":")[1] for field in fields if field.lower().startswith("content-length:")]
    return int(lengths[0]), body


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    yield InThreads(RawStore(target))
