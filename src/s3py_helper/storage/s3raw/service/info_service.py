"""Describing files in S3."""

from typing import TYPE_CHECKING

from s3py_helper.application.info import InfoService
from s3py_helper.domain.arguments import require_instance
from s3py_helper.storage.lazy_names import moved
from s3py_helper.storage.protocols import S3RawInfoService
from s3py_helper.storage.s3raw.client.s3_client import S3Client


class S3RawInfoServiceImpl(InfoService):
    """Describes files whose ids read `bucket/key`.

    Args:
        s3_client: The client, open while the service is used.

    Attributes:
        locator: Where it looks for files.
    """

    def __init__(self, s3_client: S3Client) -> None:
        require_instance(s3_client, S3Client, "s3_client")
        self.locator = s3_client.locator()
        super().__init__(self.locator)


_: type[S3RawInfoService] = S3RawInfoServiceImpl

if not TYPE_CHECKING:
    __getattr__ = moved(
        __name__,
        {
            "s3py_helper.storage": "FileBasicInfo FileNotFoundException StorageOperationException",
            "s3py_helper.storage.legacy": "REAL_FILE_NAME_KEY parse_s3_file_id",
        },
    )
