"""The service on each of the three backends."""

from pathlib import Path

import pytest

from s3py_helper.entrypoints.container.config import FastdfsConfig, FilesystemConfig, StorageMode
from s3py_helper.entrypoints.settings import Settings
from tests.support.fastdfs.site import FastdfsSite
from tests.support.s3.server import S3Server

BACKENDS = ("disk", "s3", "fastdfs")


def settings_of(request: pytest.FixtureRequest, backend: str, root: Path, **more: object) -> Settings:
    """Settings for a backend, whose server is started when it is needed; for a fixture."""
    given: dict[str, object]
    match backend:
        case "s3":
            server: S3Server = request.getfixturevalue("seaweedfs")
            given = {"mode": StorageMode.S3, "s3": server.config()}
        case "fastdfs":
            site: FastdfsSite = request.getfixturevalue("fastdfs_site")
            given = {"mode": StorageMode.FASTDFS, "fastdfs": FastdfsConfig(tracker_servers=list(site.trackers))}
        case _:
            given = {"filesystem": FilesystemConfig(root=root)}
    return Settings(_env_file=None, **given, **more)  # type: ignore[arg-type]  # pydantic checks what tests give
