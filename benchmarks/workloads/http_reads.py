"""Files of the local disk over HTTP, beside what people use instead."""

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.child.content import Pattern
from benchmarks.child.measuring import ProcessMeter, Sample
from benchmarks.harness.environments import OURS, SCRATCH, python_of
from benchmarks.harness.servers import Servers
from benchmarks.workloads.http_load import load
from benchmarks.workloads.processes import SERVICE, curl, running, service_command, upload
from benchmarks.workloads.workload import Measure, Subject, Workload
from tests.support.s3.ready import free_ports

FILE_RESPONSE: Final = Subject("FastAPI, FileResponse", OURS, "", "fastapi")
NGINX: Final = Subject("nginx without sendfile", OURS, "", "")

_NGINX: Final = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 256; }}
http {{
    access_log off; sendfile off; keepalive_requests 1000000;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{ listen 127.0.0.1:{port}; location / {{ root {folder}; }} }}
}}
"""


class HttpReads(Workload):
    """A file again and again. On a disk, because the file systems in memory do not say that they are."""

    @contextmanager
    def ready(self, servers: Servers) -> Iterator[Measure]:  # noqa: ARG002 - it needs no server of theirs
        folder = SCRATCH / self.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        file = folder / "file.bin"
        file.write_bytes(Pattern().at(0, self.parameters["size"]))

        def measure(subject: Subject) -> list[Sample]:
            with _server(subject, folder) as (url, pid):
                path = f"files/{upload(url, file)}/download" if subject is SERVICE else file.name
                if curl(f"{url}/{path}") != file.read_bytes():
                    raise ValueError("other bytes came back")
                return [self._measured(f"{url}/{path}", pid)]

        try:
            yield measure
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _measured(self, url: str, pid: int) -> Sample:
        size = self.parameters["size"]
        if times := self.parameters.get("times"):
            meter = ProcessMeter(pid)
            for _ in range(times):
                curl("--output", "/dev/null", url)
            sample = Sample("get", count=times, size=times * size)
            meter.read(sample)
            return sample
        connections, seconds = self.parameters["connections"], self.parameters["seconds"]
        meters: list[ProcessMeter] = []
        # What the warm-up takes belongs to requests that are not counted.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            latencies = sorted(
                runner.run(load(url, size, connections, seconds, lambda: meters.append(ProcessMeter(pid))))
            )
        sample = Sample(f"get c={connections}", count=len(latencies), size=size * len(latencies))
        meters[0].read(sample)
        sample.seconds, sample.p99_seconds = seconds, latencies[int(len(latencies) * 0.99)]
        return sample


@contextmanager
def _server(subject: Subject, folder: Path) -> Iterator[tuple[str, int]]:
    """A subject's server, by its URL and the id of its process; ended with the block."""
    (port,) = free_ports(1)
    environment = {"FOLDER": str(folder), "S3PY_FILESYSTEM__ROOT": str(folder / "data")}
    ready = "health" if subject is SERVICE else "file.bin"
    with running(_command(subject, folder, port), environment, port, ready, folder / "log") as server:
        yield server


def uvicorn_command(python: Path, module: str, port: int) -> Sequence[str]:
    """An application of `benchmarks.child` on uvicorn."""
    app = f"benchmarks.child.{module}:app"
    return [str(python), "-m", "uvicorn", app, "--port", str(port), "--no-access-log"]


def _command(subject: Subject, folder: Path, port: int) -> Sequence[str]:
    if subject is SERVICE:
        return service_command(port)
    if subject is FILE_RESPONSE:
        return uvicorn_command(python_of(OURS), "file_response", port)
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port))
    return [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(config)]
