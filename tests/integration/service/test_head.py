"""HEAD says of every path what GET says of it (RFC 9110, 9.3.2)."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from tests.integration.service.running import served

pytestmark = pytest.mark.timeout(60)

PATHS = (
    *("{file}", "{file}?inline=1", "{file}/download", "{file}/info", "/files", "/files?prefix=a&limit=1"),
    *("/health", "/livez", "/healthz", "/readyz", "/readyz?verbose", "/openapi.json", "/docs", "/"),
    *("/files/fs:files/none", "/files/fs:files/none/info", "/nowhere", "/files?limit=0"),
)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path))
    async with served(create_app(settings), http="ours") as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
async def test_status_and_headers_are_those_of_get(client: httpx.AsyncClient, path: str) -> None:
    stored = await client.put("/files/a.txt", content=b"hello" * 2000)
    path = path.format(file=stored.headers["location"])
    got, head = await client.get(path), await client.head(path)
    assert head.status_code == got.status_code
    assert head.content == b""
    own = {"date": "", "x-request-id": ""}
    assert {**head.headers, **own} == {**got.headers, **own}


async def test_a_method_that_a_path_has_not_is_refused_with_those_that_it_has(client: httpx.AsyncClient) -> None:
    answer = await client.put("/files")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
