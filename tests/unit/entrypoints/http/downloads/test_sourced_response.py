"""A source is closed once and to the end, however often its response is cancelled meanwhile."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.types import Message

from s3py_helper.entrypoints.http.downloads import newcomers
from s3py_helper.entrypoints.http.downloads.sourced_response import SourcedContent, SourcedResponse

pytestmark = pytest.mark.timeout(30)

CHUNK = bytes(1000)
STEPS = 8


@pytest.fixture(autouse=True)
def _soon_looked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notice that a client leaves after some turns of the event loop, not after a thousand."""
    monkeypatch.setattr(newcomers, "FIRST_LOOK", 0.001)


class Source:
    """Takes several turns of the event loop to close."""

    def __init__(self, *, chunks: int | None, length: int | None, error: Exception | None = None) -> None:
        self.closing = asyncio.Event()
        self.closed = 0
        self._chunks = chunks
        self._length = length
        self._error = error

    @asynccontextmanager
    async def __call__(self) -> AsyncGenerator[SourcedContent]:
        try:
            yield SourcedContent(self._body(), length=self._length)
        finally:
            self.closing.set()
            for _ in range(STEPS):
                await asyncio.sleep(0)
            self.closed += 1

    async def _body(self) -> AsyncIterator[bytes]:
        sent = 0
        while self._chunks is None or sent < self._chunks:
            yield CHUNK
            sent += 1
            await asyncio.sleep(0)
        if self._error is not None:
            raise self._error


class Client:
    """Takes what it is sent until it leaves."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.received = 0
        self.complete = False

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await asyncio.sleep(0)
        self.received += len(message.get("body", b""))
        self.complete = message["type"] == "http.response.body" and not message["more_body"]


def _respond(source: Source, client: Client) -> asyncio.Task[None]:
    response = SourcedResponse(source, idle_timeout=20)
    return asyncio.ensure_future(response({"type": "http"}, client.receive, client.send))


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("after", range(STEPS + 2))
@pytest.mark.parametrize("then", ["leave", "cancel", "cancel twice", "leave and cancel"])
@pytest.mark.parametrize("first", ["all is sent", "the source fails", "the client leaves", "the server stops"])
async def test_nothing_cuts_the_closing_of_a_source_short(first: str, then: str, after: int) -> None:
    source = {
        "all is sent": Source(chunks=3, length=3 * len(CHUNK)),
        "the source fails": Source(chunks=3, length=None, error=OSError("gone")),
    }.get(first, Source(chunks=None, length=None))
    client = Client()
    responding = _respond(source, client)
    while client.received < 3 * len(CHUNK) and not source.closing.is_set():
        await asyncio.sleep(0)
    if first == "the client leaves":
        client.left.set()
    elif first == "the server stops":
        responding.cancel()
    await source.closing.wait()
    await _turns(after)
    if "leave" in then:
        client.left.set()
        await _turns(1)
    for _ in range(then.count("cancel") + then.count("twice")):
        responding.cancel()
        await _turns(1)
    await asyncio.wait([responding])
    assert source.closed == 1
    if not responding.cancelled():
        responding.exception()


async def test_a_cancelled_response_ends_in_its_cancellation() -> None:
    source, client = Source(chunks=None, length=None), Client()
    responding = _respond(source, client)
    while not client.received:
        await asyncio.sleep(0)
    responding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await responding
    assert source.closed == 1
    assert not client.complete


async def test_the_source_is_closed_before_the_last_bytes_are_sent() -> None:
    source = Source(chunks=3, length=3 * len(CHUNK))
    closed_before_the_end: list[int] = []

    class Watching(Client):
        async def send(self, message: Message) -> None:
            await super().send(message)
            if self.complete:
                closed_before_the_end.append(source.closed)

    client = Watching()
    await _respond(source, client)
    assert closed_before_the_end == [1]
    assert client.received == 3 * len(CHUNK)
