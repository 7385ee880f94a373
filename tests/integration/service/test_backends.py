"""The service in front of real servers."""

import asyncio
import contextlib
import gzip
import os
import zipfile
from collections.abc import AsyncIterator
from io import BytesIO
from urllib.parse import quote

import httpx
import pytest

from s3py_helper.entrypoints.container.config import FastdfsConfig, S3PerfConfig, StorageMode
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from tests.integration.service.running import served
from tests.support.fastdfs.site import FastdfsSite
from tests.support.s3.inspector import inspector_of
from tests.support.s3.server import S3Server

# One connection: whoever keeps it stops everybody else.
TIGHT = S3PerfConfig(max_pool_connections=1, multipart_part_size=5 * 1024 * 1024, parts_in_flight=1)
CONTENT = os.urandom(12_000_000)


@pytest.fixture
async def url(seaweedfs: S3Server, fastdfs_site: FastdfsSite) -> AsyncIterator[str]:
    trackers = list(fastdfs_site.trackers)
    settings = Settings(
        _env_file=None,
        mode=StorageMode.HYBRID,
        s3=seaweedfs.config(perf=TIGHT),
        fastdfs=FastdfsConfig(tracker_servers=trackers),
    )
    async with served(create_app(settings)) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        yield client


async def test_files_go_to_s3_and_come_back_in_parts(client: httpx.AsyncClient) -> None:
    attach = (await client.post("/files/upload", files={"file": ("Größe.bin", CONTENT)})).json()
    assert attach["file_id"].startswith("s3:tests/")
    path = f"/files/{quote(attach['file_id'])}"
    assert (await client.get(f"{path}/download")).content == CONTENT
    part = await client.get(f"{path}/download", headers={"Range": "bytes=5000000-5000009"})
    assert (part.status_code, part.content) == (206, CONTENT[5_000_000:5_000_010])
    assert (await client.get(f"{path}/info")).json()["file_name"] == "Größe.bin"
    etag = part.headers["etag"]
    assert (await client.get(f"{path}/download", headers={"If-None-Match": etag})).status_code == 304
    assert (await client.delete(path)).json() == {"detail": "deleted"}
    assert (await client.get(f"{path}/download")).status_code == 404


@pytest.mark.parametrize("size", [1000, 2_000_000], ids=["small", "large"])
async def test_an_object_that_is_stored_encoded_says_so(
    client: httpx.AsyncClient, seaweedfs: S3Server, size: int
) -> None:
    plain = os.urandom(size // 2) + bytes(size // 2)
    encoded = gzip.compress(plain)
    inspector = inspector_of(seaweedfs)
    await inspector.put("encoded/a.txt", encoded, ContentEncoding="gzip", ContentType="text/plain")
    path = "/files/s3:tests/encoded/a.txt"
    async with client.stream("GET", f"{path}/download") as response:
        assert (response.headers["content-encoding"], response.headers["content-type"]) == ("gzip", "text/plain")
        assert b"".join([chunk async for chunk in response.aiter_raw()]) == encoded
    assert (await client.get(f"{path}/download")).content == plain
    assert (await client.head(f"{path}/download")).headers["content-encoding"] == "gzip"
    async with client.stream("GET", f"{path}/download", headers={"Range": "bytes=5-14"}) as part:
        assert (part.status_code, part.headers["content-encoding"]) == (206, "gzip")
        assert b"".join([chunk async for chunk in part.aiter_raw()]) == encoded[5:15]
    assert (await client.get(f"{path}/info")).json()["content_encoding"] == "gzip"
    inspector.sdk.close()


async def test_a_client_that_leaves_a_download_gives_the_connection_to_s3_back(client: httpx.AsyncClient) -> None:
    attach = (await client.post("/files/upload", files={"file": ("a.bin", CONTENT)})).json()
    for _ in range(3):
        async with client.stream("GET", f"/files/{attach['file_id']}/download") as answer:
            await anext(answer.aiter_raw())
        assert (await client.get(f"/files/{attach['file_id']}/info")).status_code == 200
    await client.delete(f"/files/{attach['file_id']}")


async def test_a_client_that_leaves_an_upload_leaves_no_part_behind(
    client: httpx.AsyncClient, seaweedfs: S3Server
) -> None:
    inspector = inspector_of(seaweedfs)
    sending = asyncio.Event()

    async def form() -> AsyncIterator[bytes]:
        yield b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        for _ in range(8):
            yield bytes(1_000_000)
        sending.set()
        await asyncio.Event().wait()

    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    upload = asyncio.create_task(client.post("/files/upload?folder=left", content=form(), headers=headers))
    await sending.wait()
    begun = False
    async with asyncio.timeout(20):
        while not begun:
            begun = bool(await inspector.unfinished_uploads("left/"))
    upload.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await upload
    async with asyncio.timeout(20):
        while await inspector.unfinished_uploads("left/"):
            pass
    assert not await inspector.keys("left/")
    inspector.sdk.close()


async def test_an_archive_holds_files_of_both_backends(client: httpx.AsyncClient, fastdfs_site: FastdfsSite) -> None:
    settings = Settings(
        _env_file=None,
        mode=StorageMode.FASTDFS,
        fastdfs=FastdfsConfig(tracker_servers=list(fastdfs_site.trackers)),
    )
    async with served(create_app(settings)) as old_url, httpx.AsyncClient(base_url=old_url, timeout=30) as old:
        legacy = (await old.post("/files/upload", files={"file": ("old.txt", b"old")})).json()["file_id"]
    fresh = (await client.post("/files/upload", files={"file": ("new.txt", b"new")})).json()["file_id"]
    assert (await client.get(f"/files/{legacy}/download")).content == b"old"
    answer = await client.post(
        "/files/download-zip", json=[{"file_id": legacy, "file_name": "old.txt"}, {"file_id": fresh}]
    )
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"old.txt": b"old", "new.txt": b"new"}
    for file_id in (legacy, fresh):
        assert (await client.delete(f"/files/{file_id}")).status_code == 200
    assert (await client.get(f"/files/{legacy}/info")).status_code == 404


async def test_health_looks_at_both_backends(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health")).json() == {"status": "ok", "backends": {"s3": "ok", "fastdfs": "ok"}}
