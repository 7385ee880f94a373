"""What raw S3 services offer, for applications that bring a stand-in of their own: the same as the fusion services."""

from typing import Protocol

from s3py_helper.storage.fusion.protocols import (
    FusionDeleteService,
    FusionDownloadService,
    FusionInfoService,
    FusionUploadService,
)


class S3RawUploadService(FusionUploadService, Protocol):
    """Stores files in S3."""


class S3RawDownloadService(FusionDownloadService, Protocol):
    """Reads files from S3."""


class S3RawDeleteService(FusionDeleteService, Protocol):
    """Removes files from S3."""


class S3RawInfoService(FusionInfoService, Protocol):
    """Describes files in S3."""
