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

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from s3py_helper.application.completion import completed


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent. The body's chunks are not empty; they are read once, and only while the source is open."""

    body: AsyncIterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


class SourcedResponse(Response):
    """Opens its source, sends what it yields, and closes it: once, to the end, and at once when the client goes away.

    The source is opened here and not by the endpoint, so that there is no moment at which nobody would close it. Errors
    of opening and of the first chunk come out before anything was sent, and can still become an answer of their own;
    later ones come out too, and the server cuts the connection, which no client takes for the end of the file.

    Args:
        source: Opens what is to be sent.
        idle_timeout: Seconds for which the client may take nothing before it counts as gone.
    """

    def __init__(self, source: Callable[[], AbstractAsyncContextManager[Answer]], *, idle_timeout: float) -> None:
        super().__init__()
        self._source = source
        self._idle_timeout = idle_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        sending = self._send(_impatient(send, self._idle_timeout))
        with contextlib.suppress(_ClientGoneError):
            await _while_client_listens(sending, receive)
        if self.background is not None:
            await self.background()

    async def _send(self, send: Send) -> None:
        opening = self._source()
        answer = await opening.__aenter__()
        try:
            chunk = await anext(answer.body, b"")
            headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            while chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                # Sending does not wait while there is room in the buffer, nor when the client has gone; others must
                # get their turn all the same, among them the task that would notice the latter.
                await asyncio.sleep(0)
                chunk = await anext(answer.body, b"")
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await completed(opening.__aexit__(*sys.exc_info()))


class _ClientGoneError(Exception):
    """The client takes nothing any more."""


def _impatient(send: Send, idle_timeout: float) -> Send:
    async def send_in_time(message: Message) -> None:
        try:
            async with asyncio.timeout(idle_timeout):
                await send(message)
        # Also what servers of ASGI 2.4 and later raise when the client has closed the connection.
        except OSError:
            raise _ClientGoneError from None

    return send_in_time


async def _while_client_listens(sending: Coroutine[None, None, None], receive: Receive) -> None:
    """Run `sending`, but cancel it when the client goes away. What it was doing has ended when this returns."""
    work = asyncio.ensure_future(sending)
    leaving = asyncio.ensure_future(_client_left(receive))
    try:
        await asyncio.wait([work, leaving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await completed(_stopped(work, leaving))
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
