"""What concerns whole processes: the HTTP service, and how long a program takes to start."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.child import importing
from benchmarks.child.content import CheckedSink, Pattern, Source
from benchmarks.child.sample import Sample
from benchmarks.harness.bench import Bench
from benchmarks.harness.environments import OURS
from benchmarks.harness.process import run_job, run_script
from benchmarks.harness.service import running
from benchmarks.harness.subjects import (
    AIOBOTO3,
    BOTO3,
    INCUMBENT,
    OBSTORE,
    OPENDAL,
    S3FS,
    S3PY,
    S3PY_UVLOOP,
    Role,
    Subject,
)
from benchmarks.workloads.workload import Measure, Unit, Workload

MIB: Final = 1024 * 1024

SERVICE: Final = Subject("s3py serve", OURS, "s3py_serve", "s3py-helper", Role.OURS)
SERVICE_OF_INCUMBENT: Final = Subject(
    "0.0.17 in FastAPI", "incumbent-service", "incumbent_service", "s3py-helper", Role.INCUMBENT
)
LIBRARY: Final = S3PY.called("the library alone", Role.LIMIT)
LIBRARY_UVLOOP: Final = S3PY_UVLOOP.called("the library, uvloop", Role.LIMIT)
PYTHON: Final = Subject("Python alone", OURS, "nothing", "", Role.LIMIT)

_MODULES: Final = {
    S3PY.name: "s3py_helper.storage",
    INCUMBENT.name: "s3py_helper.storage",
    AIOBOTO3.name: "aioboto3",
    BOTO3.name: "boto3",
    S3FS.name: "s3fs",
    OBSTORE.name: "obstore",
    OPENDAL.name: "opendal",
    PYTHON.name: "asyncio",
}
_IMPORTING: Final = Path(importing.__file__ or "")


@dataclass(frozen=True, slots=True)
class ThroughService(Workload):
    size: int = 64 * MIB
    times: int = 5

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Measure]:
        size = 4 * MIB if bench.options.quick else self.size
        source = bench.scratch / "service.bin"
        with source.open("wb") as file:
            file.writelines(Source(Pattern(), size))

        def measure(subject: Subject) -> list[Sample]:
            with bench.s3.bucket() as bucket:
                if subject.role is Role.LIMIT:
                    parameters = {"direction": "both", "size": size, "times": self.times}
                    return run_job(subject, "large", bucket.target(), parameters)
                with running(subject, bucket.target(), bench.scratch / "service.log") as service:
                    _, file_id = service.upload(source, 1)
                    service.fetch(file_id, bench.scratch / "fetched.bin")
                    _require_right(bench.scratch / "fetched.bin", size)
                    up, file_id = service.upload(source, self.times)
                    return [up, service.download(file_id, size, self.times)]

        yield measure


def _require_right(file: Path, size: int) -> None:
    sink = CheckedSink(Pattern())
    with file.open("rb") as opened:
        while piece := opened.read(MIB):
            sink.write(piece)
    sink.require(size)
    file.unlink()


@dataclass(frozen=True, slots=True)
class Startup(Workload):
    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Measure]:
        def measure(subject: Subject) -> list[Sample]:
            with bench.s3.bucket() as bucket:
                first_put = run_job(subject, "startup", bucket.target(), {"begun": time.monotonic()})
            return [_import(subject), *first_put]

        yield measure


def _import(subject: Subject) -> Sample:
    answer = run_script(subject, _IMPORTING, _MODULES[subject.name])
    if isinstance(answer, str):
        return Sample("import", error=answer)
    return Sample("import", seconds=answer["seconds"], count=1, cpu_seconds=answer["cpu_seconds"])


PROCESS_WORKLOADS: Final = (
    ThroughService(
        "service",
        "HTTP service on S3, files of 64 MiB",
        Unit.MEGABYTES,
        (SERVICE, SERVICE_OF_INCUMBENT, LIBRARY, LIBRARY_UVLOOP),
    ),
    Startup(
        "startup",
        "Import, and from the start of a process to the first file on S3",
        Unit.MILLISECONDS,
        (S3PY, INCUMBENT, AIOBOTO3, BOTO3, S3FS, OBSTORE, OPENDAL, PYTHON),
    ),
)
