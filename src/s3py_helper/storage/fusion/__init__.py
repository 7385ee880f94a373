"""Services that route each id to its backend, assembled from raw services."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3py_helper.storage.fusion.protocols import FusionDeleteService as FusionDeleteService
    from s3py_helper.storage.fusion.protocols import FusionDownloadService as FusionDownloadService
    from s3py_helper.storage.fusion.protocols import FusionInfoService as FusionInfoService
    from s3py_helper.storage.fusion.protocols import FusionUploadService as FusionUploadService
    from s3py_helper.storage.fusion.router.file_id_router import FileIdRouterImpl as FileIdRouterImpl
else:
    from s3py_helper.storage.lazy_names import import_on_use

    __getattr__, __dir__ = import_on_use(
        __name__,
        {
            "s3py_helper.storage.fusion.protocols": """
                FusionDeleteService FusionDownloadService FusionInfoService FusionUploadService
            """,
            "s3py_helper.storage.fusion.router.file_id_router": "FileIdRouterImpl",
        },
    )
