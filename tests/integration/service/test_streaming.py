"""The two ways in which a client that goes away must not do harm, on a real socket.

Both tests fail with Starlette's `StreamingResponse` in the place of `SourcedResponse`.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import uvloop
from fastapi import FastAPI
from starlette.responses import Response

from s3py_helper.entrypoints.http.downloads.sourced_response import SourcedContent, SourcedResponse
from tests.integration.service.conftest import both_parsers
from tests.integration.service.running import served
from tests.support.waiting import until


@dataclass
class Source:
    """Bytes without end, and what happens to them."""

    waits: bool
    opened: int = 0
    closing: int = 0
    closed: int = 0
    events: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[SourcedContent]:
        self.opened += 1
        try:
            yield SourcedContent(self._chunks(), {"Content-Type": "application/octet-stream"})
        finally:
            self.closing += 1
            # Giving a connection back takes a few turns of the loop.
            for _ in range(5):
                await asyncio.sleep(0.01)
            self.closed += 1

    async def _chunks(self) -> AsyncIterator[bytes]:
        chunk = bytes(65536)
        while True:
            yield chunk
            if self.waits:
                await asyncio.sleep(0.001)


def _app(source: Source) -> FastAPI:
    app = FastAPI()

    @app.get("/endless")
    async def endless() -> Response:
        return SourcedResponse(source.open, idle_timeout=1)

    @app.get("/ping")
    async def ping() -> str:
        return "pong"

    return app


@contextlib.contextmanager
def _served_in_a_thread(app: FastAPI, http: str, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Iterator[str]:
    """A server that may freeze without freezing the test."""
    addresses: list[str] = []
    up, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with served(app, http=http) as url:
            addresses.append(url)
            up.set()
            await asyncio.to_thread(stop.wait)

    def run() -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert up.wait(20)
    try:
        yield addresses[0]
    finally:
        stop.set()
        thread.join(5)


@both_parsers
@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_others_are_served_after_a_client_left_a_source_that_never_waits(
    http_parser: str, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    source = Source(waits=False)
    with _served_in_a_thread(_app(source), http_parser, new_loop) as url:
        with httpx.stream("GET", f"{url}/endless", timeout=10) as answer:
            next(answer.iter_raw())
        assert httpx.get(f"{url}/ping", timeout=10).json() == "pong"
    assert source.opened == source.closing == source.closed == 1


@both_parsers
@pytest.mark.parametrize("waits", [True, False])
async def test_a_source_is_closed_once_and_to_the_end_when_the_client_goes_away(
    http_parser: str, *, waits: bool
) -> None:
    source = Source(waits=waits)
    async with served(_app(source), http=http_parser) as url, httpx.AsyncClient() as client:
        async with client.stream("GET", f"{url}/endless") as answer:
            await anext(answer.aiter_raw())
            assert source.closing == 0
        await until(lambda: source.closing)
        await until(lambda: source.closed)
    assert source.opened == source.closing == source.closed == 1


@both_parsers
async def test_a_source_is_closed_when_the_client_takes_nothing(http_parser: str) -> None:
    source = Source(waits=False)
    async with (
        served(_app(source), http=http_parser) as url,
        httpx.AsyncClient() as client,
        client.stream("GET", f"{url}/endless"),
    ):
        await until(lambda: source.closed)
    assert source.opened == source.closing == source.closed == 1
