"""`s3py serve` with clients that leave and backends that fail: what it writes, and what it keeps."""

import asyncio
import json
import os
import resource
import socket
import struct
import sys
from pathlib import Path

import httpx
import pytest

from tests.integration.service.process import Process, serving
from tests.integration.service.raw import FORM_END, connected, part, upload_head
from tests.support.waiting import until

CONTENT = os.urandom(3_000_000)

pytestmark = [
    pytest.mark.timeout(90),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


async def _stored(service: Process) -> str:
    async with httpx.AsyncClient(base_url=service.url) as client:
        return str((await client.post("/files/upload", files={"file": ("a.bin", CONTENT)})).json()["file_id"])


def _stages(file_id: str) -> list[bytes]:
    """Beginnings of exchanges after which a client leaves."""
    form = part(bytes(100_000)) + FORM_END
    batch = part(bytes(1000), field="files") + b"\r\n" + part(bytes(100_000), field="files") + FORM_END
    upload = upload_head(length=len(form)) + form
    batch_upload = upload_head(path="/files/batch-upload", length=len(batch)) + batch
    listed = json.dumps([{"file_id": file_id}] * 20).encode()
    archive = (
        b"POST /files/download-zip HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(listed)
    ) + listed
    download = f"GET /files/{file_id}/download HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    small = upload_head(length=300) + part(bytes(100))
    return [
        b"",
        b"GET /files",
        download[:-2],
        download,
        download * 3,
        upload_head(),
        upload_head("Expect: 100-continue"),
        small,
        *(upload[:size] for size in (300, 1000, 50_000, len(upload) - len(FORM_END), len(upload) - 1)),
        *(batch_upload[:size] for size in (1300, 50_000, len(batch_upload) - 1)),
        archive[:-1],
        archive,
        b"HEAD" + download[3:],
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nabc",
    ]


async def _leave(service: Process, sent: bytes, *, politely: bool, read: int) -> None:
    async with connected(service.url) as client:
        await client.send(sent)
        if read:
            async with asyncio.timeout(5):
                await client.reader.read(read)
        else:
            await asyncio.sleep(0.02)
        if politely:
            client.writer.close()
            await client.writer.wait_closed()
        else:
            linger_not = struct.pack("ii", 1, 0)
            client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)


@pytest.mark.parametrize("politely", [True, False])
async def test_a_client_that_leaves_at_any_stage_leaves_nothing_and_is_not_worth_a_line(
    tmp_path: Path, *, politely: bool
) -> None:
    with serving(tmp_path) as service:
        file_id = await _stored(service)
        before, descriptors = service.files, service.descriptors
        for stage in _stages(file_id):
            answered = stage.startswith((b"GET /files/fs:", b"HEAD")) and stage.endswith(b"\r\n\r\n")
            await asyncio.gather(
                *(
                    _leave(service, stage, politely=politely, read=read)
                    for read in ((0, 1, 100_000) if answered else (0, 0))
                )
            )
        await until(lambda: service.descriptors <= descriptors)
        await until(lambda: service.files == before)
        async with httpx.AsyncClient(base_url=service.url) as client:
            assert (await client.get(f"/files/{file_id}/download")).content == CONTENT
        assert service.log == []


def test_it_may_have_as_many_clients_as_the_system_permits(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, before[1]), before[1]))
    try:
        with serving(tmp_path) as service:
            in_force, possible = service.most_descriptors
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert in_force == possible


async def test_refused_requests_are_a_line_each_at_most(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        for sent in (b"garbage\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"):
            async with connected(service.url) as client:
                await client.send(sent)
                await client.closed()
        assert len(service.log) == 2
        assert all(line.startswith("INFO:") for line in service.log)


@pytest.mark.parametrize(("level", "tracebacks"), [("info", 0), ("debug", 3)])
async def test_a_backend_that_is_down_is_one_line_for_each_request(tmp_path: Path, level: str, tracebacks: int) -> None:
    down = {
        "S3PY_MODE": "s3",
        "S3PY_S3__ENDPOINT": "http://127.0.0.1:1",
        "S3PY_S3__ACCESS_KEY_ID": "AKIAHIDDEN",
        "S3PY_S3__SECRET_ACCESS_KEY": "hidden-key",
        "S3PY_S3__PERF__MAX_RETRIES": "0",
        "S3PY_LOG_LEVEL": level,
    }
    with serving(tmp_path, **down) as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=20) as client:
            for path in ("info", "download"):
                assert (await client.get(f"/files/s3:demo/a/{path}")).status_code == 503
            assert (await client.post("/files/upload", files={"file": ("a", b"x")})).status_code == 503
        # At the start there is one of its own.
        log = [line for line in service.log if "cannot be used now" not in line]
        lines = [line for line in log if line.startswith("WARNING:")]
        assert len(lines) == 3
        assert all("127.0.0.1:1" in line for line in lines)
        assert sum(line.startswith("Traceback") for line in log) >= tracebacks
        if not tracebacks:
            assert log == lines
        assert "hidden-key" not in "".join(service.log)


async def test_a_file_that_breaks_off_is_one_line(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        file_id = await _stored(service)
        [stored] = service.files
        with stored.open("r+b") as damaged:
            damaged.seek(1_000_000)
            damaged.write(b"not what was stored")
        async with httpx.AsyncClient(base_url=service.url) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(f"/files/{file_id}/download")
        [line] = service.log
        assert line.startswith(f"WARNING:  GET '/files/{file_id}/download': ")
        assert line.endswith("(the response was cut short)")
