"""What operators decide about downloads, and what browsers are told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.container.config import FilesystemConfig, StorageMode
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings, load_settings
from s3py_helper.fastapi import DownloadOptions
from tests.integration.service.running import served
from tests.support.s3.server import S3Server


@asynccontextmanager
async def _client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with served(create_app(settings)) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        yield client


async def _stored(client: httpx.AsyncClient, name: str, content: bytes) -> str:
    stored = await client.post("/files/upload", files={"file": (name, content)})
    return f"/files/{stored.json()['file_id']}"


async def test_files_may_be_cached_as_the_setting_says(tmp_path: Path) -> None:
    lasting = "private, max-age=31536000, immutable"
    settings = Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path), cache_control=lasting)
    async with _client(settings) as client:
        path = await _stored(client, "a.txt", b"hello")
        whole = await client.get(path)
        part = await client.get(path, headers={"Range": "bytes=0-1"})
        same = await client.get(path, headers={"If-None-Match": whole.headers["etag"]})
        assert (whole.status_code, part.status_code, same.status_code) == (200, 206, 304)
        assert {answer.headers["cache-control"] for answer in (whole, part, same)} == {lasting}


@pytest.mark.parametrize("value", ["", "  ", "max-age=1\r\nX: y", "für immer"])
def test_what_no_header_can_carry_is_refused(value: str) -> None:
    with pytest.raises(InvalidArgumentException, match="cache_control"):
        DownloadOptions(cache_control=value)
    if value:
        with pytest.raises(InvalidArgumentException, match="CACHE_CONTROL"):
            load_settings(cache_control=value)


async def test_what_a_browser_shows_is_a_stranger_to_the_site(tmp_path: Path) -> None:
    async with _client(Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path))) as client:
        picture, page = await _stored(client, "a.png", b"\x89PNG"), await _stored(client, "a.html", b"<script>")
        for query, path, sandboxed in (("?inline=1", picture, True), ("?inline=1", page, False), ("", picture, False)):
            headers = (await client.get(path + query)).headers
            assert headers["content-disposition"].startswith("inline" if sandboxed else "attachment")
            assert headers.get("content-security-policy") == ("sandbox" if sandboxed else None)


async def test_large_files_on_s3_are_fetched_from_there(seaweedfs: S3Server) -> None:
    settings = Settings(_env_file=None, mode=StorageMode.S3, s3=seaweedfs.config(), redirect_above=1000)
    content = bytes(range(256)) * 8
    async with _client(settings) as client:
        large, small = await _stored(client, "Größe.bin", content), await _stored(client, "small.bin", bytes(1000))
        assert (await client.get(small)).content == bytes(1000)
        elsewhere = await client.get(large, headers={"Range": "bytes=0-9"})
        assert (elsewhere.status_code, elsewhere.content) == (307, b"")
        assert elsewhere.headers["cache-control"] == "no-store"
        target = elsewhere.headers["location"]
        assert target.startswith(seaweedfs.endpoint)
        got = await client.get(target, headers={"Range": "bytes=5-9"})
        assert (got.status_code, got.content) == (206, content[5:10])
        assert "Gr%C3%B6%C3%9Fe.bin" in got.headers["content-disposition"]
        followed = await client.get(large, follow_redirects=True)
        assert followed.content == content
        # A link works for one method, and conditions need no bytes.
        head = await client.head(large)
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(content)))
        assert (await client.get(large, headers={"If-None-Match": head.headers["etag"]})).status_code == 304
        assert (await client.get(large, headers={"If-Match": '"other"'})).status_code == 412
        assert (await client.get(large.replace("Gr", "Xy"))).status_code == 404


async def test_backends_that_sign_no_links_send_everything_through_the_service(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path), redirect_above=10)
    async with _client(settings) as client:
        assert (await client.get(await _stored(client, "a.bin", bytes(1000)))).content == bytes(1000)
