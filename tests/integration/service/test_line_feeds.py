"""A line feed at the end of a path: another path, and no way around what guards the one without it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from s3py_helper.fastapi import create_files_router, storage_lifespan
from s3py_helper.storage import StorageManager
from tests.integration.service.running import served

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(params=["service", "router"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    if request.param == "service":
        app: FastAPI = create_app(Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path)))
    else:
        app = FastAPI(lifespan=storage_lifespan(StorageManager.in_memory()))
        app.include_router(create_files_router())
    async with served(app) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


@pytest.mark.parametrize("query", ["", "?inline=0"])
async def test_no_path_is_taken_for_the_one_without_it(client: httpx.AsyncClient, query: str) -> None:
    stored = await client.put("/files/a.txt", content=b"hello")
    path = stored.headers["location"]
    for method, end in (
        *(("GET", end) for end in ("", "/download", "/info")),
        *(("HEAD", end) for end in ("", "/download", "/info")),
        *(("DELETE", ""), ("POST", "/copy"), ("POST", "/links")),
    ):
        answer = await client.request(method, f"{path}{end}%0A{query}")
        assert answer.status_code in {400, 404}, (method, end)
        assert answer.status_code == 404 or method == "HEAD" or "line" in answer.text or "control" in answer.text
    assert (await client.request("GET", f"/files%0A{query}")).status_code == 404
    assert (await client.get(path)).content == b"hello"
