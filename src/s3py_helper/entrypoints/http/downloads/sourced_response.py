"""An answer that owns the source of its bytes.

Starlette's `StreamingResponse` is not used for three reasons, each of which has a regression test: a source that never
waits keeps the event loop for ever once the client has gone, because uvicorn then takes every chunk and waits for
nobody; clean-up in the source is cut short by the cancellation that reports the client's leaving; and a source that the
client leaves early is never closed, only collected.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from time import monotonic
from types import MappingProxyType, TracebackType
from typing import Any, Final, NamedTuple, Self

from starlette.background import BackgroundTask
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.ports.region import Region
from s3py_helper.entrypoints.http.downloads.newcomers import newcomers_of
from s3py_helper.entrypoints.http.request_record import record_of

UNSENT_EXTENSION: Final = "s3py_helper.unsent"
"""ASGI extension of our own server.

`bytes()` tells how much of what was sent the client has not confirmed, `gone()` whether its connection is closed.
"""

REGION_EXTENSION: Final = "s3py_helper.region"
"""ASGI extension of our own server: `send(region)` sends a region of a file in the place of a message with its bytes.

It returns whether that took waiting.
"""

_LOOKS_PER_TIMEOUT: Final = 4

_LONG_TURN: Final = 0.001
"""Seconds for which one answer may keep the event loop."""


_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class SourcedContent(NamedTuple):
    """What is sent.

    Attributes:
        body: Chunks, none of them empty; they are read once, and only while the source is open. Some may be regions
            where the server takes them and the length is known; the last one is not. Or bytes that are in memory, and
            known to be right: they are sent when the source is closed, which must take no waiting then.
        headers: All but `Content-Length`.
        status: Status of the response.
        length: Bytes of the body, `None` where that is not known.
    """

    body: AsyncIterator[bytes | Region] | bytes
    headers: Mapping[str, str] = _NO_HEADERS
    status: int = 200
    length: int | None = None


def takes_regions(scope: Scope) -> bool:
    """Whether the server does."""
    return REGION_EXTENSION in scope.get("extensions", {})


def _extension(scope: Scope, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = scope.get("extensions", {}).get(name, {})
    return found


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
        # Not super().__init__(): it would encode a body and headers, of which there are none yet.
        self.status_code = 200
        self.background: BackgroundTask | None = None
        self.body = b""
        self.raw_headers = []
        self._source = source
        self._idle_timeout = idle_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with _Client(receive, send, self._idle_timeout, scope) as client:
            await self._send(client)
        if self.background is not None:
            await self.background()

    async def _send(self, client: "_Client") -> None:
        opening = self._source()
        content = await opening.__aenter__()
        closed = False
        try:
            if isinstance(content.body, bytes):
                closed = True
                # What holds nothing any more needs no task that outlasts a cancellation.
                await opening.__aexit__(None, None, None)
                await client.take_whole(
                    _start_of(content), {"type": "http.response.body", "body": content.body, "more_body": False}
                )
                return
            last = await _all_but_the_last(content, content.body, client)
            closed = True
            await completed(opening.__aexit__(None, None, None))
            await client.take({"type": "http.response.body", "body": last, "more_body": False})
        finally:
            if not closed:
                await completed(opening.__aexit__(*sys.exc_info()))


async def _all_but_the_last(content: SourcedContent, body: AsyncIterator[bytes | Region], client: "_Client") -> bytes:
    """Send the head and the body up to what is to be sent when the source is closed.

    Where the length is known, the last bytes make the response complete for the client: they are held back until the
    source has found nothing wrong with the whole, and do not keep it open until they are taken.
    """
    chunk = await anext(body, b"")
    await client.take(_start_of(content))
    left = content.length
    while chunk:
        if not isinstance(chunk, bytes):
            left = None if left is None else left - chunk.size
            await client.take_region(chunk)
        elif left is not None and (left := left - len(chunk)) <= 0:
            more = await anext(body, b"")
            assert isinstance(more, bytes)  # noqa: S101 - no region comes last
            return chunk + more
        else:
            await client.take({"type": "http.response.body", "body": chunk, "more_body": True})
        chunk = await anext(body, b"")
    return b""


def _start_of(content: SourcedContent) -> Message:
    headers = [(_as_sent(name), value.encode("latin-1")) for name, value in content.headers.items()]
    if content.length is not None:
        headers.append((b"content-length", b"%d" % content.length))
    return {"type": "http.response.start", "status": content.status, "headers": headers}


@lru_cache(maxsize=128)
def _as_sent(name: str) -> bytes:
    """A header's name on the wire; there are few of them."""
    return name.lower().encode()


class _ClientGoneError(Exception):
    """The client takes nothing any more."""


class _Client:
    """The client of the answer; to be used as a context, which ends without an error when there is nobody any more.

    What runs in the block is then cancelled, as `asyncio.timeout` does it: in the same task. Most answers have been
    sent before anybody would look whether the client is still there; until then it is one of the newcomers.
    """

    _timer: asyncio.TimerHandle | None = None
    _leaving: asyncio.Task[None] | None = None
    _waiting_since: float | None = None
    _unsent_before: int | None = None
    _gone = False

    def __init__(self, receive: Receive, send: Send, idle_timeout: float, scope: Scope) -> None:
        self._receive = receive
        self._send = send
        self._idle_timeout = idle_timeout
        self._scope = scope
        self._turn_began = monotonic()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - ASGI applications run in one
        self._task = task
        self._cancelling = task.cancelling()
        self._newcomers = newcomers_of(asyncio.get_running_loop())
        self._newcomers.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._newcomers.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._leaving is not None:
            self._leaving.cancel()
        if self._gone and self._task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError):
            return True
        return isinstance(error, _ClientGoneError)

    async def take(self, message: Message) -> None:
        """Send a message; raises `_ClientGoneError` when there is nobody to take it."""
        await self.take_whole(message)
        await self._let_others()

    async def take_whole(self, *messages: Message) -> None:
        """Send all that there is to send, without giving others their turn between: it is over soon."""
        self._waiting_since = monotonic()
        try:
            for message in messages:
                await self._send(message)
        # What servers of ASGI 2.4 and later raise when the client has closed the connection.
        except OSError:
            raise _ClientGoneError from None
        self._waiting_since = None

    async def take_region(self, region: Region) -> None:
        """Send a region, likewise. No middleware sees it."""
        # The server takes regions, or the source has none.
        send_region: Callable[[Region], Awaitable[bool]] = self._scope["extensions"][REGION_EXTENSION]["send"]
        if (record := record_of(self._scope)) is not None:
            record.sent += region.size
        self._waiting_since = monotonic()
        if await send_region(region):
            self._turn_began = monotonic()
        self._waiting_since = None
        await self._let_others()

    async def _let_others(self) -> None:
        # Sending does not wait while there is room in the buffer, nor when the client has gone; others must get their
        # turn all the same, among them the task that would notice the latter.
        if monotonic() - self._turn_began > _LONG_TURN:
            await asyncio.sleep(0)
            self._turn_began = monotonic()

    def look_after(self) -> None:
        """Listen whether it leaves, and look now and then whether it takes what it is sent."""
        self._leaving = asyncio.create_task(self._until_left())
        self._look()

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._give_up()

    def _look(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._idle_timeout / _LOOKS_PER_TIMEOUT, self._look)
        if self._waiting_since is None:
            self._unsent_before = None
            return
        unsent_bytes: Callable[[], int] | None = _extension(self._scope, UNSENT_EXTENSION).get("bytes")
        if unsent_bytes is not None:
            unsent = unsent_bytes()
            if self._unsent_before is None or unsent < self._unsent_before:
                # It takes what it is sent, if slowly.
                self._waiting_since = monotonic()
            self._unsent_before = unsent
        if monotonic() - self._waiting_since >= self._idle_timeout:
            self._give_up()

    def _give_up(self) -> None:
        if not self._gone:
            self._gone = True
            self._task.cancel()
