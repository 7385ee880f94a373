"""REDbot asks for every kind of resource, and compares what it gets in each way."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from s3py_helper.entrypoints.container.config import FastdfsConfig, FilesystemConfig, StorageMode
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from tests.integration.service.running import served
from tests.support import redbot_notes
from tests.support.fastdfs.site import FastdfsSite
from tests.support.s3.server import S3Server

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]

FILES = {
    "page.html": b"<p>words</p>" * 2000,
    "words.txt": b"words " * 5000,
    "empty.bin": b"",
    "film.mp4": bytes(500_000),
}
OTHERS = ["/", "/docs", "/openapi.json", "/health", "/livez", "/readyz", "/files", "/files/fs:files/none", "/nowhere"]


@pytest.fixture(params=["disk", "S3", "FastDFS"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The service on each backend, as `s3py serve` speaks."""
    match request.param:
        case "S3":
            server: S3Server = request.getfixturevalue("seaweedfs")
            settings = Settings(_env_file=None, mode=StorageMode.S3, s3=server.config())
        case "FastDFS":
            site: FastdfsSite = request.getfixturevalue("fastdfs_site")
            fastdfs = FastdfsConfig(tracker_servers=list(site.trackers))
            settings = Settings(_env_file=None, mode=StorageMode.FASTDFS, fastdfs=fastdfs)
        case _:
            settings = Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path))
    async with served(create_app(settings), http="ours") as url:
        yield url


async def bad_notes(urls: list[str]) -> dict[str, list[str]]:
    process = await asyncio.create_subprocess_exec(sys.executable, redbot_notes.__file__, *urls, stdout=PIPE)
    written, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, list[str]] = json.loads(written)
    assert list(found) == urls
    return {url: notes for url, notes in found.items() if notes}


async def test_redbot_finds_nothing_bad(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        ids = []
        for name, content in FILES.items():
            stored = await client.post("/files/upload", files={"file": (name, content)})
            ids.append(stored.json()["file_id"])
        paths = [f"/files/{file_id}{what}" for file_id in ids for what in ("", "/download", "/info")]
        assert await bad_notes([url + path for path in (*paths, *OTHERS)]) == {}
        for file_id in ids:
            assert (await client.delete(f"/files/{file_id}")).status_code == 200


async def test_redbot_finds_what_is_bad() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nLast-Modified: yesterday\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await bad_notes([f"http://127.0.0.1:{port}/"])
