"""What the service says of itself when it starts."""

from pathlib import Path

import pytest

from s3py_helper.entrypoints.cli.serving import place_of
from s3py_helper.entrypoints.container.config import FastdfsConfig, FilesystemConfig, S3Config, StorageMode
from s3py_helper.entrypoints.settings import Settings


@pytest.mark.parametrize(
    ("mode", "place"),
    [
        (StorageMode.FILESYSTEM, "/srv/files"),
        (StorageMode.S3, "bucket mine at http://s3.example.com"),
        (StorageMode.HYBRID, "bucket mine at http://s3.example.com"),
        (StorageMode.FASTDFS, "FastDFS at 10.0.0.1:22122, 10.0.0.2:22122"),
    ],
)
def test_every_mode_says_where_new_files_go(mode: StorageMode, place: str) -> None:
    settings = Settings(
        _env_file=None,
        mode=mode,
        filesystem=FilesystemConfig(root=Path("/srv/files")),
        s3=S3Config(endpoint="http://s3.example.com", default_bucket="mine"),
        fastdfs=FastdfsConfig(tracker_servers=["10.0.0.1:22122", "10.0.0.2:22122"]),
    )
    assert place_of(settings) == place
