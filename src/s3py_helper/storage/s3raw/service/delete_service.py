"""Removing files from S3."""

from s3py_helper.application.delete import DeleteService
from s3py_helper.storage.s3raw.client.s3_client import S3Client


class S3RawDeleteServiceImpl(DeleteService):
    """Removes files whose ids read `bucket/key`; one that is not there is no error."""

    def __init__(self, s3_client: S3Client) -> None:
        super().__init__(s3_client.locator())
