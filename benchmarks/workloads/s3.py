"""Small files, large files and many files on S3."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from benchmarks.child.sample import Sample
from benchmarks.harness.bench import Bench
from benchmarks.harness.process import run_job
from benchmarks.harness.subjects import (
    AIOBOTO3,
    BOTO3,
    CURL,
    INCUMBENT,
    OBSTORE,
    OPENDAL,
    RAW,
    S3_CLIENTS,
    S3FS,
    S3PY,
    Subject,
)
from benchmarks.workloads.workload import Measure, Unit, Workload

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

LARGE: Final = "large.bin"


@dataclass(frozen=True, slots=True)
class SmallFiles(Workload):
    """Attributes:
    rounds: Pairs of workers at once and seconds for each operation.
    """

    size: int = 4 * KIB
    rounds: tuple[tuple[int, float], ...] = ((1, 0.3), (16, 0.6), (64, 0.5))

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Measure]:
        rounds = [(workers, 0.1 if bench.options.quick else seconds) for workers, seconds in self.rounds]

        def measure(subject: Subject) -> list[Sample]:
            with bench.s3.bucket() as bucket:
                return run_job(subject, "small", bucket.target(), {"size": self.size, "rounds": rounds})

        yield measure


@dataclass(frozen=True, slots=True)
class LargeUp(Workload):
    size: int = 512 * MIB
    tell_size: bool = True

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Measure]:
        size = _in_short(self.size, bench)
        parameters = {"direction": "up", "size": size, "tell_size": self.tell_size}

        def measure(subject: Subject) -> list[Sample]:
            with bench.s3.bucket() as bucket:
                target = bucket.target(put_link=bucket.link("put", LARGE), scratch=str(bench.scratch))
                samples = run_job(subject, "large", target, parameters, timeout=600)
                if any(sample.size for sample in samples):
                    bucket.check_only_object(size)
                return samples

        yield measure


@dataclass(frozen=True, slots=True)
class LargeDown(Workload):
    size: int = 512 * MIB

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Measure]:
        size = _in_short(self.size, bench)
        parameters = {"direction": "down", "size": size, "name": LARGE}
        with bench.s3.bucket() as bucket:
            bucket.put_large(LARGE, size)
            target = bucket.target(get_link=bucket.link("get", LARGE), scratch=str(bench.scratch))
            yield lambda subject: run_job(subject, "large", target, parameters, timeout=600)


@dataclass(frozen=True, slots=True)
class ManyFiles(Workload):
    size: int = 64 * KIB
    count: int = 1000
    workers: int = 16

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Measure]:
        parameters = {"size": self.size, "count": 50 if bench.options.quick else self.count, "workers": self.workers}

        def measure(subject: Subject) -> list[Sample]:
            with bench.s3.bucket() as bucket:
                return run_job(subject, "many", bucket.target(), parameters)

        yield measure


def _in_short(size: int, bench: Bench) -> int:
    return min(size, 16 * MIB) if bench.options.quick else size


_LARGE_CLIENTS: Final = (*S3_CLIENTS, CURL, RAW)
_MANY_CLIENTS: Final = (S3PY, INCUMBENT, AIOBOTO3, BOTO3, S3FS, OBSTORE, OPENDAL)
_SHORTER: Final = ((1, 0.25), (16, 0.4), (64, 0.3))

S3_WORKLOADS: Final = (
    SmallFiles("s3-4k", "S3, files of 4 KiB", Unit.OPERATIONS, S3_CLIENTS),
    SmallFiles("s3-64k", "S3, files of 64 KiB", Unit.OPERATIONS, S3_CLIENTS, size=64 * KIB, rounds=_SHORTER),
    SmallFiles("s3-1m", "S3, files of 1 MiB", Unit.OPERATIONS, S3_CLIENTS, size=MIB, rounds=_SHORTER),
    LargeUp("s3-large-up", "S3, one file of 512 MiB up", Unit.MEGABYTES, _LARGE_CLIENTS),
    LargeDown("s3-large-down", "S3, one file of 512 MiB down", Unit.MEGABYTES, _LARGE_CLIENTS),
    ManyFiles("s3-many", "S3, 1 000 files of 64 KiB, 16 at once", Unit.OPERATIONS, _MANY_CLIENTS),
    LargeUp(
        "s3-5g-up",
        "S3, 5 GiB of unknown size up",
        Unit.MEGABYTES,
        (S3PY, OBSTORE),
        extra=True,
        size=5 * GIB,
        tell_size=False,
    ),
    LargeDown("s3-5g-down", "S3, 5 GiB down", Unit.MEGABYTES, (S3PY, CURL), extra=True, size=5 * GIB),
)
