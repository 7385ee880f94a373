"""Which clients are given up while they are sent something, and what is left of their responses: nothing."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import Message

from s3py_helper.entrypoints.http.downloads import newcomers
from s3py_helper.entrypoints.http.downloads import sourced_response as module
from s3py_helper.entrypoints.http.downloads.sourced_response import (
    REGION_EXTENSION,
    UNSENT_EXTENSION,
    SourcedContent,
    SourcedResponse,
)
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(30)

IDLE = 20.0


@dataclass
class Region:
    """Bytes that the server takes from a file by itself."""

    size: int = 1000


@dataclass
class Exchange:
    """One response to a client.

    Attributes:
        takes: Set while the client takes what it is sent.
        goes_on: Set while the source has more.
        unsent: What is on its way; `None` where the server does not tell.
        looks: How often that was asked for.
    """

    pieces: list[Any]
    unsent: int | None = None
    fails: OSError | None = None
    looks: int = 0
    closed: int = 0
    listened: int = 0
    taken: list[Any] = field(default_factory=list[Any])
    takes: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def source(self) -> AsyncGenerator[SourcedContent]:
        try:
            whole = self.pieces[0] if len(self.pieces) == 1 else None
            yield SourcedContent(whole if isinstance(whole, bytes) else self._body())
        finally:
            self.closed += 1

    async def _body(self) -> AsyncIterator[Any]:
        for piece in self.pieces:
            yield piece
            await self.goes_on.wait()

    def _unsent(self) -> int:
        self.looks += 1
        return self.unsent or 0

    async def _receive(self) -> Message:
        self.listened += 1
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, message: Message) -> None:
        if self.fails is not None:
            raise self.fails
        await self.takes.wait()
        self.taken.append(message.get("body", message["type"]))

    async def _send_region(self, region: Region) -> bool:
        await self.takes.wait()
        self.taken.append(region)
        return True

    def respond(self) -> asyncio.Task[None]:
        extensions: dict[str, Any] = {REGION_EXTENSION: {"send": self._send_region}}
        if self.unsent is not None:
            extensions[UNSENT_EXTENSION] = {"bytes": self._unsent}
        response = SourcedResponse(self.source, idle_timeout=IDLE)
        return asyncio.ensure_future(response({"type": "http", "extensions": extensions}, self._receive, self._send))


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time; clients are looked after at once, and often."""
    now = [100.0]
    monkeypatch.setattr(newcomers, "FIRST_LOOK", 0.001)
    monkeypatch.setattr(module, "_LOOKS_PER_TIMEOUT", 20_000)
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


async def _looked_again(exchange: Exchange) -> None:
    seen = exchange.looks
    await until(lambda: exchange.looks > seen + 1)


async def _looked_at() -> None:
    for _ in range(10):
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    "pieces", [[b"whole"], [b"one", b"two"], [Region(), b"two"]], ids=["whole", "pieces", "region"]
)
async def test_a_client_that_takes_nothing_is_given_up_after_its_time(
    clock: list[float], pieces: list[bytes | Region]
) -> None:
    exchange = Exchange(pieces)
    response = exchange.respond()
    await until(lambda: exchange.listened)
    clock[0] += IDLE - 0.1
    await _looked_at()
    assert not response.done()
    clock[0] += 0.1
    await response
    assert (exchange.closed, exchange.taken, response.cancelling()) == (1, [], 0)


async def test_a_client_that_takes_a_region_slowly_is_given_up_no_earlier(clock: list[float]) -> None:
    exchange = Exchange([Region(), b"two"])
    exchange.takes.set()
    response = exchange.respond()
    await until(lambda: len(exchange.taken) == 2)
    clock[0] += 10 * IDLE
    await _looked_at()
    assert not response.done(), "it is the source that takes its time"
    exchange.goes_on.set()
    await response
    assert exchange.taken == ["http.response.start", Region(), b"two", b""]


async def test_a_client_is_not_to_blame_for_a_slow_source(clock: list[float]) -> None:
    exchange = Exchange([b"one", b"two"])
    exchange.takes.set()
    response = exchange.respond()
    await until(lambda: b"one" in exchange.taken)
    clock[0] += 10 * IDLE
    await _looked_at()
    assert not response.done()
    exchange.goes_on.set()
    await response
    assert exchange.taken == ["http.response.start", b"one", b"two", b""]


async def test_a_client_that_takes_little_at_a_time_is_waited_for_as_long_as_it_does(clock: list[float]) -> None:
    exchange = Exchange([b"one", b"two"], unsent=1_000_000)
    response = exchange.respond()
    for _ in range(4):
        await _looked_again(exchange)
        clock[0] += IDLE - 1
        assert exchange.unsent is not None
        exchange.unsent -= 1
    assert not response.done()
    await _looked_again(exchange)
    clock[0] += IDLE
    await response
    seen = exchange.looks
    await _looked_at()
    assert (exchange.looks, exchange.closed) == (seen, 1), "nobody looks any more"


@pytest.mark.parametrize("pieces", [[b"whole"], [b"one", b"two"]], ids=["whole", "pieces"])
async def test_a_client_that_has_closed_its_connection_is_no_error(pieces: list[bytes | Region]) -> None:
    exchange = Exchange(pieces, fails=ConnectionResetError(104, "reset"))
    await exchange.respond()
    assert exchange.closed == 1


async def test_nobody_listens_to_a_client_that_has_been_served() -> None:
    exchange = Exchange([b"whole"])
    exchange.takes.set()
    await exchange.respond()
    await _looked_at()
    assert (exchange.taken, exchange.listened) == (["http.response.start", b"whole"], 0)
