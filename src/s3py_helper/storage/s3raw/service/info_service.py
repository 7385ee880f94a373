"""Describing files in S3."""

from s3py_helper.application.info import InfoService
from s3py_helper.storage.s3raw.client.s3_client import S3Client


class S3RawInfoServiceImpl(InfoService):
    """Describes files whose ids read `bucket/key`."""

    def __init__(self, s3_client: S3Client) -> None:
        super().__init__(s3_client.locator())
