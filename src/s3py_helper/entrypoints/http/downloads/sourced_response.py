"""An answer that owns the source of its bytes.

Starlette's `StreamingResponse` is not used for three reasons, each of which has a regression test: a source that never
waits keeps the event loop for ever once the client has gone, because uvicorn then takes every chunk and waits for
nobody; clean-up in the source is cut short by the cancellation that reports the client's leaving; and a source that the
client leaves early is never closed, only collected.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Final, Self

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from s3py_helper.application.concurrency.completion import completed

UNSENT_EXTENSION: Final = "s3py_helper.unsent"
"""ASGI extension of our own server: `bytes()` tells how much of what was sent the client has not confirmed."""

_LOOKS_PER_TIMEOUT: Final = 4

_LONG_TURN: Final = 0.001
"""Seconds for which one answer may keep the event loop."""


@dataclass(frozen=True, slots=True)
class SourcedContent:
    """What is sent.

    Attributes:
        body: Chunks, none of them empty; they are read once, and only while the source is open.
        headers: All but `Content-Length`.
        status: Status of the response.
        length: Bytes of the body, `None` where that is not known.
    """

    body: AsyncIterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    length: int | None = None


class SourcedResponse(Response):
    """Opens its source, sends what it yields, and closes it: once, to the end, and at once when the client goes away.

    The source is opened here and not by the endpoint, so that there is no moment at which nobody would close it. Errors
    of opening and of the first chunk come out before anything was sent, and can still become an answer of their own;
    later ones come out too, and the server cuts the connection, which no client takes for the end of the file.

    Args:
        source: Opens what is to be sent.
        idle_timeout: Seconds for which the client may take nothing before it counts as gone. Where the server does not
            tell what is on its way (`UNSENT_EXTENSION`), a client that takes so long for one chunk counts as gone too.
    """

    def __init__(
        self, source: Callable[[], AbstractAsyncContextManager[SourcedContent]], *, idle_timeout: float
    ) -> None:
        super().__init__()
        self._source = source
        self._idle_timeout = idle_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = _Client(send, self._idle_timeout, scope.get("extensions", {}).get(UNSENT_EXTENSION, {}).get("bytes"))
        with contextlib.suppress(_ClientGoneError), client:
            await _while_client_listens(self._send(client), client, receive)
        if self.background is not None:
            await self.background()

    async def _send(self, client: "_Client") -> None:
        opening = self._source()
        content = await opening.__aenter__()
        closed = False
        try:
            chunk = await anext(content.body, b"")
            await client.take(_start_of(content))
            left = content.length
            while chunk:
                if left is not None and (left := left - len(chunk)) <= 0:
                    break
                await client.take({"type": "http.response.body", "body": chunk, "more_body": True})
                chunk = await anext(content.body, b"")
            # Where the length is known, the last bytes make the response complete for the client: they are held back
            # until the source has found nothing wrong with the whole, and do not keep it open until they are taken.
            if chunk:
                chunk += await anext(content.body, b"")
            closed = True
            await completed(opening.__aexit__(None, None, None))
            await client.take({"type": "http.response.body", "body": chunk, "more_body": False})
        finally:
            if not closed:
                await completed(opening.__aexit__(*sys.exc_info()))


def _start_of(content: SourcedContent) -> Message:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in content.headers.items()]
    if content.length is not None:
        headers.append((b"content-length", b"%d" % content.length))
    return {"type": "http.response.start", "status": content.status, "headers": headers}


class _ClientGoneError(Exception):
    """The client takes nothing any more."""


class _Client:
    """Whoever takes the answer; to be used as a context while it does.

    Attributes:
        stalled: Done when it has taken nothing for too long.
    """

    def __init__(self, send: Send, idle_timeout: float, unsent_bytes: Callable[[], int] | None) -> None:
        self._send = send
        self._idle_timeout = idle_timeout
        self._unsent_bytes = unsent_bytes
        self._unsent_before: int | None = None
        self._loop = asyncio.get_running_loop()
        self.stalled = self._loop.create_future()
        self._waiting_since: float | None = None
        self._turn_began = monotonic()
        # One timer for all messages: setting one for each costs a tenth of what sending a chunk does.
        self._timer = self._loop.call_later(idle_timeout / _LOOKS_PER_TIMEOUT, self._look)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()

    async def take(self, message: Message) -> None:
        """Send a message; raises `_ClientGoneError` when there is nobody to take it."""
        self._waiting_since = monotonic()
        try:
            await self._send(message)
        # What servers of ASGI 2.4 and later raise when the client has closed the connection.
        except OSError:
            raise _ClientGoneError from None
        self._waiting_since = None
        # Sending does not wait while there is room in the buffer, nor when the client has gone; others must get their
        # turn all the same, among them the task that would notice the latter.
        if monotonic() - self._turn_began > _LONG_TURN:
            await asyncio.sleep(0)
            self._turn_began = monotonic()

    def _look(self) -> None:
        self._timer = self._loop.call_later(self._idle_timeout / _LOOKS_PER_TIMEOUT, self._look)
        if self._waiting_since is None:
            self._unsent_before = None
            return
        if self._unsent_bytes is not None:
            unsent = self._unsent_bytes()
            if self._unsent_before is None or unsent < self._unsent_before:
                # It takes what it is sent, if slowly.
                self._waiting_since = monotonic()
            self._unsent_before = unsent
        if monotonic() - self._waiting_since >= self._idle_timeout and not self.stalled.done():
            self.stalled.set_result(None)


async def _while_client_listens(sending: Coroutine[None, None, None], client: _Client, receive: Receive) -> None:
    """Run `sending`, but cancel it when the client goes away. What it was doing has ended when this returns."""
    work = asyncio.ensure_future(sending)
    leaving = asyncio.ensure_future(_client_left(receive))
    try:
        await asyncio.wait([work, leaving, client.stalled], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _stopped(work, leaving)
    if not work.cancelled():
        work.result()


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _stopped(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    # Takes note of errors too, so that asyncio does not report as lost what the caller is about to raise or replace.
    await asyncio.gather(*tasks, return_exceptions=True)
