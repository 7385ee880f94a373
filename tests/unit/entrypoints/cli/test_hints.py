"""What to do about a backend that cannot be used."""

import re
from pathlib import Path

import pytest

from s3py_helper.domain.errors import (
    AccessDeniedException,
    BucketNotFoundException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.entrypoints.cli import hints
from s3py_helper.entrypoints.cli.hints import hint

DOCUMENTED = Path(__file__).parents[4] / "docs" / "configuration.md"


@pytest.mark.parametrize(
    ("backend", "error", "named"),
    [
        ("s3", BucketNotFoundException("x"), "S3PY_S3__CREATE_BUCKET_IF_MISSING"),
        ("s3", AccessDeniedException("x"), "S3PY_S3__ACCESS_KEY_ID"),
        ("s3", StorageUnavailableException("x"), "S3PY_S3__ENDPOINT"),
        ("fastdfs", StorageUnavailableException("x"), "S3PY_FASTDFS__TRACKER_SERVERS"),
        ("filesystem", AccessDeniedException("x"), "S3PY_FILESYSTEM__ROOT"),
    ],
)
def test_the_setting_that_is_probably_wrong_is_named(backend: str, error: StorageException, named: str) -> None:
    assert named in hint(error, backend)


def test_where_nothing_is_known_nothing_is_said() -> None:
    assert hint(StorageOperationException("x"), "s3") == ""
    assert hint(BucketNotFoundException("x"), "shelf") == ""


def test_every_setting_that_is_named_exists() -> None:
    documented = DOCUMENTED.read_text(encoding="utf-8")
    for text in vars(hints)["_HINTS"].values():
        assert all(f"`{name}`" in documented for name in re.findall(r"S3PY_\w+", text))
