"""Services that route each id to its backend, assembled from raw services."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3py_helper.storage.fusion.router.file_id_router import FileIdRouterImpl as FileIdRouterImpl
    from s3py_helper.storage.fusion.service.delete_service import FusionDeleteServiceImpl as FusionDeleteServiceImpl
    from s3py_helper.storage.fusion.service.download_service import (
        FusionDownloadServiceImpl as FusionDownloadServiceImpl,
    )
    from s3py_helper.storage.fusion.service.info_service import FusionInfoServiceImpl as FusionInfoServiceImpl
    from s3py_helper.storage.fusion.service.upload_service import FusionUploadServiceImpl as FusionUploadServiceImpl
    from s3py_helper.storage.protocols import FusionDeleteService as FusionDeleteService
    from s3py_helper.storage.protocols import FusionDownloadService as FusionDownloadService
    from s3py_helper.storage.protocols import FusionInfoService as FusionInfoService
    from s3py_helper.storage.protocols import FusionUploadService as FusionUploadService
else:
    from s3py_helper.storage.lazy_names import import_on_use

    __getattr__, __dir__ = import_on_use(
        __name__,
        {
            "s3py_helper.storage.protocols": """
                FusionDeleteService FusionDownloadService FusionInfoService FusionUploadService
            """,
            "s3py_helper.storage.fusion.router.file_id_router": "FileIdRouterImpl",
            "s3py_helper.storage.fusion.service.delete_service": "FusionDeleteServiceImpl",
            "s3py_helper.storage.fusion.service.download_service": "FusionDownloadServiceImpl",
            "s3py_helper.storage.fusion.service.info_service": "FusionInfoServiceImpl",
            "s3py_helper.storage.fusion.service.upload_service": "FusionUploadServiceImpl",
        },
    )
