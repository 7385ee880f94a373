"""The service as deployments run it, on the local disk."""

import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from s3py_helper.domain.errors import FileNotFoundException, InvalidArgumentException
from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app, create_files_router
from s3py_helper.entrypoints.settings import Settings
from s3py_helper.storage import StorageManager, StorageMode, StorageModeConfig
from tests.integration.service.running import served

TOKEN = "correct horse battery staple"
OPEN = {"health", "livez", "healthz", "readyz", "metrics"}


def _settings(root: Path, **more: object) -> Settings:
    given = {"filesystem": FilesystemConfig(root=root)} | more
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]  # pydantic checks what tests give


@contextlib.asynccontextmanager
async def _client(app: FastAPI, **headers: str) -> AsyncGenerator[httpx.AsyncClient]:
    async with served(app) as url, httpx.AsyncClient(base_url=url, headers=headers) as client:
        yield client


async def test_a_file_survives_a_restart(tmp_path: Path) -> None:
    async with _client(create_app(_settings(tmp_path))) as client:
        attach = (await client.post("/files/upload", files={"file": ("a.txt", b"content")})).json()
        assert attach["file_id"].startswith("fs:files/")
    async with _client(create_app(_settings(tmp_path))) as client:
        assert (await client.get(f"/files/{attach['file_id']}/download")).content == b"content"
        assert (await client.delete(f"/files/{attach['file_id']}")).json() == {"detail": "deleted"}
        assert (await client.get(f"/files/{attach['file_id']}/info")).status_code == 404


async def test_no_request_for_files_goes_through_a_thread_of_the_framework(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starting a thread holds the event loop up, by tens of milliseconds on a busy machine."""
    called: list[object] = []

    async def run_sync(call: Callable[[], object], **_options: object) -> object:
        called.append(call)
        return call()

    app = create_app(_settings(tmp_path, docs=True))
    async with _client(app) as client:
        monkeypatch.setattr("anyio.to_thread.run_sync", run_sync)
        form = {"file": ("a.txt", b"content")}
        file_id = (await client.post("/files/upload", files=form)).json()["file_id"]
        assert (await client.put("/files/b.txt", content=b"content")).status_code == 201
        assert (await client.post("/files/batch-upload", files={"files": ("a.txt", b"x")})).status_code == 200
        for path in ("/livez", "/readyz", "/health", "/metrics", "/files", "/openapi.json"):
            assert (await client.get(path)).status_code == 200
        for end in ("", "/info", "/download"):
            assert (await client.get(f"/files/{file_id}{end}")).status_code == 200
        assert (await client.post(f"/files/{file_id}/copy")).status_code == 201
        assert (await client.post("/files/download-zip", json=[{"file_id": file_id}])).status_code == 200
        assert (await client.delete(f"/files/{file_id}")).status_code == 200
    assert called == []


async def test_other_buckets_are_served_only_when_the_deployment_says_so(tmp_path: Path) -> None:
    path, files = "/files/upload?bucket=more", {"file": ("a.txt", b"x")}
    async with _client(create_app(_settings(tmp_path))) as client:
        assert (await client.post(path, files=files)).status_code == 403
    async with _client(create_app(_settings(tmp_path, buckets={"more"}))) as client:
        attach = (await client.post(path, files=files)).json()
        assert (await client.get(f"/files/{attach['file_id']}/info")).status_code == 200
    async with _client(create_app(_settings(tmp_path))) as client:
        for aspect in ("info", "download"):
            assert (await client.get(f"/files/{attach['file_id']}/{aspect}")).status_code == 403
        assert (await client.delete(f"/files/{attach['file_id']}")).status_code == 403


async def test_health_tells_how_each_backend_is(tmp_path: Path) -> None:
    async with _client(create_app(_settings(tmp_path))) as client:
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "backends": {"filesystem": "ok"}})


async def test_an_unreachable_backend_makes_the_service_unavailable(tmp_path: Path) -> None:
    settings = _settings(tmp_path, mode="fastdfs", fastdfs={"tracker_servers": ["127.0.0.1:1"]})
    async with _client(create_app(settings)) as client:
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer ünïcode"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/files/upload"),
        ("POST", "/files/batch-upload"),
        ("POST", "/files/download-zip"),
        ("GET", "/files/fs:files/x/download"),
        ("HEAD", "/files/fs:files/x/download"),
        ("GET", "/files/fs:files/x/info"),
        ("DELETE", "/files/fs:files/x"),
    ],
)
async def test_without_the_token_nothing_is_done(
    tmp_path: Path, method: str, path: str, authorization: str | None
) -> None:
    app = create_app(_settings(tmp_path, api_token=SecretStr(TOKEN)))
    headers = None if authorization is None else [(b"Authorization", authorization.encode())]
    # Without its lifespan the application has no storage at all: the refusal comes before anything else.
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        answer = await client.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_with_the_token_everything_is_done(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    app = create_app(_settings(tmp_path, api_token=SecretStr(TOKEN)))
    async with _client(app, Authorization=f"bearer {TOKEN}") as client:
        attach = (await client.post("/files/upload", files={"file": ("a.txt", b"x")})).json()
        assert (await client.get(f"/files/{attach['file_id']}/download")).content == b"x"
    assert TOKEN not in caplog.text


async def test_health_is_open_but_tells_strangers_little(tmp_path: Path) -> None:
    async with _client(create_app(_settings(tmp_path, api_token=SecretStr(TOKEN)))) as client:
        assert (await client.get("/health")).json() == {"status": "ok"}


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/filesystem", 404), ("/health/", 404)])
async def test_unknown_paths_are_problems(tmp_path: Path, path: str, status: int) -> None:
    async with _client(create_app(_settings(tmp_path))) as client:
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        wrong_method = await client.patch("/files/upload")
        assert (wrong_method.status_code, wrong_method.headers["content-type"]) == (405, "application/problem+json")


async def test_a_bug_is_a_problem_that_tells_nothing_of_the_inside(tmp_path: Path) -> None:
    app = create_app(_settings(tmp_path))

    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError("secret detail")

    async with _client(app) as client:
        answer = await client.get("/bug")
        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert "secret" not in answer.text


def test_missing_settings_are_named_when_the_app_is_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentException, match="S3PY_S3__ENDPOINT"):
        create_app(_settings(tmp_path, mode="s3"))


async def test_the_router_works_in_any_application(tmp_path: Path) -> None:
    manager = StorageManager(
        mode_config=StorageModeConfig(mode=StorageMode.FILESYSTEM), filesystem_config=FilesystemConfig(root=tmp_path)
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        async with manager:
            yield

    inner = FastAPI(lifespan=lifespan)
    inner.include_router(create_files_router(lambda: manager, prefix="/documents", tags=["documents"]), prefix="/api")
    async with _client(inner) as client:
        attach = (await client.post("/api/documents/upload", files={"file": ("a.txt", b"x")})).json()
        assert (await client.get(f"/api/documents/{attach['file_id']}/download")).content == b"x"
        missing = await client.get("/api/documents/fs:files/none/info")
        assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


async def test_an_application_can_answer_errors_in_its_own_way(tmp_path: Path) -> None:
    app = create_app(_settings(tmp_path))

    @app.exception_handler(FileNotFoundException)
    async def not_found(_request: Request, error: FileNotFoundException) -> JSONResponse:
        return JSONResponse({"own": error.file_id}, 418)

    async with _client(app) as client:
        for path in ("info", "download"):
            answer = await client.get(f"/files/fs:files/none/{path}")
            assert (answer.status_code, answer.json()) == (418, {"own": "fs:files/none"})


def test_the_description_of_the_interface_tells_all_endpoints(tmp_path: Path) -> None:
    described = create_app(_settings(tmp_path, api_token=SecretStr(TOKEN))).openapi()
    operations = {
        operation["operationId"]: operation for path in described["paths"].values() for operation in path.values()
    }
    assert operations.keys() == {
        "create_file",
        "put_file",
        "upload_file",
        "upload_files",
        "download_file",
        "get_file",
        "download_zip",
        "get_file_info",
        "list_files",
        "copy_file",
        "create_link",
        "create_upload_link",
        "delete_file",
        *OPEN,
    }
    form = operations["upload_file"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["file"] == {"type": "string", "format": "binary"}
    assert all("security" in operation for name, operation in operations.items() if name not in OPEN)
    assert operations["download_file"]["responses"].keys() >= {"200", "206", "304", "404", "412", "416", "503"}
    assert TOKEN not in str(described)
