"""Uploads whose content is not what is said."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from tests.integration.service.running import served

pytestmark = pytest.mark.timeout(60)

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(200_000)
PAGE = b"<!DOCTYPE html><script>" + b" " * 200_000


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        _env_file=None, filesystem=FilesystemConfig(root=tmp_path), file_types=FileTypeConfig(match_content=True)
    )
    async with served(create_app(settings), http="ours") as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


async def _piecemeal(content: bytes) -> AsyncIterator[bytes]:
    """Its first bytes one by one."""
    for at in range(12):
        yield content[at : at + 1]
        await asyncio.sleep(0.002)
    yield content[12:]


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


async def test_a_page_that_is_called_a_picture_is_refused_however_its_bytes_come(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    answers = [
        await client.put("/files/a.png", content=PAGE),
        await client.put("/files/a.png", content=_piecemeal(PAGE)),
        await client.put("/files/a.html", content=PAGE, headers={"Content-Type": "image/png"}),
        await client.post("/files/upload", files={"file": ("a.png", PAGE)}),
        await client.post("/files/batch-upload", files=[("files", ("b.png", PNG)), ("files", ("a.png", PAGE))]),
    ]
    for answer in answers:
        problem = answer.json()
        assert answer.status_code == 415, problem
        assert problem["type"] == "urn:problem-type:s3py-helper:content-contradicts-type"
        assert problem["file_name"] in {"a.png", "a.html"}
    assert _files(tmp_path) == []


async def test_what_is_what_it_says_comes_back_whole(client: httpx.AsyncClient) -> None:
    for body in (PNG, _piecemeal(PNG)):
        stored = await client.put("/files/a.png", content=body)
        assert stored.status_code == 201
        fetched = await client.get(stored.headers["location"])
        assert (fetched.content, fetched.headers["content-type"]) == (PNG, "image/png")
    nameless = await client.put("/files/nameless", content=_piecemeal(PNG))
    assert nameless.json()["content_type"] == "image/png"


async def test_each_file_of_a_batch_is_told_its_own_reason(client: httpx.AsyncClient) -> None:
    files = [("files", ("a.png", PAGE)), ("files", ("b.png", PNG))]
    refused, stored = (await client.post("/files/batch-upload?each=true", files=files)).json()
    assert (refused["problem"]["status"], stored["file"]["content_type"]) == (415, "image/png")
