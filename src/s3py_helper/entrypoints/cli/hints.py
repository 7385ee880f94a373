"""What to do about a backend that cannot be used."""

from typing import Final

from s3py_helper.domain.errors import (
    AccessDeniedException,
    BucketNotFoundException,
    StorageException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend

_HINTS: Final[dict[tuple[str, type[StorageException]], str]] = {
    (Backend.S3, BucketNotFoundException): "create the bucket, or set S3PY_S3__CREATE_BUCKET_IF_MISSING=true",
    (Backend.S3, AccessDeniedException): (
        "check S3PY_S3__ACCESS_KEY_ID and S3PY_S3__SECRET_ACCESS_KEY, and what these keys permit"
    ),
    (Backend.S3, StorageUnavailableException): "check S3PY_S3__ENDPOINT, and whether the server runs",
    (Backend.FASTDFS, StorageUnavailableException): (
        "check S3PY_FASTDFS__TRACKER_SERVERS, and whether the trackers run"
    ),
    (Backend.FILESYSTEM, AccessDeniedException): "check S3PY_FILESYSTEM__ROOT, and who may write there",
}


def hint(error: StorageException, backend: str) -> str:
    """What to check, to be put after the message; empty where nothing is known."""
    known = advice(error, backend)
    return f" ({known})" if known else ""


def advice(error: StorageException, backend: str) -> str:
    """What to check; empty where nothing is known."""
    return next(
        (text for (concerned, kind), text in _HINTS.items() if concerned == backend and isinstance(error, kind)), ""
    )
