"""Storing files in the backend that takes new ones."""

from typing import TYPE_CHECKING

from s3py_helper.application.upload import UploadService
from s3py_helper.domain.arguments import require_method
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.routing import StorageMode
from s3py_helper.domain.text_rules import shortened
from s3py_helper.domain.validation import FileValidatorImpl
from s3py_helper.entrypoints.container.signatures import signatures_for
from s3py_helper.storage.fastdfs.service.upload_service import FastdfsUploadServiceImpl
from s3py_helper.storage.fusion.assembly import fused
from s3py_helper.storage.fusion.router.file_id_router import FileIdRouterImpl
from s3py_helper.storage.lazy_names import moved
from s3py_helper.storage.protocols import FusionUploadService
from s3py_helper.storage.s3raw.service.upload_service import S3RawUploadServiceImpl


class FusionUploadServiceImpl(UploadService):
    """Stores files in S3, or in FastDFS in the mode `fastdfs`; ids have the prefix of their backend.

    Args:
        s3_upload_service: Needed in the modes `s3` and `hybrid`.
        validator: Rules for names, types and sizes.
        router: Not asked: a prefix always means the same backend.
        fdfs_upload_service: Needed in the mode `fastdfs`.
        mode: Which of the two takes new files.

    Raises:
        InvalidArgumentException: The service that the mode needs is missing, or the mode is none of these three.
    """

    def __init__(
        self,
        s3_upload_service: S3RawUploadServiceImpl | None,
        validator: FileValidatorImpl,
        router: FileIdRouterImpl,  # noqa: ARG002 - part of the published signature
        fdfs_upload_service: FastdfsUploadServiceImpl | None = None,
        mode: StorageMode = StorageMode.HYBRID,
    ) -> None:
        require_method(validator, "validate_file_name", "validator")
        if mode not in (StorageMode.S3, StorageMode.HYBRID, StorageMode.FASTDFS):
            raise InvalidArgumentException(
                f"fusion services know the modes s3, fastdfs and hybrid, not {shortened(mode)}"
            )
        to_fastdfs = mode == StorageMode.FASTDFS
        needed, name = (
            (fdfs_upload_service, "fdfs_upload_service") if to_fastdfs else (s3_upload_service, "s3_upload_service")
        )
        if needed is None:
            raise InvalidArgumentException(f"mode '{mode}' needs {name}")
        super().__init__(
            fused(None, fdfs_upload_service) if to_fastdfs else fused(s3_upload_service, None),
            validator,
            signatures=signatures_for(validator),
        )


_: type[FusionUploadService] = FusionUploadServiceImpl

if not TYPE_CHECKING:
    __getattr__ = moved(__name__, {"s3py_helper.storage": "FileAttach"})
