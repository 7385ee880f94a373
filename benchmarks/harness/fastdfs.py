"""The FastDFS that subjects share: a running one, else programs on PATH, else the one of the tests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.child.store import Target
from tests.support.fastdfs.child_site import ChildSite
from tests.support.fastdfs.daemons import LocalDaemon, installed_version
from tests.support.fastdfs.real_site import RealSite
from tests.support.fastdfs.site import FastdfsSite, NamedSite


@dataclass(frozen=True, slots=True)
class Fastdfs:
    """Attributes:
    description: What kind of server it is; a protocol-level one says little about a real one.
    """

    description: str
    tracker: str

    @property
    def target(self) -> Target:
        return Target("fastdfs", {"tracker": self.tracker})


@contextmanager
def fastdfs_server(folder: Path) -> Iterator[Fastdfs]:
    folder.mkdir()
    site = _open_site(folder)
    try:
        yield Fastdfs(site.description, site.trackers[0])
    finally:
        site.close()


def _open_site(folder: Path) -> FastdfsSite:
    if trackers := os.environ.get("S3PY_TEST_FASTDFS_TRACKER"):
        return NamedSite(trackers)
    if version := installed_version():
        return RealSite(f"FastDFS {version}", folder, LocalDaemon)
    return ChildSite("protocol-level FastDFS of the tests, not a real one")
