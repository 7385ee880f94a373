"""Removing files from the backends that their ids name."""

from typing import TYPE_CHECKING

from s3py_helper.application.delete import DeleteService
from s3py_helper.entrypoints.container.config import FusionConfig
from s3py_helper.storage.fastdfs.service.delete_service import FastdfsDeleteServiceImpl
from s3py_helper.storage.fusion.assembly import fused
from s3py_helper.storage.fusion.router.file_id_router import FileIdRouterImpl
from s3py_helper.storage.lazy_names import moved
from s3py_helper.storage.protocols import FusionDeleteService
from s3py_helper.storage.s3raw.service.delete_service import S3RawDeleteServiceImpl


class FusionDeleteServiceImpl(DeleteService):
    """Removes files from S3 and FastDFS.

    Args:
        s3_delete_service: Removes files whose ids have the prefix `s3:`; without it they are refused.
        fdfs_delete_service: Removes all other files; without it they are refused.
        router: Not asked: a prefix always means the same backend.
        config: Whether files in FastDFS may be removed.

    Raises:
        InvalidArgumentException: Both services are missing.
    """

    def __init__(
        self,
        s3_delete_service: S3RawDeleteServiceImpl | None,
        fdfs_delete_service: FastdfsDeleteServiceImpl | None,
        router: FileIdRouterImpl,  # noqa: ARG002 - part of the published signature
        config: FusionConfig | None = None,
    ) -> None:
        super().__init__(fused(s3_delete_service, fdfs_delete_service, config))


_: type[FusionDeleteService] = FusionDeleteServiceImpl

if not TYPE_CHECKING:
    __getattr__ = moved(__name__, {"s3py_helper.storage": "DeleteNotSupportedException RouteNotSupportedException"})
