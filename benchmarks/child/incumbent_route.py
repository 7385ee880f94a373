"""What people write who serve old links with the incumbent and FastAPI: a peer of `old-links`. Served by uvicorn."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response

from benchmarks.drivers.s3py_helper import manager_for

_manager = manager_for(json.loads(os.environ["TARGET"]))


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with _manager:
        yield


app = FastAPI(lifespan=_lifespan)


@app.get("/{file_id:path}")
async def follow(file_id: str) -> Response:
    return Response(await _manager.download_service.download_bytes(file_id), media_type="application/octet-stream")
