"""Reading files from S3."""

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.application.download import DownloadService
from s3py_helper.storage.s3raw.client.s3_client import S3Client


class S3RawDownloadServiceImpl(DownloadService):
    """Reads files whose ids read `bucket/key`.

    Args:
        s3_client: The client, open while the service is used.
        perf: Chunk size and retries, if others than the client's.
    """

    def __init__(self, s3_client: S3Client, perf: S3PerfConfig | None = None) -> None:
        super().__init__(s3_client.locator(perf=perf))
