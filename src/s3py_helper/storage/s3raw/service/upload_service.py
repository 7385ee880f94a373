"""Storing files in S3."""

from s3py_helper.adapters.s3.config import S3Config
from s3py_helper.application.upload import UploadService
from s3py_helper.storage.s3raw.client.s3_client import S3Client


class S3RawUploadServiceImpl(UploadService):
    """Stores files without validating names and types; ids read `bucket/key`.

    Args:
        s3_client: The client, open while the service is used.
        s3_config: Says where files go that name no bucket, and how large parts are.
    """

    def __init__(self, s3_client: S3Client, s3_config: S3Config) -> None:
        locator = s3_client.locator(default_bucket=s3_config.default_bucket, perf=s3_config.perf)
        super().__init__(locator)
