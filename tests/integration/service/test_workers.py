"""`s3py serve` with several processes, with lines for machines, and being stopped."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.integration.service.process import Process, serving
from tests.integration.service.raw import connected
from tests.support.s3.server import DEFAULT_BUCKET, S3Server
from tests.support.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def _workers(service: Process) -> list[int]:
    """Those that serve: multiprocessing has a helper of its own beside them."""
    return [pid for pid in _children(service.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _gets(service: Process, path: str, count: int) -> list[httpx.Response]:
    # Without keep-alive: each connection goes to whichever process takes it.
    return [httpx.get(service.url + path, headers={"Connection": "close"}, timeout=30) for _ in range(count)]


def test_rate_limits_hold_over_all_workers(tmp_path: Path) -> None:
    with serving(tmp_path, S3PY_WORKERS="2", S3PY_RATE_LIMIT="0.001", S3PY_RATE_BURST="12") as service:
        assert len(_workers(service)) == 2
        statuses = [response.status_code for response in _gets(service, "/files/fs:files/none/info", 30)]
    assert sorted(statuses) == [404] * 12 + [429] * 18


async def test_metrics_hold_over_all_workers_and_outlive_one_that_is_replaced(tmp_path: Path) -> None:
    def counted() -> bool:
        # A request is counted when it has ended, which its client may see before; what is under way once a second.
        return {_requests(metrics.text) for metrics in _gets(service, "/metrics", 4)} == {(30.0, 0.0)}

    def replaced() -> bool:
        workers = _workers(service)
        return len(workers) == 2 and doomed not in workers

    with serving(tmp_path, S3PY_WORKERS="2") as service:
        _gets(service, "/files/fs:files/none/info", 30)
        await until(counted, within=30)
        doomed = _workers(service)[0]
        os.kill(doomed, signal.SIGKILL)
        await until(replaced, within=30)
        assert {response.status_code for response in _gets(service, "/livez", 4)} == {200}
        assert any(f"worker {doomed} has ended" in line for line in service.log)
        await until(counted, within=30)


def _requests(metrics: str) -> tuple[float, float]:
    """How many have asked for a description, and how many are being served."""
    lines = [line.rpartition(" ") for line in metrics.splitlines()]
    served, active = "http_server_request_duration_seconds_count", "http_server_active_requests{"
    return (
        sum(float(value) for name, _, value in lines if name.startswith(served) and "/info" in name),
        sum(float(value) for name, _, value in lines if name.startswith(active)),
    )


async def test_connections_of_all_workers_are_added_up(tmp_path: Path, seaweedfs: S3Server) -> None:
    settings = {
        "S3PY_MODE": "s3",
        "S3PY_S3__ENDPOINT": seaweedfs.endpoint,
        "S3PY_S3__ACCESS_KEY_ID": seaweedfs.access_key,
        "S3PY_S3__SECRET_ACCESS_KEY": seaweedfs.secret_key,
        "S3PY_S3__DEFAULT_BUCKET": DEFAULT_BUCKET,
        "S3PY_S3__PERF__MAX_POOL_CONNECTIONS": "7",
    }

    def told(service: Process) -> str:
        [answer] = _gets(service, "/metrics", 1)
        return answer.text

    with serving(tmp_path, S3PY_WORKERS="2", **settings) as service:
        # Each worker tells once a second.
        await until(lambda: 's3py_pool_connections_limit{backend="s3"} 14.0' in told(service), within=30)
        assert 's3py_pool_connections_in_use{backend="s3"} 0.0' in told(service)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_service_that_is_stopped_says_so_and_finishes_what_it_has_begun(tmp_path: Path, workers: str) -> None:
    content = bytes(30_000_000)
    with serving(tmp_path, S3PY_WORKERS=workers, S3PY_SHUTDOWN_DELAY="4") as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=30, headers={"Connection": "close"}) as client:
            file_id = (await client.post("/files/upload", files={"file": ("a.bin", content)})).json()["file_id"]
            processes = [service.pid, *_children(service.pid)]
            async with connected(service.url) as slow:
                await slow.send(f"GET /files/{file_id}/download HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                received = len(await slow.reader.read(10_000))
                assert (await client.get("/readyz")).status_code == 200
                os.kill(service.pid, signal.SIGTERM)
                stopped_at = time.monotonic()
                while (await client.get("/readyz")).status_code != 503:
                    assert time.monotonic() - stopped_at < 4
                    await asyncio.sleep(0.02)
                assert (await client.get("/livez")).status_code == 200, "connections are taken for a while"
                while chunk := await slow.reader.read(1_000_000):
                    received += len(chunk)
                assert received > len(content)
        await until(lambda: not any(map(_runs, processes)), within=30)
        assert not any("Traceback" in line for line in service.log)


async def test_a_worker_that_does_not_end_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path, S3PY_WORKERS="2", S3PY_SHUTDOWN_DELAY="0", S3PY_DRAIN_SECONDS="0") as service:
        processes = [service.pid, *_workers(service)]
        stuck = processes[-1]
        os.kill(stuck, signal.SIGSTOP)
        try:
            os.kill(service.pid, signal.SIGTERM)
            await until(lambda: not any(map(_runs, processes)), within=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(stuck, signal.SIGKILL)
        assert any(f"worker {stuck} does not end and is killed" in line for line in service.log)


def _runs(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def test_with_json_every_line_is_an_object(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from s3py_helper.entrypoints.cli import main; main()", "serve", "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("S3PY_")}
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment | {"S3PY_LOG_FORMAT": "json"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        told: list[dict[str, str]] = []
        while not told or not told[-1]["message"].startswith("Listening on "):
            told.append(json.loads(process.stderr.readline()))
        url = told[-1]["message"].split()[2].rstrip(",")
        httpx.get(f"{url}/livez", timeout=30)
        process.terminate()
        output, rest = process.communicate(timeout=30)
    told += map(json.loads, rest.splitlines())
    assert {"time", "level", "logger", "message"} <= set.intersection(*(set(line) for line in told))
    [request] = map(json.loads, output.splitlines())
    assert (request["path"], request["status"]) == ("/livez", 200)
