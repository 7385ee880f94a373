"""Reads that go past the framework are answered as it would answer them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import SecretStr
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from s3py_helper.application.download import DownloadService
from s3py_helper.domain.errors import FileNotFoundException
from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from tests.integration.service.running import served

TOKEN = {"Authorization": "Bearer sesame"}


@pytest.fixture(params=["", "sesame"], ids=["open", "with a token"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    token = SecretStr(request.param) if request.param else None
    settings = Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path), api_token=token)
    async with served(create_app(settings)) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


def _told(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    own = {"date": "", "x-request-id": ""}
    return answer.status_code, {**answer.headers, **own}, answer.content


# A query, be it empty of meaning, leads the long way.
@pytest.mark.parametrize("credentials", [TOKEN, {}, {"Authorization": "Bearer other"}], ids=["right", "none", "wrong"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("end", ["", "/download"])
async def test_both_ways_answer_alike(
    client: httpx.AsyncClient, method: str, end: str, credentials: dict[str, str]
) -> None:
    stored = await client.post("/files/upload", files={"file": ("a b.txt", b"hello world")}, headers=TOKEN)
    file_id = stored.json()["file_id"]
    for headers in ({}, {"Range": "bytes=2-4"}, {"Range": "bytes=99-"}, {"If-Match": '"x"'}, {"If-None-Match": "*"}):
        for name in (file_id, file_id.replace("/", "%2F"), "fs:files/none", "fs:other/none", "nonsense", "%00"):
            answers = [
                await client.request(method, f"/files/{name}{end}{query}", headers={**headers, **credentials})
                for query in ("", "?inline=0")
            ]
            assert _told(answers[0]) == _told(answers[1])


async def test_other_endpoints_are_left_alone(client: httpx.AsyncClient) -> None:
    stored = await client.post("/files/upload", files={"file": ("a.txt", b"hello")}, headers=TOKEN)
    file_id = stored.json()["file_id"]
    info = await client.get(f"/files/{file_id}/info", headers=TOKEN)
    assert info.json()["file_size"] == 5
    assert (await client.request("OPTIONS", f"/files/{file_id}", headers=TOKEN)).status_code == 405
    assert (await client.delete(f"/files/{file_id}", headers=TOKEN)).json() == {"detail": "deleted"}


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return create_app(Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path)))


async def test_middleware_of_an_embedder_sees_reads(app: FastAPI) -> None:
    @app.middleware("http")
    async def stamp(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers["X-Stamp"] = "seen"
        return response

    async with served(app) as url, httpx.AsyncClient(base_url=url) as client:
        stored = await client.put("/files/a.txt", content=b"hello")
        answer = await client.get(f"/files/{stored.json()['file_id']}")
    assert (answer.content, answer.headers["X-Stamp"]) == (b"hello", "seen")


async def test_handlers_and_routes_of_an_embedder_come_first(app: FastAPI) -> None:
    @app.exception_handler(FileNotFoundException)
    async def missing(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse("never heard of it", 410)

    async def own(_request: Request) -> Response:
        return PlainTextResponse("own")

    async with served(app) as url, httpx.AsyncClient(base_url=url) as client:
        for method in ("GET", "HEAD"):
            assert (await client.request(method, "/files/fs:files/none")).status_code == 410
        app.router.routes.insert(0, Route("/files/own", own))
        assert (await client.get("/files/own")).text == "own"


async def test_a_bug_is_an_internal_error(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(DownloadService, "describe", broken)
    async with served(app) as url, httpx.AsyncClient(base_url=url) as client:
        answer = await client.head("/files/fs:files/none")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")


async def test_instrumentation_that_wraps_the_application_sees_reads(app: FastAPI) -> None:
    seen: list[str] = []
    build = app.build_middleware_stack

    def instrumented() -> ASGIApp:
        inner = build()

        async def outer(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope.get("path", ""))
            await inner(scope, receive, send)

        return outer

    app.build_middleware_stack = instrumented  # type: ignore[method-assign]  # as OpenTelemetry's for FastAPI does
    async with served(app) as url, httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/files/fs:files/none")).status_code == 404
    assert "/files/fs:files/none" in seen
