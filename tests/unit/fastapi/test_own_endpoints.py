"""What `s3py_helper.fastapi` offers to an application with endpoints of its own."""

import io
import re
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

import s3py_helper.fastapi
from s3py_helper.fastapi import (
    Services,
    create_files_router,
    file_response,
    install_problem_handlers,
    storage_lifespan,
    zip_response,
)
from s3py_helper.storage import (
    FileDownload,
    FileNotFoundException,
    FilesystemConfig,
    StorageManager,
    StorageMode,
    StorageModeConfig,
    StorageOperationException,
)

CONTENT = b"0123456789" * 10
PROBLEM = "application/problem+json"


def manager_in(folder: Path) -> StorageManager:
    return StorageManager(
        StorageModeConfig(mode=StorageMode.FILESYSTEM),
        filesystem_config=FilesystemConfig(root=folder, durability=False),
    )


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://test")


def application(folder: Path) -> FastAPI:
    app = FastAPI(lifespan=storage_lifespan(manager_in(folder)))
    install_problem_handlers(app)
    app.include_router(create_files_router())

    @app.api_route("/own/{file_id:path}", methods=["GET", "HEAD"])
    async def own(file_id: str, request: Request, services: Services, name: str | None = None) -> Response:
        return await file_response(
            request, services, file_id, file_name=name, inline=True, headers={"cache-control": "private"}
        )

    @app.post("/pack")
    async def pack(files: list[FileDownload], services: Services) -> Response:
        return zip_response(services, files, file_name="alles für dich.zip", compression="never")

    return app


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = application(tmp_path)
    async with app.router.lifespan_context(app) as state, client_of(app) as opened:
        # What an ASGI server does with the state of the lifespan: httpx knows nothing of it.
        app.add_middleware(_State, state=state)
        yield opened


class _State:
    def __init__(self, app: object, state: Mapping[str, object] | None) -> None:
        self.app, self.state = app, state

    async def __call__(self, scope: dict[str, object], *channels: object) -> None:
        await self.app({**scope, "state": dict(self.state or {})}, *channels)  # type: ignore[operator]  # an ASGI application


@pytest.fixture
async def file_id(client: httpx.AsyncClient) -> str:
    response = await client.post("/files/upload", files={"file": ("figures.txt", CONTENT, "text/plain")})
    return str(response.json()["file_id"])


async def test_a_file_comes_whole_in_part_and_only_if_changed(client: httpx.AsyncClient, file_id: str) -> None:
    whole = await client.get(f"/own/{file_id}")
    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert whole.headers["content-disposition"].startswith("inline")
    assert whole.headers["cache-control"] == "private"

    part = await client.get(f"/own/{file_id}", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, b"0123456789")
    assert part.headers["content-range"] == "bytes 10-19/100"

    again = await client.get(f"/own/{file_id}", headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "private")

    head = await client.head(f"/own/{file_id}")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "100")


async def test_a_file_goes_out_under_the_name_that_the_application_gives(
    client: httpx.AsyncClient, file_id: str
) -> None:
    response = await client.get(f"/own/{file_id}", params={"name": "März.txt"})
    assert "filename*=UTF-8''M%C3%A4rz.txt" in response.headers["content-disposition"]
    assert response.headers["content-type"] == "text/plain"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/own/fs:files/none", {}, 404),
        ("/own/fs:files/none", {"If-None-Match": '"x"'}, 404),
        ("/own/s3:my-bucket/none", {}, 403),
        ("/own/fs:files", {}, 400),
    ],
)
async def test_errors_of_storage_are_problems(
    client: httpx.AsyncClient, path: str, headers: dict[str, str], status: int
) -> None:
    response = await client.get(path, headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM)
    assert response.json()["file_id"] == path.removeprefix("/own/")


async def test_a_range_beyond_the_end_and_another_version_are_problems(client: httpx.AsyncClient, file_id: str) -> None:
    response = await client.get(f"/own/{file_id}", headers={"Range": "bytes=100-"})
    assert (response.status_code, response.headers["content-range"]) == (416, "bytes */100")
    response = await client.get(f"/own/{file_id}", headers={"If-Match": '"another"'})
    assert (response.status_code, response.headers["content-type"]) == (412, PROBLEM)


async def test_files_come_as_an_archive_of_known_length(client: httpx.AsyncClient, file_id: str) -> None:
    response = await client.post("/pack", json=[{"file_id": file_id, "file_name": "a.txt"}, {"file_id": file_id}])
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-length"] == str(len(response.content))
    assert "alles%20f%C3%BCr%20dich.zip" in response.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.namelist() == ["a.txt", "figures.txt"]

    response = await client.post("/pack", json=[{"file_id": file_id}, {"file_id": "fs:files/none"}])
    assert (response.status_code, response.headers["content-type"]) == (404, PROBLEM)


async def test_an_application_without_open_storage_logs_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = application(tmp_path)
    async with client_of(app) as client:
        for path in ("/own/fs:files/a", "/files/fs:files/a/info"):
            response = await client.get(path)
            assert (response.status_code, response.headers["content-type"]) == (500, PROBLEM)
    assert [record.getMessage().count("storage_lifespan(manager)") for record in caplog.records] == [1, 1]


async def test_storage_is_open_as_long_as_the_application_runs(tmp_path: Path) -> None:
    manager = manager_in(tmp_path)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[Mapping[str, object]]:
        async with storage_lifespan(manager)(app) as state:
            yield {**state, "own": 1}

    for _ in range(2):
        async with lifespan(FastAPI()) as state:
            assert state["own"] == 1
            assert manager.services in state.values()
        with pytest.raises(StorageOperationException, match="not open"):
            _ = manager.services


async def test_handlers_of_the_application_go_first(tmp_path: Path) -> None:
    app = FastAPI()
    install_problem_handlers(app)

    @app.exception_handler(FileNotFoundException)
    async def own(_request: Request, error: FileNotFoundException) -> JSONResponse:
        return JSONResponse({"own": str(error)}, 418)

    @app.get("/missing")
    async def missing() -> None:
        raise FileNotFoundException("gone")

    @app.get("/number/{number}")
    async def number(number: int) -> int:
        return number

    async with client_of(app) as client:
        response = await client.get("/missing")
        assert (response.status_code, response.json()) == (418, {"own": "gone"})
        assert (await client.get("/number/x")).headers["content-type"] == "application/json"


async def test_all_errors_can_be_problems(tmp_path: Path) -> None:
    app = FastAPI()
    install_problem_handlers(app, all_errors=True)

    @app.get("/number/{number}")
    async def number(number: int) -> int:
        return 1 // number

    async with client_of(app) as client:
        for path, status in (("/number/x", 422), ("/nowhere", 404), ("/number/0", 500)):
            response = await client.get(path)
            assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM)


async def test_the_application_in_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = re.findall(r"^```python\n(.*?)^```", s3py_helper.fastapi.__doc__ or "", re.MULTILINE | re.DOTALL)
    assert len(shown) == 1
    namespace: dict[str, object] = {}
    exec(shown[0], namespace)
    app = namespace["app"]
    assert isinstance(app, FastAPI)
    async with app.router.lifespan_context(app) as state, client_of(app) as client:
        app.add_middleware(_State, state=state)
        stored = await client.put("/members/ada/photo", files={"photo": ("ada.png", b"\x89PNG", "image/png")})
        assert stored.status_code == 200
        photo = await client.get("/members/ada/photo")
        assert (photo.content, photo.headers["content-type"]) == (b"\x89PNG", "image/png")
        assert photo.headers["content-disposition"].startswith("inline")
