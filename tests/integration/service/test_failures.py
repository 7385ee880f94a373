"""What clients and operators are told when storage fails, and how refused requests end."""

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.domain.errors import IntegrityException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend
from s3py_helper.entrypoints.container.config import FastdfsConfig, FilesystemConfig, S3Config, S3PerfConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.http.downloads.opened_file import SMALL_FILE
from s3py_helper.entrypoints.http.services import current_services
from s3py_helper.entrypoints.settings import Settings
from s3py_helper.testing import FailingStore
from tests.integration.service.conftest import LIMIT, both_parsers
from tests.integration.service.conftest import Service as Endpoints
from tests.integration.service.raw import connected, part, upload_head
from tests.integration.service.running import served, services_on

CONTENT = bytes(range(256)) * 2000
SECRETS = ["127.0.0.1:1", "hidden-bucket", "AKIAHIDDEN", "hidden-key"]

pytestmark = pytest.mark.timeout(60)


@dataclass(frozen=True)
class Deployment:
    url: str
    store: FailingStore


@pytest.fixture
async def deployment(http_parser: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """The whole service, on a store that fails on demand."""
    async with MemoryBlobStore(Backend.S3, "my-bucket") as kept:
        store = FailingStore(kept)
        app = create_app(Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path)))
        app.dependency_overrides[current_services] = lambda: services_on(store)
        async with served(app, http=http_parser, log_level="info") as url:
            yield Deployment(url, store)


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is logged but the access log and uvicorn's own start."""
    assert not any(record.exc_info for record in caplog.records)
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and not record.name.startswith("uvicorn.access")
    ]


@both_parsers
async def test_a_failure_in_the_middle_is_one_line_and_no_traceback(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    async with httpx.AsyncClient(base_url=deployment.url) as client:
        attach = (await client.post("/files/upload", files={"file": ("a.bin", CONTENT)})).json()
        path = f"/files/{attach['file_id']}/download"
        for error in (IntegrityException("damaged on disk 7"), StorageUnavailableException("storage 7 left")):
            deployment.store.fail("read", error, after_bytes=200_000)
            caplog.clear()
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(path)
            ours, *servers = _lines(caplog)
            line = rf"127\.0\.0\.1 GET {re.escape(repr(path))} 200, \d+ bytes in [\d.]+ ms, request \w+: "
            assert re.fullmatch(line + re.escape(f"{error}; the response was cut short"), ours)
            assert servers == ["ASGI callable returned without completing response."]
        assert (await client.get(path)).content == CONTENT


@both_parsers
@pytest.mark.parametrize("size", [100, 500_000])
async def test_what_turns_out_wrong_with_the_last_byte_is_not_delivered_as_whole(
    deployment: Deployment, size: int
) -> None:
    async with httpx.AsyncClient(base_url=deployment.url) as client:
        attach = (await client.post("/files/upload", files={"file": ("a.bin", bytes(size))})).json()
        deployment.store.fail("read", IntegrityException("the CRC-32 is another one"), after_bytes=size)
        if size < SMALL_FILE:
            assert (await client.get(f"/files/{attach['file_id']}/download")).status_code == 500
        else:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(f"/files/{attach['file_id']}/download")


async def test_a_failure_before_is_one_line_with_what_clients_are_not_told(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    async with httpx.AsyncClient(base_url=deployment.url) as client:
        deployment.store.fail("info", StorageUnavailableException("no route to 127.9.8.7", file_id="s3:my-bucket/a"))
        response = await client.get("/files/s3:my-bucket/a/info")
    assert response.json()["detail"] == "the storage is out of reach or overloaded: s3:my-bucket/a"
    [line] = _lines(caplog)
    expected = r"127\.0\.0\.1 GET '/files/s3:my-bucket/a/info' 503, \d+ bytes in [\d.]+ ms, request \w+: "
    assert re.fullmatch(expected + r"no route to 127\.9\.8\.7", line)


REQUESTS = [
    ("GET", "/files/{}/info", {}),
    ("GET", "/files/{}/download", {}),
    ("GET", "/files/{}/download", {"headers": {"If-None-Match": '"x"'}}),
    ("HEAD", "/files/{}/download", {}),
    ("DELETE", "/files/{}", {}),
    ("POST", "/files/upload", {"files": {"file": ("a.txt", b"x")}}),
    ("POST", "/files/batch-upload", {"files": [("files", ("a.txt", b"x"))]}),
    ("POST", "/files/download-zip", {"json": [{"file_id": "{}"}]}),
    ("POST", "/files/download-zip?verify_first=false", {"json": [{"file_id": "{}"}]}),
]


@pytest.mark.parametrize("mode", ["s3", "fastdfs"])
@pytest.mark.parametrize(("method", "path", "more"), REQUESTS)
async def test_no_problem_names_servers_buckets_or_keys(
    mode: str, method: str, path: str, more: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    file_id = {"s3": "s3:hidden-bucket/a.txt", "fastdfs": "group1/M00/00/00/fwAAAWFhYWFhYWFhAAAAAAAAAAA1234.txt"}[mode]
    settings = Settings(
        _env_file=None,
        mode=mode,
        s3=S3Config(
            endpoint="http://127.0.0.1:1",
            access_key_id="AKIAHIDDEN",
            secret_access_key="hidden-key",
            default_bucket="hidden-bucket",
            perf=S3PerfConfig(max_retries=0),
        ),
        fastdfs=FastdfsConfig(tracker_servers=["127.0.0.1:1"]),
    )
    if "json" in more:
        more = {"json": [{"file_id": file_id}]}
    async with served(create_app(settings)) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        response = await client.request(method, path.format(file_id), **more)  # type: ignore[arg-type]  # as httpx takes them
    assert response.status_code == 503
    told = f"{response.text} {dict(response.headers)}"
    known_by_the_client = file_id if method != "POST" or "json" in more else ""
    assert not [secret for secret in SECRETS if secret in told.replace(known_by_the_client or "\0", "")]
    [line] = _lines(caplog)
    assert "127.0.0.1:1" in line


@both_parsers
async def test_a_refused_body_is_not_taken_to_its_end(service: Endpoints) -> None:
    async with connected(service.url) as client:
        await client.send(upload_head(length=10_000 * LIMIT), part(bytes(1000)))
        response = await client.response()
        assert (response.status, response.headers["connection"]) == (413, "close")
        # What a client sends before it looks is dropped, so that it gets to look.
        await client.send(*[bytes(65536)] * 100)
        assert await client.closed() == b""


@both_parsers
async def test_a_stalled_upload_is_answered_and_the_connection_closed(service: Endpoints) -> None:
    async with connected(service.url) as client:
        await client.send(upload_head(), part(b"begun"))
        response = await client.response()
        assert (response.status, response.headers["connection"]) == (408, "close")
        assert await client.closed() == b""
    assert not service.kept.file_ids


@both_parsers
async def test_after_a_whole_request_the_connection_is_kept(service: Endpoints) -> None:
    body = part(b"x", field="other") + b"\r\n--edge--\r\n"
    async with connected(service.url) as client:
        for _ in range(2):
            await client.send(upload_head(length=len(body)), body)
            response = await client.response()
            assert (response.status, response.headers.get("connection")) == (422, None)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/files/upload", "DELETE, GET, HEAD, POST, PUT"),
        ("/files/download-zip", "DELETE, GET, HEAD, POST, PUT"),
        ("/files/s3:my-bucket/a/download", "DELETE, GET, HEAD"),
        ("/files/s3:my-bucket/a/info", "DELETE, GET, HEAD"),
        ("/files/s3:my-bucket/a", "DELETE, GET, HEAD"),
        ("/health", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_all_right_ones(deployment: Deployment, path: str, allowed: str) -> None:
    async with httpx.AsyncClient(base_url=deployment.url) as client:
        for method in {"PUT", "PATCH", "OPTIONS", "PROPFIND"} - set(allowed.split(", ")):
            response = await client.request(method, path)
            assert (response.status_code, response.headers["allow"]) == (405, allowed)
            assert allowed in response.json()["detail"]
        for method in {"HEAD"} & set(allowed.split(", ")):
            assert (await client.request(method, path)).status_code != 405
