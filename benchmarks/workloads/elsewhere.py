"""FastDFS and the local disk, with the same work as S3."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from benchmarks.child.store import Target
from benchmarks.harness.bench import Bench
from benchmarks.harness.process import run_job
from benchmarks.harness.subjects import INCUMBENT, S3PY, Role, Subject
from benchmarks.workloads.workload import Measure, Unit, Workload

KIB: Final = 1024
MIB: Final = 1024 * KIB

AIOFDFS: Final = Subject("aiofdfs", "aiofdfs", "aiofdfs", "aiofdfs")
PY3FDFS: Final = Subject("py3fdfs", "py3fdfs", "py3fdfs", "py3fdfs")
AIOFILES: Final = Subject("aiofiles", "aiofiles", "aiofiles", "aiofiles")
PLAIN: Final = Subject("plain files", "aiofiles", "plain_files", "", Role.LIMIT)


def _target(server: str, bench: Bench) -> Target:
    if server == "fastdfs":
        return bench.fastdfs.target
    root = bench.scratch / "files"
    root.mkdir(exist_ok=True)
    # Durable writing waits for the disk, which plain files do not, and which memory has none of.
    return Target("filesystem", {"root": str(root), "durable": False})


@dataclass(frozen=True, slots=True)
class SmallElsewhere(Workload):
    size: int = 4 * KIB
    rounds: tuple[tuple[int, float], ...] = ((1, 0.3), (16, 0.6))

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Measure]:
        rounds = [(workers, 0.1 if bench.options.quick else seconds) for workers, seconds in self.rounds]
        target = _target(self.server, bench)
        yield lambda subject: run_job(subject, "small", target, {"size": self.size, "rounds": rounds})


@dataclass(frozen=True, slots=True)
class LargeElsewhere(Workload):
    size: int = 256 * MIB

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Measure]:
        size = min(self.size, 16 * MIB) if bench.options.quick else self.size
        target = _target(self.server, bench)
        yield lambda subject: run_job(subject, "large", target, {"direction": "both", "size": size}, timeout=300)


_FASTDFS_CLIENTS: Final = (S3PY, INCUMBENT, AIOFDFS, PY3FDFS)

ELSEWHERE_WORKLOADS: Final = (
    SmallElsewhere("fastdfs-4k", "FastDFS, files of 4 KiB", Unit.OPERATIONS, _FASTDFS_CLIENTS, server="fastdfs"),
    LargeElsewhere("fastdfs-large", "FastDFS, one file of 256 MiB", Unit.MEGABYTES, _FASTDFS_CLIENTS, server="fastdfs"),
    SmallElsewhere("files-4k", "Local disk, files of 4 KiB", Unit.OPERATIONS, (S3PY, AIOFILES, PLAIN), server=""),
    LargeElsewhere(
        "files-large",
        "Local disk, one file of 512 MiB",
        Unit.MEGABYTES,
        (S3PY, AIOFILES, PLAIN),
        server="",
        size=512 * MIB,
    ),
)
