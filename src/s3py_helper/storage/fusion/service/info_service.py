"""Describing files, whichever backend holds them."""

from typing import TYPE_CHECKING

from s3py_helper.application.info import InfoService
from s3py_helper.storage.fastdfs.service.info_service import FastdfsInfoServiceImpl
from s3py_helper.storage.fusion.assembly import fused
from s3py_helper.storage.fusion.router.file_id_router import FileIdRouterImpl
from s3py_helper.storage.lazy_names import moved
from s3py_helper.storage.protocols import FusionInfoService
from s3py_helper.storage.s3raw.service.info_service import S3RawInfoServiceImpl


class FusionInfoServiceImpl(InfoService):
    """Describes files in S3 and FastDFS.

    Args:
        s3_info_service: Describes files whose ids have the prefix `s3:`; without it they are refused.
        fdfs_info_service: Describes all other files; without it they are refused.
        router: Not asked: a prefix always means the same backend.

    Raises:
        InvalidArgumentException: Both services are missing.
    """

    def __init__(
        self,
        s3_info_service: S3RawInfoServiceImpl | None,
        fdfs_info_service: FastdfsInfoServiceImpl | None,
        router: FileIdRouterImpl,  # noqa: ARG002 - part of the published signature
    ) -> None:
        super().__init__(fused(s3_info_service, fdfs_info_service))


_: type[FusionInfoService] = FusionInfoServiceImpl

if not TYPE_CHECKING:
    __getattr__ = moved(__name__, {"s3py_helper.storage": "FileBasicInfo RouteNotSupportedException"})
