"""Every workload, in the order in which they run and are shown. Each proves a goal or a line of the README."""

from typing import Final

from benchmarks.harness.environments import OURS
from benchmarks.workloads.apart import Apart
from benchmarks.workloads.http_reads import FILE_RESPONSE, NGINX, HttpReads
from benchmarks.workloads.old_links import INCUMBENT_ROUTE, READS, OldLinks
from benchmarks.workloads.processes import SERVICE, Startup, ThroughService
from benchmarks.workloads.workload import Parameters, Subject, Workload

KIB, MIB, GIB = 2**10, 2**20, 2**30

S3PY: Final = Subject("s3py-helper", OURS, "s3py_helper.open_store")
FILES_ALONE: Final = Subject("s3py-helper, files alone", OURS, "s3py_helper.open_files_alone")
LIBRARY: Final = Subject("the library alone", OURS, "s3py_helper.open_store")
INCUMBENT: Final = Subject("s3py-helper 0.0.17", "incumbent", "s3py_helper.open_store")
INCUMBENT_MEMORY: Final = Subject("s3py-helper 0.0.17", "incumbent", "incumbent_memory.open_store")
# The incumbent is built on it, and pins the version that is measured.
AIOBOTO3: Final = Subject("aioboto3", "incumbent", "aioboto3.open_store", "aioboto3")
BOTO3: Final = Subject("boto3, s3transfer", "boto3", "boto3.open_store", "boto3")
OBSTORE: Final = Subject("obstore", "obstore", "obstore.open_store", "obstore")
CURL: Final = Subject("curl", OURS, "curl.open_store", "")
ZIPSTREAM: Final = Subject("zipstream-ng", "boto3", "zipstream_ng.open_store", "zipstream-ng")

_LIBRARIES: Final = (S3PY, INCUMBENT, AIOBOTO3, BOTO3, OBSTORE)
_AND_CURL: Final = (*_LIBRARIES, CURL)
_PACKERS: Final = (S3PY, INCUMBENT, ZIPSTREAM, FILES_ALONE)
MOVED: Final = Subject("s3py migrate", OURS, "migration.open_moved")
PUT: Final = Subject("the same client's uploads", OURS, "migration.open_put")
LEDGER: Final = Subject("s3py migrate", OURS, "migration.open_ledger")
SHARED_LEDGER: Final = Subject("s3py migrate", OURS, "postgres_ledger.open_ledger")

# Rounds are pairs of workers and seconds for each operation.
_SMALL: Final = {"size": 4 * KIB, "rounds": ((1, 0.3), (16, 0.6), (64, 0.5))}
_LINKS: Final = (SERVICE, INCUMBENT_ROUTE, READS)
_LINK: Final = {"size": 4 * KIB, "connections": 64, "seconds": 3}
_MANY: Final = {"size": 64 * KIB, "count": 1000}
_SMALL_FILES: Final = {"count": 2000, "least": 4 * KIB, "most": 100 * KIB}


def _files(content: str, count: int, size: int) -> Parameters:
    return {"content": content, "count": count, "size": size}


# A table, which the formatter would turn into a column.
# fmt: off
WORKLOADS: Final = (
    Workload("s3-4k", "S3, files of 4 KiB", "ops/s", _LIBRARIES, "small.run", _SMALL),
    Workload("s3-large-up", "S3, one file of 512 MiB up", "MB/s", _AND_CURL, "large.up", {"size": 512 * MIB}),
    Workload("s3-large-down", "S3, one file of 512 MiB down", "MB/s", _AND_CURL, "large.down", {"size": 512 * MIB}),
    Workload("s3-many", "S3, 1 000 files of 64 KiB, 16 at once", "ops/s", _LIBRARIES, "many.run", _MANY),
    Workload("s3-5g-up", "S3, 5 GiB of unknown size up", "MB/s", (S3PY, OBSTORE), "large.up",
             {"size": 5 * GIB, "tell_size": False}, extra=True),
    Workload("s3-5g-down", "S3, 5 GiB down", "MB/s", (S3PY, CURL), "large.down", {"size": 5 * GIB}, extra=True),
    Workload("zip-text", "Zip from S3, 200 texts of 1 MiB", "MB/s", _PACKERS, "archive.run", _files("text", 200, MIB)),
    Workload("zip-random", "Zip from S3, 200 incompressible files of 1 MiB", "MB/s", _PACKERS, "archive.run",
             _files("random", 200, MIB)),
    Workload("zip-many", "Zip from S3, 2 000 files of 4 KiB", "ops/s", _PACKERS, "archive.run",
             _files("text", 2000, 4 * KIB)),
    Workload("zip-writer-random", "Zip writer alone, 200 incompressible files of 1 MiB", "MB/s",
             (S3PY, INCUMBENT_MEMORY), "archive.in_memory", _files("random", 200, MIB), "memory"),
    Workload("zip-10k", "Zip from S3, 10 000 texts of 64 KiB", "MB/s", (S3PY, FILES_ALONE), "archive.run",
             _files("text", 10_000, 64 * KIB), extra=True),
    Workload("zip-5g", "Zip from S3, one incompressible file of 5 GiB", "MB/s", (S3PY, FILES_ALONE), "archive.run",
             _files("random", 1, 5 * GIB), extra=True),
    Workload("fastdfs-4k", "FastDFS, files of 4 KiB", "ops/s", (S3PY, INCUMBENT), "small.run", _SMALL, "fastdfs"),
    Workload("fastdfs-large", "FastDFS, one file of 256 MiB", "MB/s", (S3PY, INCUMBENT), "large.both",
             {"size": 256 * MIB}, "fastdfs"),
    ThroughService("service", "HTTP service on S3, files of 64 MiB", "MB/s", (SERVICE, LIBRARY), "large.both",
                   {"size": 64 * MIB, "times": 5}),
    HttpReads("http-4k", "HTTP service on the local disk, files of 4 KiB", "ops/s", (SERVICE, FILE_RESPONSE), "",
              {"size": 4 * KIB, "connections": 64, "seconds": 3}, ""),
    HttpReads("http-64m", "HTTP service on the local disk, files of 64 MiB", "MB/s", (SERVICE, NGINX), "",
              {"size": 64 * MIB, "times": 10}, ""),
    OldLinks("old-links-s3", "Old links over HTTP, a file of 4 KiB that has moved to S3", "ops/s", _LINKS,
             "reading.run", _LINK, "both", uvloop=True),
    OldLinks("old-links-fastdfs", "Old links over HTTP, a file of 4 KiB in FastDFS", "ops/s", _LINKS, "reading.run",
             _LINK, "fastdfs", uvloop=True),
    Workload("migration-small", "Migration, 2 000 files of 4 to 100 KiB", "ops/s", (MOVED, PUT), "moving.small",
             _SMALL_FILES, "both", uvloop=True),
    Apart("migration-small-apart", "Migration, 2 000 files of 4 to 100 KiB, S3 on a processor of its own", "ops/s",
          (MOVED, PUT), "moving.small", _SMALL_FILES, "both", uvloop=True),
    Workload("migration-large", "Migration, 8 files of 64 MiB", "MB/s", (MOVED, PUT), "moving.large",
             {"count": 8, "size": 64 * MIB}, "both", uvloop=True),
    Workload("migration-ledger", "Migration, a ledger of 1 000 000 files", "ops/s", (LEDGER,), "ledger.run",
             {"rows": 1_000_000}, "both", extra=True),
    Workload("ledger-postgres", "Migration, a ledger on PostgreSQL", "ops/s", (SHARED_LEDGER,), "shared_ledger.run",
             {"sizes": [100_000, 1_000_000, 10_000_000], "processes": 4, "rows": 5000,
              "driver": SHARED_LEDGER.driver}, "postgres", extra=True, repeats_itself=True),
    Startup("startup", "Import, and from the start of a process to the first file on S3", "ms", _LIBRARIES,
            "startup.run", {}),
)
# fmt: on


def chosen(names: list[str]) -> list[Workload]:
    """Those whose names begin with one of these, all of them without any; extra ones are chosen by full names only."""
    for name in names:
        if not any(workload.name.startswith(name) for workload in WORKLOADS):
            raise SystemExit(f"no workload begins with {name!r}; `python -m benchmarks list` names them")
    begins = tuple(names) or ""
    return [w for w in WORKLOADS if w.name in names or (not w.extra and w.name.startswith(begins))]
