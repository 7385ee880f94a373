"""The incumbent behind FastAPI, as its manual builds it; served by uvicorn."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response, UploadFile

from s3py_helper.storage import S3Config, StorageManager, StorageMode, StorageModeConfig


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    async with StorageManager(
        mode_config=StorageModeConfig(mode=StorageMode.S3),
        s3_config=S3Config(
            endpoint=os.environ["S3PY_S3__ENDPOINT"],
            access_key_id=os.environ["S3PY_S3__ACCESS_KEY_ID"],
            secret_access_key=os.environ["S3PY_S3__SECRET_ACCESS_KEY"],
            default_bucket=os.environ["S3PY_S3__DEFAULT_BUCKET"],
        ),
    ) as manager:
        application.state.manager = manager
        yield


app = FastAPI(lifespan=_lifespan)


@app.post("/files/upload")
async def upload(request: Request, file: UploadFile) -> dict[str, str]:
    attach = await request.app.state.manager.upload_service.upload_file(file)
    return {"file_id": attach.file_id}


@app.get("/files/{file_id:path}/download")
async def download(request: Request, file_id: str) -> Response:
    content = await request.app.state.manager.download_service.download_bytes(file_id)
    return Response(content=content, media_type="application/octet-stream")
