"""Storing files in S3."""

from typing import TYPE_CHECKING

from s3py_helper.adapters.s3.config import S3Config, S3PerfConfig
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.arguments import require_instance, require_optional_instance
from s3py_helper.storage.lazy_names import moved
from s3py_helper.storage.protocols import S3RawUploadService
from s3py_helper.storage.s3raw.client.s3_client import S3Client


class S3RawUploadServiceImpl(UploadService):
    """Stores files without validating names and types; ids read `bucket/key`.

    Args:
        s3_client: The client, open while the service is used.
        config: Says where files go that name no bucket, and how large parts are.
        perf_config: How large parts are, if not as `config` says.

    Attributes:
        locator: Where it stores files.
    """

    def __init__(self, s3_client: S3Client, config: S3Config, perf_config: S3PerfConfig | None = None) -> None:
        require_instance(s3_client, S3Client, "s3_client")
        require_instance(config, S3Config, "config")
        require_optional_instance(perf_config, S3PerfConfig, "perf_config")
        self.locator = s3_client.locator(default_bucket=config.default_bucket, perf=perf_config or config.perf)
        super().__init__(self.locator)


_: type[S3RawUploadService] = S3RawUploadServiceImpl

if not TYPE_CHECKING:
    __getattr__ = moved(
        __name__,
        {
            "s3py_helper.storage": "FileAttach",
            "s3py_helper.storage.legacy": "REAL_FILE_NAME_KEY build_s3_file_id generate_object_key",
            "s3py_helper.storage.s3raw": "CompletedPart S3MultipartUploadImpl",
        },
    )
