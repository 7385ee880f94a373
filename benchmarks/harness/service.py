"""A subject's HTTP service in a process of its own, and what it takes while curl works with it."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.child.sample import Sample
from benchmarks.child.store import Target
from benchmarks.harness.environments import python_of
from benchmarks.harness.paths import ROOT
from benchmarks.harness.subjects import Subject
from tests.support.s3.ready import free_ports, wait_for_http

_HOST: Final = "127.0.0.1"
_SECONDS_TO_START: Final = 20


@dataclass(frozen=True, slots=True)
class Service:
    url: str
    pid: int

    def upload(self, file: Path, times: int) -> tuple[Sample, str]:
        """The sample, and the id of the file that was stored last."""
        file_id = ""
        form = f"file=@{file};filename={file.name}"
        before, begun = self._before(), time.perf_counter()
        for _ in range(times):
            file_id = json.loads(_curl("--form", form, f"{self.url}/files/upload"))["file_id"]
        return self._sample("up", begun, before, file.stat().st_size, times), file_id

    def download(self, file_id: str, size: int, times: int) -> Sample:
        before, begun = self._before(), time.perf_counter()
        for _ in range(times):
            received = _curl("--output", "/dev/null", "--write-out", "%{size_download}", self._address(file_id))
            if int(received) != size:
                raise ValueError(f"{received} bytes came instead of {size}")
        return self._sample("down", begun, before, size, times)

    def fetch(self, file_id: str, to: Path) -> None:
        _curl("--output", str(to), self._address(file_id))

    def _address(self, file_id: str) -> str:
        return f"{self.url}/files/{file_id}/download"

    def _before(self) -> tuple[float, int]:
        # proc(5): writing 5 resets the peak resident set size of the process.
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        return self._cpu_seconds(), self._status_bytes("VmRSS")

    def _sample(self, operation: str, begun: float, before: tuple[float, int], size: int, times: int) -> Sample:
        seconds = time.perf_counter() - begun
        cpu_seconds, resident = before
        return Sample(
            operation,
            seconds=seconds,
            count=times,
            size=size * times,
            cpu_seconds=self._cpu_seconds() - cpu_seconds,
            memory_growth=max(0, self._status_bytes("VmHWM") - resident),
        )

    def _cpu_seconds(self) -> float:
        # proc(5): after the name, which ends with the last bracket, utime and stime are the 12th and 13th field.
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _status_bytes(self, name: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{name}:"))


@contextmanager
def running(subject: Subject, target: Target, log: Path) -> Iterator[Service]:
    """The service in front of the target's bucket; ended with the block."""
    (port,) = free_ports(1)
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "S3PY_MODE": "s3",
        "S3PY_S3__ENDPOINT": target["endpoint"],
        "S3PY_S3__ACCESS_KEY_ID": target["access_key"],
        "S3PY_S3__SECRET_ACCESS_KEY": target["secret_key"],
        "S3PY_S3__DEFAULT_BUCKET": target["bucket"],
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            _command(subject, port), env=environment, cwd=log.parent, stdout=output, stderr=output
        )
        try:
            url = f"http://{_HOST}:{port}"
            wait_for_http(f"{url}/openapi.json", seconds=_SECONDS_TO_START, still_alive=lambda: process.poll() is None)
            yield Service(url, process.pid)
        finally:
            process.kill()
            process.wait()


def _command(subject: Subject, port: int) -> list[str]:
    python = python_of(subject.environment)
    if subject.driver == "s3py_serve":
        return [str(python.parent / "s3py"), "serve", "--port", str(port), "--no-access-log"]
    application = f"benchmarks.drivers.{subject.driver}:app"
    return [str(python), "-m", "uvicorn", application, "--host", _HOST, "--port", str(port), "--no-access-log"]


def _curl(*arguments: str) -> str:
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--fail", "--max-time", "60", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout
