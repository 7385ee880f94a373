"""Reading files from FastDFS."""

from typing import TYPE_CHECKING

from s3py_helper.application.download import DownloadService
from s3py_helper.domain.arguments import require_instance
from s3py_helper.storage.fastdfs.client.fastdfs_client import FastdfsClient
from s3py_helper.storage.lazy_names import moved
from s3py_helper.storage.protocols import FastdfsDownloadService


class FastdfsDownloadServiceImpl(DownloadService):
    """Reads files, appender and slave files among them, whole or in part, also many as one archive.

    Args:
        fdfs_client: The client, open while the service is used.

    Attributes:
        locator: Where it looks for files.
    """

    def __init__(self, fdfs_client: FastdfsClient) -> None:
        self.locator = require_instance(fdfs_client, FastdfsClient, "fdfs_client").locator()
        super().__init__(self.locator)


_: type[FastdfsDownloadService] = FastdfsDownloadServiceImpl

if not TYPE_CHECKING:
    __getattr__ = moved(
        __name__, {"s3py_helper.storage": "FileDownload FileNotFoundException StorageOperationException"}
    )
