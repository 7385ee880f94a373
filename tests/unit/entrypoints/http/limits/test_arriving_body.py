"""How slowly a request may come."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Message

from s3py_helper.entrypoints.http.limits import arriving_body as module
from s3py_helper.entrypoints.http.limits.arriving_body import arriving_body
from s3py_helper.entrypoints.http.limits.errors import RequestTimedOutException

pytestmark = pytest.mark.timeout(30)


class _Time:
    """A clock that only tests move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(module, "monotonic", lambda: self.now)

    async def chunks(self, *arrivals: tuple[float, int]) -> AsyncIterator[Message]:
        for seconds, size in arrivals:
            self.now += seconds
            yield {"type": "http.request", "body": bytes(size), "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}


def _request(messages: AsyncIterator[Message]) -> Request:
    async def receive() -> Message:
        return await anext(messages)

    return Request({"type": "http", "headers": []}, receive)


async def _received(messages: AsyncIterator[Message], *, idle_timeout: float = 10, min_rate: float = 100) -> int:
    body = arriving_body(_request(messages), idle_timeout=idle_timeout, min_rate=min_rate)
    return sum([len(chunk) async for chunk in body])


@pytest.mark.parametrize(
    "arrivals",
    [
        [],
        [(9, 1)],
        [(9.5, 1000)] * 20,
        [(1, 100)] * 50,
        [(0.1, 10)] * 500,
        # A pause is made up for by what comes after it.
        [(9, 1), (0, 1000), (9, 1)],
        # So is a slow start.
        [(1, 10)] * 9 + [(1, 1000)] * 20,
    ],
)
async def test_a_client_that_keeps_the_rate_is_not_given_up(
    monkeypatch: pytest.MonkeyPatch, arrivals: list[tuple[float, int]]
) -> None:
    assert await _received(_Time(monkeypatch).chunks(*arrivals)) == sum(size for _, size in arrivals)


@pytest.mark.parametrize(
    "arrivals",
    [
        [(1, 1)] * 100,
        [(9, 1)] * 3,
        [(1, 90)] * 200,
        # Bytes that came in a rush are no credit for hours.
        [(0, 1_000_000), (9, 1), (9, 1)],
    ],
)
async def test_a_client_below_the_rate_is_given_up(
    monkeypatch: pytest.MonkeyPatch, arrivals: list[tuple[float, int]]
) -> None:
    clock = _Time(monkeypatch)

    async def then_nothing() -> AsyncIterator[Message]:
        async for message in clock.chunks(*arrivals):
            if not message["more_body"]:
                break
            # The timeout runs by the clock of the event loop: where no credit is left, the next wait ends at once.
            await asyncio.sleep(0.0001)
            yield message
        await asyncio.Event().wait()

    with pytest.raises(RequestTimedOutException, match="within 10 s at least 100 bytes per second"):
        async with asyncio.timeout(5):
            await _received(then_nothing())


async def test_silence_is_given_up_whatever_the_rate() -> None:
    async def one_then_nothing() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": b"x", "more_body": True}
        await asyncio.Event().wait()

    for min_rate, least in ((0, "a byte has"), (2000, "at least 2000 bytes per second have")):
        with pytest.raises(RequestTimedOutException, match=rf"within 0\.05 s {least} to come"):
            await _received(one_then_nothing(), idle_timeout=0.05, min_rate=min_rate)


async def test_without_a_rate_a_byte_in_time_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await _received(_Time(monkeypatch).chunks(*[(9.9, 1)] * 100), min_rate=0) == 100


async def test_a_slow_reader_of_the_body_is_not_the_clients_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Time(monkeypatch)
    body = arriving_body(_request(clock.chunks(*[(0, 1)] * 100)), idle_timeout=10, min_rate=100)
    async for _ in body:
        clock.now += 100


async def test_a_client_that_leaves_is_told_apart() -> None:
    async def leaving() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": b"x", "more_body": True}
        yield {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        await _received(leaving())
