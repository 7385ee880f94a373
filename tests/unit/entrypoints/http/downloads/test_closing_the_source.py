"""The source of a response is closed to its end, whatever happens while it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from starlette.types import Message

from s3py_helper.domain.errors import IntegrityException
from s3py_helper.entrypoints.http.downloads.sourced_response import SourcedContent, SourcedResponse
from s3py_helper.testing import leak_guard
from tests.support.cancelling import CleaningUp, cancelled_again, cancelled_twice

pytestmark = pytest.mark.timeout(30)


class Exchange:
    """One response, and what becomes of it."""

    def __init__(
        self, *chunks: bytes, length: int | None = None, then: BaseException | None = None, ends: bool = True
    ) -> None:
        self.cleaning_up = CleaningUp()
        self.opened = asyncio.Event()
        self.leaves = asyncio.Event()
        self._chunks = chunks
        self._length = length
        self._then = then
        self._ends = ends

    def source(self) -> AbstractAsyncContextManager[SourcedContent]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[SourcedContent]:
            self.opened.set()
            yield SourcedContent(self._body(), length=self._length)

        return self.cleaning_up.around(opened())

    async def respond(self) -> None:
        response = SourcedResponse(self.source, idle_timeout=60)
        await response({"type": "http"}, self._receive, self._send)

    async def _body(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._then is not None:
            raise self._then
        if not self._ends:
            await asyncio.Event().wait()

    async def _receive(self) -> Message:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def _send(self, _message: Message) -> None:
        """The client takes everything at once."""


@pytest.mark.parametrize("length", [None, 6])
async def test_a_cancellation_after_the_last_byte(length: int | None) -> None:
    exchange = Exchange(b"abc", b"def", length=length)
    async with leak_guard():
        task = asyncio.ensure_future(exchange.respond())
        await cancelled_again(task, exchange.cleaning_up)
        assert task.cancelled()


async def test_a_cancellation_after_an_error_of_the_source() -> None:
    exchange = Exchange(b"abc", b"def", then=IntegrityException("damaged"))
    async with leak_guard():
        task = asyncio.ensure_future(exchange.respond())
        await cancelled_again(task, exchange.cleaning_up)
        assert task.cancelled()


async def test_a_cancellation_in_the_middle() -> None:
    exchange = Exchange(b"abc", ends=False)
    async with leak_guard():
        await cancelled_twice(exchange.respond(), exchange.opened, exchange.cleaning_up)


async def test_the_client_leaves_and_the_server_cancels_as_well() -> None:
    exchange = Exchange(b"abc", ends=False)
    async with leak_guard():
        task = asyncio.ensure_future(exchange.respond())
        await exchange.opened.wait()
        exchange.leaves.set()
        await cancelled_again(task, exchange.cleaning_up)
