"""A response that tells whether something on the way collects it."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final, override

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from s3py_helper.domain.content_type import OCTET_STREAM
from s3py_helper.entrypoints.stamps import BLOCK, BLOCKS, STAMP, STAMPED_PATH

_MOST_SECONDS: Final = 60.0


def create_stamped_router() -> APIRouter:
    """`GET /livez/stream`: blocks that begin with the seconds since the first was sent.

    A client that takes nothing for a while holds the service back, unless somebody between takes it in its place: that
    shows in the last of these times. One such response at a time, because nobody needs a token for it.
    """
    router = APIRouter(tags=["health"])
    alone = asyncio.Lock()

    @router.get(STAMPED_PATH, include_in_schema=False)
    async def stream() -> Response:
        return Response(status_code=503, headers={"Retry-After": "5"}) if alone.locked() else _Stamped(alone)

    return router


class _Stamped(StreamingResponse):
    def __init__(self, alone: asyncio.Lock) -> None:
        headers = {"Cache-Control": "no-store", "Content-Length": str(BLOCK * BLOCKS)}
        super().__init__(_blocks(), media_type=OCTET_STREAM, headers=headers)
        self._alone = alone

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A client that takes too long is given up: the connection is closed before the end.
        with suppress(TimeoutError):
            async with self._alone, asyncio.timeout(_MOST_SECONDS):
                await super().__call__(scope, receive, send)


async def _blocks() -> AsyncGenerator[bytes]:
    filling, begun = os.urandom(BLOCK - STAMP), time.monotonic()
    for _ in range(BLOCKS):
        yield f"{time.monotonic() - begun:<{STAMP}.3f}".encode() + filling
