"""Section 5 of the published manual: an application that holds one manager and maps the errors by itself."""

import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
import pytest
from fastapi import FastAPI, File, UploadFile
from fastapi.responses import JSONResponse
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from s3py_helper.storage import (
    DeleteNotSupportedException,
    FastdfsConfig,
    FileDownload,
    FileNotFoundException,
    InvalidArgumentException,
    InvalidFileTypeException,
    RouteNotSupportedException,
    S3Config,
    StorageException,
    StorageManager,
    StorageMode,
    StorageModeConfig,
)
from tests.contract.conftest import CONTENT

STATUS_OF_ERRORS = {
    FileNotFoundException: HTTPStatus.NOT_FOUND,
    InvalidArgumentException: HTTPStatus.BAD_REQUEST,
    InvalidFileTypeException: HTTPStatus.BAD_REQUEST,
    DeleteNotSupportedException: HTTPStatus.FORBIDDEN,
    RouteNotSupportedException: HTTPStatus.FORBIDDEN,
    StorageException: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def application(s3_config: S3Config, fastdfs_config: FastdfsConfig) -> FastAPI:
    manager = StorageManager(
        mode_config=StorageModeConfig(mode=StorageMode.HYBRID), s3_config=s3_config, fastdfs_config=fastdfs_config
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with manager:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/files/upload")
    async def upload_file(file: UploadFile = File(...)) -> dict[str, str]:  # noqa: B008, FAST002 - as in the manual
        attach = await manager.upload_service.upload_file(file, folder="uploads")
        return {"file_id": attach.file_id, "file_name": attach.file_name}

    @app.post("/files/batch-upload")
    async def batch_upload(files: list[UploadFile] = File(...)) -> list[dict[str, str]]:  # noqa: B008, FAST002 - as above
        results = await manager.upload_service.upload_files(files, folder="batch")
        return [{"file_id": result.file_id, "file_name": result.file_name} for result in results]

    @app.get("/files/{file_id:path}/download")
    async def download_file(file_id: str) -> Response:
        data = await manager.download_service.download_bytes(file_id)
        return Response(content=data, media_type="application/octet-stream")

    @app.post("/files/download-zip")
    async def download_zip(body: list[FileDownload]) -> StreamingResponse:
        return StreamingResponse(
            manager.download_service.stream_zip(body),
            media_type="application/zip",
            headers={"Content-Disposition": "attachment; filename=files.zip"},
        )

    @app.delete("/files/{file_id:path}")
    async def delete_file(file_id: str) -> dict[str, str]:
        await manager.delete_service.delete_file(file_id)
        return {"detail": "deleted"}

    @app.get("/files/{file_id:path}/info")
    async def get_file_info(file_id: str) -> dict[str, object]:
        info = await manager.info_service.get_file_info(file_id)
        return {
            "file_id": info.file_id,
            "file_name": info.file_name,
            "file_size": info.file_size,
            "last_modify_time": info.last_modify_time.isoformat() if info.last_modify_time else None,
        }

    for kind, status in STATUS_OF_ERRORS.items():

        def answer(_request: Request, error: Exception, status: HTTPStatus = status) -> JSONResponse:
            return JSONResponse(status_code=status, content={"detail": str(error)})

        app.add_exception_handler(kind, answer)
    return app


@pytest.fixture
async def client(s3_config: S3Config, fastdfs_config: FastdfsConfig) -> AsyncIterator[httpx.AsyncClient]:
    app = application(s3_config, fastdfs_config)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as opened,
    ):
        yield opened


async def test_a_file_goes_through_every_endpoint(client: httpx.AsyncClient) -> None:
    attach = (await client.post("/files/upload", files={"file": ("report.pdf", CONTENT)})).json()
    file_id = attach["file_id"]
    assert file_id.startswith("s3:my-bucket/uploads/")
    assert attach["file_name"] == "report.pdf"
    assert (await client.get(f"/files/{file_id}/download")).content == CONTENT
    info = (await client.get(f"/files/{file_id}/info")).json()
    assert (info["file_id"], info["file_name"], info["file_size"]) == (file_id, "report.pdf", len(CONTENT))
    assert (await client.delete(f"/files/{file_id}")).json() == {"detail": "deleted"}
    assert (await client.get(f"/files/{file_id}/info")).status_code == HTTPStatus.NOT_FOUND


async def test_a_batch_and_an_archive(client: httpx.AsyncClient, old_contract: str) -> None:
    files = [("files", (f"{index}.pdf", CONTENT)) for index in range(2)]
    attached = (await client.post("/files/batch-upload", files=files)).json()
    wanted = [
        *({"file_id": attach["file_id"]} for attach in attached),
        {"file_id": old_contract, "file_name": "old.pdf"},
    ]
    answer = await client.post("/files/download-zip", json=wanted)
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["0.pdf", "1.pdf", "old.pdf"]
        assert archive.testzip() is None


@pytest.mark.parametrize(
    ("file_id", "status"),
    [
        ("s3:my-bucket/none.pdf", HTTPStatus.NOT_FOUND),
        ("group1/M00/00/00/some_file.pdf", HTTPStatus.NOT_FOUND),
        ("s3:my-bucket", HTTPStatus.BAD_REQUEST),
        ("fs:files/a.pdf", HTTPStatus.FORBIDDEN),
    ],
)
async def test_errors_become_the_statuses_of_the_manual(
    client: httpx.AsyncClient, file_id: str, status: HTTPStatus
) -> None:
    answer = await client.get(f"/files/{file_id}/download")
    assert answer.status_code == status
    assert answer.json()["detail"]
