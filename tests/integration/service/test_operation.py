"""What operators look at: probes, metrics, request ids, lines of the log, spans."""

import json
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import httpx
import pytest
from pydantic import SecretStr

from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.http.app import Service
from s3py_helper.entrypoints.http.watching.access_log import ACCESS_LOGGER
from s3py_helper.entrypoints.server.json_lines import JsonLines
from s3py_helper.entrypoints.settings import Settings
from s3py_helper.entrypoints.token_config import digest_of
from tests.integration.service.raw import connected
from tests.integration.service.running import served
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)

CONTENT = bytes(8_000_000)


def _app(root: Path, **more: object) -> Service:
    given = {"filesystem": FilesystemConfig(root=root)} | more
    app = create_app(Settings(_env_file=None, **given))  # type: ignore[arg-type]  # pydantic checks what tests give
    assert isinstance(app, Service)
    return app


@asynccontextmanager
async def _client(app: Service) -> AsyncGenerator[httpx.AsyncClient]:
    async with served(app, http="ours") as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


async def _stored(client: httpx.AsyncClient, content: bytes = CONTENT) -> str:
    return str((await client.post("/files/upload", files={"file": ("a.bin", content)})).json()["file_id"])


# Probes


async def test_probes_tell_life_from_readiness(tmp_path: Path) -> None:
    app = _app(tmp_path)
    async with _client(app) as client:
        for path in ("/livez", "/healthz", "/readyz", "/health"):
            for method in ("GET", "HEAD"):
                assert (await client.request(method, path)).status_code == 200, path
        assert (await client.get("/readyz")).json() == {"status": "ok"}
        assert (await client.get("/readyz?verbose")).json() == {"status": "ok", "backends": {"filesystem": "ok"}}
        app.draining.begin()
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()) == (503, {"status": "draining"})
        assert (await client.get("/livez")).json() == {"status": "ok"}


async def test_a_backend_that_is_down_makes_the_service_unready_but_not_dead(tmp_path: Path) -> None:
    async with _client(_app(tmp_path, mode="fastdfs", fastdfs={"tracker_servers": ["127.0.0.1:1"]})) as client:
        assert (await client.get("/livez")).status_code == 200
        ready = await client.get("/readyz?verbose")
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")


async def test_a_backend_that_does_not_respond_keeps_no_probe_waiting(tmp_path: Path) -> None:
    # Connecting to this one succeeds, and nothing ever comes.
    async with served(_app(tmp_path / "other")) as silent:
        tracker = silent.removeprefix("http://")
        async with _client(_app(tmp_path, mode="fastdfs", fastdfs={"tracker_servers": [tracker]})) as client:
            began = monotonic()
            assert (await client.get("/readyz")).status_code == 503
            assert monotonic() - began < 2


async def test_what_is_wrong_is_told_to_those_who_may_see_it(tmp_path: Path) -> None:
    tokens = {"o": {"sha256": digest_of("o"), "scopes": {"admin"}}, "r": {"sha256": digest_of("r"), "scopes": {"read"}}}
    async with _client(_app(tmp_path, tokens=tokens)) as client:
        for path in ("/readyz?verbose", "/health"):
            for token, told in (("o", True), ("r", False), ("wrong", False)):
                response = await client.get(path, headers={"Authorization": f"Bearer {token}"})
                assert ("backends" in response.json()) is told
        for token, status in (("o", 200), ("r", 403), ("wrong", 401)):
            assert (await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})).status_code == status


# Metrics


async def _metrics(client: httpx.AsyncClient) -> dict[str, float]:
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    lines = [line.rpartition(" ") for line in response.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_requests_and_operations_are_counted(tmp_path: Path) -> None:
    async with _client(_app(tmp_path)) as client:
        file_id = await _stored(client)
        await client.get(f"/files/{file_id}/download")
        await client.get("/files/fs:files/none/info")
        await client.request("PROPFIND", "/files/x")
        metrics = await _metrics(client)
    labels = 'http_request_method="GET",http_response_status_code="{}",http_route="{}"'
    requests = "http_server_request_duration_seconds_count{{{}}}".format
    assert metrics[requests(labels.format(200, "/files/{file_id}"))] == 1
    assert metrics[requests(labels.format(404, "/files/{file_id}/info"))] == 1
    assert metrics['s3py_stream_bytes_total{backend="filesystem",direction="out"}'] > len(CONTENT)
    assert metrics['s3py_stream_bytes_total{backend="filesystem",direction="in"}'] > len(CONTENT)
    operations = 's3py_backend_operation_duration_seconds_count{{backend="filesystem",operation="{}",outcome="{}"}}'
    assert metrics[operations.format("upload", "ok")] == 1
    assert metrics[operations.format("info", "FileNotFound")] == 1
    assert metrics['s3py_open_streams{backend="filesystem",direction="out"}'] == 0
    assert metrics['http_server_active_requests{http_request_method="GET"}'] == 1, "the one that asks"
    assert metrics['http_server_active_requests{http_request_method="_OTHER"}'] == 0
    assert not any(file_id in name or "PROPFIND" in name for name in metrics), "clients choose no labels"


async def test_who_broke_an_exchange_is_counted(tmp_path: Path) -> None:
    async with _client(_app(tmp_path, idle_timeout=1, min_upload_rate=0)) as client:
        # More than the buffers of both ends take.
        file_id = await _stored(client, bytes(40_000_000))
        url = str(client.base_url)
        async with connected(url) as leaving:
            await leaving.send(f"GET /files/{file_id}/download HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            await leaving.reader.read(1000)
        async with connected(url) as stalled:
            head = "POST /files/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999\r\n"
            await stalled.send(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode())
            await stalled.closed()
        [stored] = [path for path in tmp_path.rglob("*") if path.is_file()]
        with stored.open("r+b") as damaged:
            damaged.seek(20_000_000)
            damaged.write(b"not what was stored")
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"/files/{file_id}/download")
        aborted: dict[str, float] = {}

        async def all_counted() -> bool:
            found = await _metrics(client)
            aborted.update({name: found[name] for name in found if name.startswith("s3py_aborted_streams_total")})
            return len(aborted) == 3

        for _ in range(100):
            if await all_counted():
                break
    assert aborted == {
        's3py_aborted_streams_total{by="client",direction="out"}': 1,
        's3py_aborted_streams_total{by="limit",direction="in"}': 1,
        's3py_aborted_streams_total{by="backend",direction="out"}': 1,
    }


async def test_metrics_can_be_switched_off(tmp_path: Path) -> None:
    async with _client(_app(tmp_path, metrics=False)) as client:
        assert (await client.get("/metrics")).status_code == 404


# Request ids and lines


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Request-ID": "Abc-1_2.3"}, "Abc-1_2[.]3"),
        ({"X-Request-ID": "a b"}, "[0-9a-f]{16}"),
        ({"X-Request-ID": "x" * 65}, "[0-9a-f]{16}"),
        ({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}, "(ab){16}"),
        ({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "X-Request-ID": "mine"}, "mine"),
        ({"traceparent": "00-nonsense"}, "[0-9a-f]{16}"),
        ({}, "[0-9a-f]{16}"),
    ],
)
async def test_each_response_names_its_request(tmp_path: Path, headers: dict[str, str], expected: str) -> None:
    async with _client(_app(tmp_path)) as client:
        for path in ("/livez", "/nowhere", "/files/fs:files/none/download"):
            given = (await client.get(path, headers=headers)).headers["x-request-id"]
            assert re.fullmatch(expected, given)


def _lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == ACCESS_LOGGER]


async def test_each_request_is_one_line_without_its_query(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with _client(_app(tmp_path, api_token=SecretStr("s3cret"))) as client:
        client.headers["Authorization"] = "Bearer s3cret"
        await client.get("/livez?sig=hidden")
        await client.get("/files/fs:files/%0Aforged%1b[2J/info?sig=hidden")
        await client.get("/livez", headers={"Host": "a b"})
    await until(lambda: len(_lines(caplog)) == 3)
    lines = [record.getMessage() for record in _lines(caplog)]
    first, second, _refused = lines
    assert re.fullmatch(r"127\.0\.0\.1 GET '/livez' 200, 15 bytes in [\d.]+ ms, request [0-9a-f]{16}", first)
    assert r"'/files/fs:files/\nforged\x1b[2J/info'" in second
    assert "hidden" not in "".join(lines)
    assert "s3cret" not in caplog.text


async def test_a_line_as_json_has_everything(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with _client(_app(tmp_path)) as client:
        file_id = await _stored(client, b"12345")
        caplog.clear()
        await client.get(f"/files/{file_id}/download", headers={"X-Request-ID": "it"})
        await client.get("/files/fs:files/%E2%80%AE%0A/info")
    await until(lambda: len(_lines(caplog)) == 2)
    first, second = [JsonLines().format(record) for record in _lines(caplog)]
    facts = json.loads(first)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", facts.pop("time"))
    assert 0 <= facts.pop("ttfb_ms") <= facts.pop("ms") < 20_000
    assert facts == {
        "level": "info",
        "logger": ACCESS_LOGGER,
        "event": "request",
        "request_id": "it",
        "client": "127.0.0.1",
        "method": "GET",
        "path": f"/files/{file_id}/download",
        "route": "/files/{file_id}",
        "status": 200,
        "received": 0,
        "sent": 5,
        "file_id": file_id,
        "backend": "filesystem",
    }
    assert second.isascii()
    assert second.isprintable()
    assert json.loads(second)["path"] == "/files/fs:files/\u202e\n/info"


async def test_why_a_request_failed_is_in_its_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with _client(_app(tmp_path, mode="fastdfs", fastdfs={"tracker_servers": ["127.0.0.1:1"]})) as client:
        assert (await client.get("/files/group1/M00/00/00/wKgAAWUAAAAAAAAAAAAAAAAAAAA000.txt/info")).status_code == 503
    await until(lambda: len(_lines(caplog)) == 1)
    [line] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.name == ACCESS_LOGGER
    assert "127.0.0.1:1" in line.getMessage()
    facts = json.loads(JsonLines().format(line))
    assert (facts["level"], facts["status"], facts["error_type"]) == ("warning", 503, "StorageUnavailableException")
