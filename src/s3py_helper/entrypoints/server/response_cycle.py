"""uvicorn's cycle of one request and its response, with heads that are written together with what follows them.

uvicorn writes a head and the bytes behind it one after the other. For a small file these are two system calls, two
segments on the network, and a client that wakes twice.
"""

import asyncio
import re
from functools import lru_cache
from http import HTTPStatus
from typing import Final, override

from uvicorn._types import ASGISendEvent, HTTPResponseBodyEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_JOINED_BYTES: Final = 64 * 1024
"""Up to this size copying bytes behind their head is cheaper than writing them by themselves."""

_NOT_IN_NAMES: Final = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\[\]={} \t\\"]')
_NOT_IN_VALUES: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_WITHOUT_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class ResponseCycle(RequestResponseCycle):
    """A head waits for the bytes behind it, but no longer than until the event loop gets to others."""

    _head = b""

    @override
    async def send(self, message: ASGISendEvent) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start" and not self.response_started:
            self._start(message)
        elif message["type"] == "http.response.body" and self.response_started and not self.response_complete:
            self._go_on(message)
        else:
            raise RuntimeError(f"a message of type {message['type']!r} has no place here")

    def write_head(self) -> None:
        """Write the head, if it is still waiting, without what follows."""
        head, self._head = self._head, b""
        if head and not self.disconnected:
            self.transport.write(head)

    def _start(self, message: HTTPResponseStartEvent) -> None:
        status = message["status"]
        self.response_started = True
        self.waiting_for_100_continue = False
        lines = [STATUS_LINE[status]]
        closes = False
        headers = (*self.default_headers, *message.get("headers", ()))
        if _NOT_IN_VALUES.search(b" ".join([value for _, value in headers])):
            wrong = [name for name, value in headers if _NOT_IN_VALUES.search(value)]
            raise RuntimeError(f"the value of the header {wrong[0]!r} has a control character")
        for name, value in headers:
            field = _field(name)
            lines += (field, value, b"\r\n")
            if field == b"content-length: " and self.chunked_encoding is None:
                self.expected_content_length = int(value)
                self.chunked_encoding = False
            elif field == b"transfer-encoding: " and value.lower() == b"chunked":
                self.expected_content_length = 0
                self.chunked_encoding = True
            elif field == b"connection: ":
                closes = closes or b"close" in map(bytes.strip, value.lower().split(b","))
        if closes:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        self._head = b"".join(lines)
        asyncio.get_running_loop().call_soon(self.write_head)

    def _go_on(self, message: HTTPResponseBodyEvent) -> None:
        body, more_body = message.get("body", b""), message.get("more_body", False)
        if len(body) > _JOINED_BYTES:
            self.write_head()
        if written := self._head + self._framed(body, more_body=more_body):
            self._head = b""
            self.transport.write(written)
        if more_body:
            return
        if self.expected_content_length:
            raise RuntimeError("the response has fewer bytes than its Content-Length says")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _framed(self, body: bytes, *, more_body: bool) -> bytes:
        """What is to be written of the next bytes."""
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            return b""
        if self.chunked_encoding:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return chunk if more_body else chunk + b"0\r\n\r\n"
        if len(body) > self.expected_content_length:
            raise RuntimeError("the response has more bytes than its Content-Length says")
        self.expected_content_length -= len(body)
        return body


@lru_cache(maxsize=256)
def _field(name: bytes) -> bytes:
    """How the line of a header begins."""
    if _NOT_IN_NAMES.search(name):
        raise RuntimeError(f"not the name of a header: {name!r}")
    return name.lower() + b": "
