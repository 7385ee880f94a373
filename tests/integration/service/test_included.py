"""Files in an application of one's own, on the short way and on the usual one."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException, Request, Response

from s3py_helper.fastapi import Action, Endpoint, create_files_router, current_services, include_files, storage_lifespan
from s3py_helper.storage import StorageManager
from tests.integration.service.running import served

pytestmark = pytest.mark.timeout(60)


@asynccontextmanager
async def _client(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    async with served(app) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


def _app(**options: object) -> FastAPI:
    """An application whose responses say which route has made them."""
    app = FastAPI(lifespan=storage_lifespan(StorageManager.in_memory()), **options)  # type: ignore[arg-type]  # FastAPI's own

    @app.middleware("http")
    async def told(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await go_on(request)
        response.headers["X-Route"] = type(request.scope.get("route")).__name__
        return response

    return app


async def test_a_file_is_fetched_past_the_framework_and_as_by_it() -> None:
    short, usual = _app(), _app()
    include_files(short, prefix="/documents")
    usual.include_router(create_files_router(prefix="/documents"))
    told = []
    for app in (short, usual):
        async with _client(app) as client:
            path = (await client.put("/documents/a.txt", content=b"hello")).headers["location"]
            answers = [
                await client.request(method, path + end, headers=headers)
                for method in ("GET", "HEAD")
                for end in ("", "/download", "/info", "?inline=1")
                for headers in ({}, {"Range": "bytes=1-2"}, {"If-Match": '"other"'})
            ]
            told.append([answer.status_code for answer in answers])
            routes = {answer.headers["x-route"] for answer in answers}
            assert ("DirectReads" in routes) is (app is short)
            whole = await client.get(path)
            assert (whole.content, whole.headers["x-route"] == "DirectReads") == (b"hello", app is short)
    assert told[0] == told[1]


async def test_the_rule_is_asked_on_the_short_way() -> None:
    asked: list[tuple[Action, str | None]] = []

    def authorize(request: Request, action: Action, file_id: str | None) -> bool:
        asked.append((action, file_id))
        return action is not Action.READ or "x-user" in request.headers

    app = _app()
    include_files(app, authorize=authorize)
    async with _client(app) as client:
        stored = await client.put("/files/a.txt", content=b"hello")
        path, file_id = stored.headers["location"], stored.json()["file_id"]
        refused = await client.get(path)
        assert (refused.status_code, refused.headers["x-route"]) == (403, "DirectReads")
        assert (await client.get(path, headers={"X-User": "ada"})).content == b"hello"
        assert asked[-2:] == [(Action.READ, file_id)] * 2


async def test_routes_that_were_there_before_come_first() -> None:
    app = _app()

    @app.get("/files/special")
    async def special() -> str:
        return "mine"

    include_files(app)
    async with _client(app) as client:
        assert (await client.get("/files/special")).json() == "mine"


async def test_dependencies_of_the_application_are_never_passed_over() -> None:
    def nobody() -> None:
        raise HTTPException(401)

    app = _app(dependencies=[Depends(nobody)])
    include_files(app)
    async with _client(app) as client:
        assert (await client.get("/files/memory:files/a")).status_code == 401


async def test_overridden_services_are_asked() -> None:
    app = _app()
    include_files(app)
    async with StorageManager.in_memory() as other:
        app.dependency_overrides[current_services] = lambda: other.services
        file_id = (await other.upload_service.upload_bytes("a.txt", b"of the other")).file_id
        async with _client(app) as client:
            assert (await client.get(f"/files/{file_id}")).content == b"of the other"


async def test_without_downloads_there_is_no_short_way() -> None:
    app = _app()
    include_files(app, endpoints=set(Endpoint) - {Endpoint.DOWNLOAD})
    async with _client(app) as client:
        path = (await client.put("/files/a.txt", content=b"hello")).headers["location"]
        assert (await client.get(path)).status_code == 405
