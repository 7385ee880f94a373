"""200 slow readers, 64 stalled uploads, 20 stalled archive requests and a frozen backend at once.

The figures of a run are printed (`-s`): docs/http.md has those of a quiet machine. The bounds here are for a busy one.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.service.crowd import crowd, measured, storm
from tests.integration.service.process import Process, serving
from tests.support.fastdfs.black_hole import black_hole
from tests.support.fastdfs.site import FastdfsSite
from tests.support.proxy import Act, Fault, fault_proxy
from tests.support.s3.server import S3Server

LARGE = 64_000_000
SMALL = os.urandom(4096)
SECONDS = 8.0
ANYBODY = S3Server("anybody", "", "ak", "the-secret")

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="uses many loopback addresses, reads /proc"),
]


async def _form() -> AsyncIterator[bytes]:
    yield b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    piece = os.urandom(1_000_000)
    for _ in range(LARGE // len(piece)):
        yield piece
    yield b"\r\n--edge--\r\n"


async def _stored(client: httpx.AsyncClient) -> tuple[str, str]:
    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    large = (await client.post("/files/upload", content=_form(), headers=headers)).json()["file_id"]
    small = (await client.post("/files/upload", files={"file": ("a.txt", SMALL)})).json()["file_id"]
    return large, small


def _short_reads(large: str, small: str) -> dict[str, Any]:
    return {
        "info": lambda client: client.get(f"/files/{small}/info"),
        "small file": lambda client: client.get(f"/files/{small}/download"),
        "range": lambda client: client.get(f"/files/{large}/download", headers={"Range": "bytes=1000000-1000009"}),
        "head": lambda client: client.head(f"/files/{large}/download"),
        "small archive": lambda client: client.post("/files/download-zip", json=[{"file_id": small}]),
    }


def _small_upload(client: httpx.AsyncClient) -> Awaitable[httpx.Response]:
    return client.post("/files/upload", files={"file": ("b.txt", SMALL)})


async def _waits(service: Process, more: dict[str, Any]) -> None:
    async with httpx.AsyncClient(base_url=service.url, timeout=120) as client:
        large, small = await _stored(client)
    await _waits_for(service, large, small, {"small upload": _small_upload} | more)


async def _waits_for(service: Process, large: str, small: str, more: dict[str, Any]) -> None:
    async with crowd(service.url, f"/files/{large}/download"):
        waits = await measured(service.url, _short_reads(large, small) | more, seconds=SECONDS)
    sys.stdout.write(
        f"\nlongest waits in seconds: {waits}; median {waits.median:.3f}; peak {service.peak // 1024**2} MiB\n"
    )
    assert waits.median < 1
    assert waits.longest < 10
    assert service.peak < 700 * 1024**2


async def test_on_the_disk(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        await _waits(service, {"health": lambda client: client.get("/health")})


@pytest.mark.slow
async def test_on_s3_while_fastdfs_is_frozen(tmp_path: Path, seaweedfs: S3Server) -> None:
    async with fault_proxy(seaweedfs.endpoint) as proxy:
        with black_hole() as tracker, serving(tmp_path, **_hybrid(proxy.endpoint, tracker, seaweedfs)) as service:
            # Asks FastDFS, too, which makes the first one slow.
            await _waits(service, {"health": lambda client: client.get("/health")})


@pytest.mark.slow
async def test_on_fastdfs_while_s3_is_frozen(tmp_path: Path, fastdfs_site: FastdfsSite) -> None:
    trackers = {"S3PY_FASTDFS__TRACKER_SERVERS": ",".join(fastdfs_site.trackers)}
    with serving(tmp_path, S3PY_MODE="fastdfs", **trackers) as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=120) as client:
            large, small = await _stored(client)
    try:
        with black_hole() as s3, serving(tmp_path, **_hybrid(f"http://{s3}", "", ANYBODY) | trackers) as service:
            await _waits_for(service, large, small, {})
    finally:
        with serving(tmp_path, S3PY_MODE="fastdfs", **trackers) as service:
            async with httpx.AsyncClient(base_url=service.url, timeout=120) as client:
                for file_id in (large, small):
                    assert (await client.delete(f"/files/{file_id}")).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["disk", "s3", "fastdfs"])
async def test_five_hundred_uploads_at_once(tmp_path: Path, request: pytest.FixtureRequest, backend: str) -> None:
    settings: dict[str, str] = {}
    if backend == "s3":
        seaweedfs = request.getfixturevalue("seaweedfs")
        settings = _s3(seaweedfs.endpoint, seaweedfs)
    elif backend == "fastdfs":
        site = request.getfixturevalue("fastdfs_site")
        settings = {"S3PY_MODE": "fastdfs", "S3PY_FASTDFS__TRACKER_SERVERS": ",".join(site.trackers)}
    with serving(tmp_path, **settings) as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=120) as client:
            small = (await client.post("/files/upload", files={"file": ("a.txt", SMALL)})).json()["file_id"]
            reads = {
                "info": lambda client: client.get(f"/files/{small}/info"),
                "small file": lambda client: client.get(f"/files/{small}/download"),
            }
            storming = asyncio.create_task(storm(service.url, uploads=500, size=1_000_000))
            waits = await measured(service.url, reads, seconds=SECONDS)
            stored, refused = await storming
            sys.stdout.write(
                f"\n{len(stored)} stored, {refused} refused; longest waits in seconds: {waits}; "
                f"median {waits.median:.3f}; peak {service.peak // 1024**2} MiB\n"
            )
            for file_id in (small, *stored):
                await client.delete(f"/files/{file_id}")
            assert service.peak < 700 * 1024**2
    assert len(stored) + refused == 500
    assert len(stored) >= 64
    assert waits.median < 1
    assert waits.longest < 10


async def test_a_frozen_s3_is_reported_within_its_timeouts(tmp_path: Path, seaweedfs: S3Server) -> None:
    async with fault_proxy(seaweedfs.endpoint) as proxy:
        settings = _s3(proxy.endpoint, seaweedfs) | {
            "S3PY_S3__PERF__READ_TIMEOUT": "1",
            "S3PY_S3__PERF__MAX_RETRIES": "0",
        }
        with serving(tmp_path, **settings) as service:
            proxy.plan(Fault(Act.STALL, after=0), times=1000)
            async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
                for path in ("/health", "/files/s3:tests/a/info", "/files/s3:tests/a/download"):
                    assert (await client.get(path)).status_code == 503
                assert (await client.post("/files/upload", files={"file": ("b.txt", SMALL)})).status_code == 503


def _s3(endpoint: str, server: S3Server) -> dict[str, str]:
    return {
        "S3PY_MODE": "s3",
        "S3PY_S3__ENDPOINT": endpoint,
        "S3PY_S3__ACCESS_KEY_ID": server.access_key,
        "S3PY_S3__SECRET_ACCESS_KEY": server.secret_key,
        "S3PY_S3__DEFAULT_BUCKET": "tests",
    }


def _hybrid(endpoint: str, tracker: str, server: S3Server) -> dict[str, str]:
    return _s3(endpoint, server) | {"S3PY_MODE": "hybrid", "S3PY_FASTDFS__TRACKER_SERVERS": tracker}
