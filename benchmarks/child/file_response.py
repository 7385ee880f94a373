"""What people write who serve files with FastAPI alone: the peer of `http-4k`. Served by uvicorn."""

import os
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse

app = FastAPI()
_FOLDER = Path(os.environ["FOLDER"])


@app.get("/{name}")
async def file(name: str) -> FileResponse:
    return FileResponse(_FOLDER / name)
