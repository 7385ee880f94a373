"""Archives: from S3 and of files in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from benchmarks.child.archives import Originals
from benchmarks.child.drivers import Parameters
from benchmarks.child.sample import Sample
from benchmarks.child.store import Target
from benchmarks.harness.bench import Bench
from benchmarks.harness.environments import OURS
from benchmarks.harness.process import run_job
from benchmarks.harness.subjects import INCUMBENT, S3PY, Role, Subject
from benchmarks.workloads.workload import Measure, Unit, Workload

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

ZIPSTREAM: Final = Subject("zipstream-ng", "zipstream-ng", "zipstream_ng", "zipstream-ng")
STREAM_ZIP: Final = Subject("stream-zip", "stream-zip", "stream_zip", "stream-zip")
UNPACKED: Final = Subject("s3py-helper, files alone", OURS, "s3py_helper_unpacked", "s3py-helper", Role.LIMIT)
S3PY_MEMORY: Final = Subject("s3py-helper", OURS, "s3py_helper_memory", "s3py-helper", Role.OURS)
INCUMBENT_MEMORY: Final = Subject("s3py-helper 0.0.17", "incumbent", "incumbent_memory", "s3py-helper", Role.INCUMBENT)

# SeaweedFS keeps text gzipped, and so what it takes for text by name, type or content: unpacking it for a reader costs
# it three times what packing it anew costs us. What has a type that says nothing to it is kept as it is.
_KEPT_AS_IT_IS: Final = "application/x-log"
_KEPT_GZIPPED: Final = "text/plain"


@dataclass(frozen=True, slots=True)
class Archive(Workload):
    """Attributes:
    content: `text` or `random`.
    streamed: Also as a stream, for those that offer one.
    media_type: Of the files on the server.
    """

    content: str = "text"
    count: int = 200
    size: int = MIB
    streamed: bool = False
    media_type: str = _KEPT_AS_IT_IS

    @contextmanager
    def ready(self, bench: Bench) -> Iterator[Measure]:
        count, size = self.count, self.size
        if bench.options.quick:
            count, size = max(1, count // 20), min(size, 16 * MIB)
        parameters = {
            "content": self.content,
            "count": count,
            "size": size,
            "streamed": self.streamed,
            "archive": str(bench.scratch / "archive.zip"),
        }
        if not self.server:
            yield _from_memory(parameters)
            return
        with bench.s3.bucket() as bucket:
            originals = Originals(self.content, count, size)
            if count == 1:
                bucket.put_large(originals.names[0], size)
            else:
                bucket.put_all(iter(originals), self.media_type)
            yield lambda subject: run_job(subject, "archive", bucket.target(), parameters, timeout=300)


def _from_memory(parameters: Parameters) -> Measure:
    checked: set[str] = set()

    def measure(subject: Subject) -> list[Sample]:
        # Checking packs everything once more, so it is done once for each subject.
        check = subject.name not in checked
        checked.add(subject.name)
        return run_job(subject, "archive", Target("memory"), parameters | {"check": check}, timeout=300)

    return measure


_FROM_S3: Final = (S3PY, INCUMBENT, ZIPSTREAM, STREAM_ZIP, UNPACKED)
_FROM_MEMORY: Final = (S3PY_MEMORY, INCUMBENT_MEMORY, ZIPSTREAM, STREAM_ZIP)

ARCHIVE_WORKLOADS: Final = (
    Archive("zip-text", "Zip from S3, 200 texts of 1 MiB", Unit.MEGABYTES, _FROM_S3, streamed=True),
    Archive("zip-random", "Zip from S3, 200 incompressible files of 1 MiB", Unit.MEGABYTES, _FROM_S3, content="random"),
    Archive("zip-many", "Zip from S3, 2 000 files of 4 KiB", Unit.OPERATIONS, _FROM_S3, count=2000, size=4 * KIB),
    Archive("zip-writer-text", "Zip writer alone, 200 texts of 1 MiB", Unit.MEGABYTES, _FROM_MEMORY, server=""),
    Archive(
        "zip-writer-random",
        "Zip writer alone, 200 incompressible files of 1 MiB",
        Unit.MEGABYTES,
        _FROM_MEMORY,
        content="random",
        server="",
    ),
    Archive(
        "zip-text-gzip",
        "Zip from S3, 200 texts of 1 MiB that the server keeps gzipped",
        Unit.MEGABYTES,
        _FROM_S3,
        extra=True,
        streamed=True,
        media_type=_KEPT_GZIPPED,
    ),
    Archive(
        "zip-10k",
        "Zip from S3, 10 000 texts of 64 KiB",
        Unit.MEGABYTES,
        (S3PY, UNPACKED),
        extra=True,
        count=10_000,
        size=64 * KIB,
    ),
    Archive(
        "zip-5g",
        "Zip from S3, one incompressible file of 5 GiB",
        Unit.MEGABYTES,
        (S3PY, UNPACKED),
        extra=True,
        content="random",
        count=1,
        size=5 * GIB,
    ),
)
