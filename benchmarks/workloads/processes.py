"""What concerns whole processes: how long a program takes to start, and the HTTP service."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.child.content import Pattern
from benchmarks.child.measuring import ProcessMeter, Sample
from benchmarks.child.store import Target
from benchmarks.harness.environments import OURS, ROOT, python_of
from benchmarks.harness.servers import Servers
from benchmarks.workloads.workload import Measure, Parameters, Subject, Workload
from tests.support.s3.ready import free_ports, wait_for_http

SERVICE: Final = Subject("s3py serve", OURS, "")


class Startup(Workload):
    """Importing a library; and from the start of a process until it has stored a first file."""

    def parameters_for(self, subject: Subject) -> Parameters:
        module = "s3py_helper.storage" if subject.package == "s3py-helper" else subject.package
        return {"begun": time.monotonic(), "module": module}


class ThroughService(Workload):
    """A file up and down through `s3py serve` by curl, beside the library alone."""

    @contextmanager
    def ready(self, servers: Servers) -> Iterator[Measure]:
        source = servers.scratch / "service.bin"
        source.write_bytes(Pattern().at(0, self.parameters["size"]))
        with super().ready(servers) as measure_library:

            def measure(subject: Subject) -> list[Sample]:
                if subject is not SERVICE:
                    return measure_library(subject)
                with servers.target(self.server) as target, _serving(target, servers.scratch) as (url, pid):
                    if curl(f"{url}/files/{upload(url, source)}/download") != source.read_bytes():
                        raise ValueError("the service gave back other bytes than it was given")
                    return _up_and_down(url, pid, source, self.parameters["times"])

            yield measure


def _up_and_down(url: str, pid: int, source: Path, times: int) -> list[Sample]:
    """Processor time and memory are the service's."""
    up, down = (Sample(operation, count=times, size=times * source.stat().st_size) for operation in ("up", "down"))
    meter = ProcessMeter(pid)
    file_ids = [upload(url, source) for _ in range(times)]
    meter.read(up)
    meter = ProcessMeter(pid)
    for file_id in file_ids:
        curl("--output", "/dev/null", f"{url}/files/{file_id}/download")
    meter.read(down)
    return [up, down]


def upload(url: str, file: Path) -> str:
    """The id that the service gives the file."""
    return str(json.loads(curl("--form", f"file=@{file};filename={file.name}", f"{url}/files/upload"))["file_id"])


def curl(*arguments: str) -> bytes:
    """What curl prints."""
    command = ("curl", "--silent", "--show-error", "--fail", "--max-time", "60", *arguments)
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], port: int, ready: str, log: Path
) -> Iterator[tuple[str, int]]:
    """A server, by its URL and the id of its process, once it responds for the path `ready`; ended with the block."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=os.environ | environment, cwd=ROOT, stdout=output, stderr=output)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for_http(f"{url}/{ready}", seconds=20, still_alive=lambda: process.poll() is None)
            yield url, process.pid
        finally:
            process.kill()
            process.wait()


def service_command(port: int) -> Sequence[str]:
    """`s3py serve`."""
    return [str(python_of(OURS).parent / "s3py"), "serve", "--port", str(port), "--no-access-log"]


def service_settings(target: Target) -> dict[str, str]:
    """The environment of a service that works with the target's bucket."""
    return {
        "S3PY_S3__ENDPOINT": target["endpoint"],
        "S3PY_S3__ACCESS_KEY_ID": target["access_key"],
        "S3PY_S3__SECRET_ACCESS_KEY": target["secret_key"],
        "S3PY_S3__DEFAULT_BUCKET": target["bucket"],
    }


def _serving(target: Target, folder: Path) -> AbstractContextManager[tuple[str, int]]:
    (port,) = free_ports(1)
    environment = service_settings(target) | {"S3PY_MODE": "s3"}
    return running(service_command(port), environment, port, "openapi.json", folder / "service.log")
