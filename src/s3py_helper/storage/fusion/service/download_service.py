"""Reading files from the backends that their ids name."""

from typing import TYPE_CHECKING

from s3py_helper.application.download import DownloadService
from s3py_helper.entrypoints.container.config import FusionConfig
from s3py_helper.storage.fastdfs.service.download_service import FastdfsDownloadServiceImpl
from s3py_helper.storage.fusion.assembly import fused
from s3py_helper.storage.fusion.router.file_id_router import FileIdRouterImpl
from s3py_helper.storage.lazy_names import moved
from s3py_helper.storage.protocols import FusionDownloadService
from s3py_helper.storage.s3raw.service.download_service import S3RawDownloadServiceImpl


class FusionDownloadServiceImpl(DownloadService):
    """Reads files from S3 and FastDFS; an archive may have files of both.

    Args:
        s3_download_service: Reads ids with the prefix `s3:`; without it they are refused.
        fdfs_download_service: Reads all other ids; without it they are refused.
        router: Not asked: a prefix always means the same backend.
        config: Whether files in FastDFS may be read.

    Raises:
        InvalidArgumentException: Both services are missing.
    """

    def __init__(
        self,
        s3_download_service: S3RawDownloadServiceImpl | None,
        fdfs_download_service: FastdfsDownloadServiceImpl | None,
        router: FileIdRouterImpl,  # noqa: ARG002 - part of the published signature
        config: FusionConfig | None = None,
    ) -> None:
        super().__init__(fused(s3_download_service, fdfs_download_service, config))


_: type[FusionDownloadService] = FusionDownloadServiceImpl

if not TYPE_CHECKING:
    __getattr__ = moved(
        __name__,
        {
            "s3py_helper.storage": "FileDownload RouteNotSupportedException",
            "s3py_helper.storage.legacy": "AsyncQueueWriter BinaryWriteable",
        },
    )
