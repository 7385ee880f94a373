"""Reading files from S3."""

import warnings
from typing import TYPE_CHECKING

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.application.download import DownloadService
from s3py_helper.domain.archive_name import safe_entry_name
from s3py_helper.domain.arguments import require_instance, require_optional_instance
from s3py_helper.domain.files import FileDownload
from s3py_helper.domain.object_key import name_in_key
from s3py_helper.storage.lazy_names import moved
from s3py_helper.storage.protocols import S3RawDownloadService
from s3py_helper.storage.s3raw.client.s3_client import S3Client


class S3RawDownloadServiceImpl(DownloadService):
    """Reads files whose ids read `bucket/key`.

    Args:
        s3_client: The client, open while the service is used.
        perf_config: Chunk size and retries, if others than the client's.

    Attributes:
        locator: Where it looks for files.
    """

    def __init__(self, s3_client: S3Client, perf_config: S3PerfConfig | None = None) -> None:
        require_instance(s3_client, S3Client, "s3_client")
        require_optional_instance(perf_config, S3PerfConfig, "perf_config")
        self.locator = s3_client.locator(perf=perf_config)
        super().__init__(self.locator)

    @staticmethod
    def safe_zip_entry_name(file_download: FileDownload) -> str:
        """Deprecated: archives make the names of their entries safe by themselves, and keep their folders."""
        warnings.warn(
            "safe_zip_entry_name is of no use any more: archives make names safe by themselves",
            DeprecationWarning,
            stacklevel=2,
        )
        name = file_download.file_name or name_in_key(file_download.file_id)
        return safe_entry_name(name).rpartition("/")[2]


_: type[S3RawDownloadService] = S3RawDownloadServiceImpl

if not TYPE_CHECKING:
    __getattr__ = moved(
        __name__,
        {
            "s3py_helper.storage": "FileNotFoundException StorageOperationException",
            "s3py_helper.storage.legacy": "AsyncQueueWriter BinaryWriteable parse_s3_file_id",
        },
    )
