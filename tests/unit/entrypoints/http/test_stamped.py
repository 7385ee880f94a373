"""The response by which the doctor sees what collects."""

import asyncio

import httpx
from fastapi import FastAPI
from starlette.types import Message

from s3py_helper.entrypoints.http.stamped import create_stamped_router
from s3py_helper.entrypoints.stamps import BLOCK, BLOCKS, STAMP, STAMPED_PATH


def _app() -> FastAPI:
    app = FastAPI()
    app.include_router(create_stamped_router())
    return app


async def test_each_block_says_when_it_was_sent() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(_app()), base_url="http://127.0.0.1") as client:
        response = await client.get(STAMPED_PATH)
    body = response.content
    assert len(body) == int(response.headers["content-length"]) == BLOCK * BLOCKS
    times = [float(body[start : start + STAMP]) for start in range(0, len(body), BLOCK)]
    assert times == sorted(times)
    assert response.headers["cache-control"] == "no-store"


async def test_one_at_a_time_is_answered() -> None:
    app = _app()
    scope = {"type": "http", "method": "GET", "path": STAMPED_PATH, "headers": [], "query_string": b""}
    begun, enough = asyncio.Event(), asyncio.Event()
    statuses: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
            if message["status"] == 200:
                begun.set()
                await enough.wait()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    first = asyncio.create_task(app(dict(scope), receive, send))
    await begun.wait()
    await app(dict(scope), receive, send)
    enough.set()
    await first
    await app(dict(scope), receive, send)
    assert statuses == [200, 503, 200]
