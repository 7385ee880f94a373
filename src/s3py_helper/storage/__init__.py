"""The public face of s3py-helper: everything that an application imports.

Names are imported when they are first used: an application that only needs the exceptions does not load the settings.
"""

from typing import TYPE_CHECKING

# Type checkers read the first list and Python the second; a test compares them.
if TYPE_CHECKING:
    from s3py_helper.application.copy import CopyService as CopyService
    from s3py_helper.application.delete import DeleteService as DeleteService
    from s3py_helper.application.download import DownloadService as DownloadService
    from s3py_helper.application.download import OpenFile as OpenFile
    from s3py_helper.application.health import HealthReport as HealthReport
    from s3py_helper.application.health import HealthService as HealthService
    from s3py_helper.application.info import InfoService as InfoService
    from s3py_helper.application.links import LinkService as LinkService
    from s3py_helper.application.listing import ListService as ListService
    from s3py_helper.application.ports.observer import ConnectionReplaced as ConnectionReplaced
    from s3py_helper.application.ports.observer import DownloadResumed as DownloadResumed
    from s3py_helper.application.ports.observer import Event as Event
    from s3py_helper.application.ports.observer import FailedOver as FailedOver
    from s3py_helper.application.ports.observer import FallbackTaken as FallbackTaken
    from s3py_helper.application.ports.observer import Observer as Observer
    from s3py_helper.application.ports.observer import OperationBegan as OperationBegan
    from s3py_helper.application.ports.observer import OperationEnded as OperationEnded
    from s3py_helper.application.ports.observer import PoolWaited as PoolWaited
    from s3py_helper.application.ports.observer import RequestRetried as RequestRetried
    from s3py_helper.application.ports.observer import RollbackFailed as RollbackFailed
    from s3py_helper.application.ports.region import Region as Region
    from s3py_helper.application.service_links import ReadGrant as ReadGrant
    from s3py_helper.application.service_links import ServiceLinks as ServiceLinks
    from s3py_helper.application.service_links import WriteGrant as WriteGrant
    from s3py_helper.application.services import FileServices as FileServices
    from s3py_helper.application.streams.progress import Progress as Progress
    from s3py_helper.application.streams.sources import AsyncReadable as AsyncReadable
    from s3py_helper.application.streams.sources import ByteSource as ByteSource
    from s3py_helper.application.streams.sources import FormFile as FormFile
    from s3py_helper.application.streams.sources import UploadedFile as UploadedFile
    from s3py_helper.application.upload import UploadService as UploadService
    from s3py_helper.application.zip.archive import LeftOut as LeftOut
    from s3py_helper.application.zip.options import Compression as Compression
    from s3py_helper.application.zip.options import OnError as OnError
    from s3py_helper.application.zip.plan import ZipPlan as ZipPlan
    from s3py_helper.domain.byte_range import ByteRange as ByteRange
    from s3py_helper.domain.byte_range import Span as Span
    from s3py_helper.domain.errors import AccessDeniedException as AccessDeniedException
    from s3py_helper.domain.errors import BucketNotFoundException as BucketNotFoundException
    from s3py_helper.domain.errors import DeleteNotSupportedException as DeleteNotSupportedException
    from s3py_helper.domain.errors import FileNotFoundException as FileNotFoundException
    from s3py_helper.domain.errors import FileTooLargeException as FileTooLargeException
    from s3py_helper.domain.errors import FileTypeMismatchException as FileTypeMismatchException
    from s3py_helper.domain.errors import IntegrityException as IntegrityException
    from s3py_helper.domain.errors import InvalidArgumentException as InvalidArgumentException
    from s3py_helper.domain.errors import InvalidFileTypeException as InvalidFileTypeException
    from s3py_helper.domain.errors import InvalidRangeException as InvalidRangeException
    from s3py_helper.domain.errors import LinkNotValidException as LinkNotValidException
    from s3py_helper.domain.errors import PreconditionFailedException as PreconditionFailedException
    from s3py_helper.domain.errors import RouteNotSupportedException as RouteNotSupportedException
    from s3py_helper.domain.errors import StorageException as StorageException
    from s3py_helper.domain.errors import StorageOperationException as StorageOperationException
    from s3py_helper.domain.errors import StorageUnavailableException as StorageUnavailableException
    from s3py_helper.domain.file_id import Backend as Backend
    from s3py_helper.domain.file_id import FileId as FileId
    from s3py_helper.domain.file_type import FileTypeConfig as FileTypeConfig
    from s3py_helper.domain.files import FileAttach as FileAttach
    from s3py_helper.domain.files import FileBasicInfo as FileBasicInfo
    from s3py_helper.domain.files import FileDownload as FileDownload
    from s3py_helper.domain.files import FilePage as FilePage
    from s3py_helper.domain.files import FileType as FileType
    from s3py_helper.domain.files import FileUploadLink as FileUploadLink
    from s3py_helper.domain.routing import StorageMode as StorageMode
    from s3py_helper.domain.signed_link import LinkKey as LinkKey
    from s3py_helper.domain.signed_link import LinkKeys as LinkKeys
    from s3py_helper.domain.signed_link import LinkMethods as LinkMethods
    from s3py_helper.domain.validation import FileValidatorImpl as FileValidatorImpl
    from s3py_helper.entrypoints.container.config import FastdfsConfig as FastdfsConfig
    from s3py_helper.entrypoints.container.config import FastdfsLinksConfig as FastdfsLinksConfig
    from s3py_helper.entrypoints.container.config import FilesystemConfig as FilesystemConfig
    from s3py_helper.entrypoints.container.config import FusionConfig as FusionConfig
    from s3py_helper.entrypoints.container.config import MigrationConfig as MigrationConfig
    from s3py_helper.entrypoints.container.config import S3Config as S3Config
    from s3py_helper.entrypoints.container.config import S3PerfConfig as S3PerfConfig
    from s3py_helper.entrypoints.container.mounts import Mount as Mount
    from s3py_helper.storage.fusion.router.file_id_router import FileIdRouterImpl as FileIdRouterImpl
    from s3py_helper.storage.fusion.service.delete_service import FusionDeleteServiceImpl as FusionDeleteServiceImpl
    from s3py_helper.storage.fusion.service.download_service import (
        FusionDownloadServiceImpl as FusionDownloadServiceImpl,
    )
    from s3py_helper.storage.fusion.service.info_service import FusionInfoServiceImpl as FusionInfoServiceImpl
    from s3py_helper.storage.fusion.service.upload_service import FusionUploadServiceImpl as FusionUploadServiceImpl
    from s3py_helper.storage.manager import StorageManager as StorageManager
    from s3py_helper.storage.mode import StorageModeConfig as StorageModeConfig
    from s3py_helper.storage.protocols import FusionDeleteService as FusionDeleteService
    from s3py_helper.storage.protocols import FusionDownloadService as FusionDownloadService
    from s3py_helper.storage.protocols import FusionInfoService as FusionInfoService
    from s3py_helper.storage.protocols import FusionUploadService as FusionUploadService
else:
    from s3py_helper.storage.lazy_names import import_on_use

    __getattr__, __dir__ = import_on_use(
        __name__,
        {
            "s3py_helper.application.copy": "CopyService",
            "s3py_helper.application.delete": "DeleteService",
            "s3py_helper.application.download": "DownloadService OpenFile",
            "s3py_helper.application.ports.region": "Region",
            "s3py_helper.application.health": "HealthReport HealthService",
            "s3py_helper.application.info": "InfoService",
            "s3py_helper.application.links": "LinkService",
            "s3py_helper.application.listing": "ListService",
            "s3py_helper.application.ports.observer": """
                ConnectionReplaced DownloadResumed Event FailedOver FallbackTaken Observer OperationBegan
                OperationEnded PoolWaited RequestRetried RollbackFailed
            """,
            "s3py_helper.application.service_links": "ReadGrant ServiceLinks WriteGrant",
            "s3py_helper.application.services": "FileServices",
            "s3py_helper.application.streams.progress": "Progress",
            "s3py_helper.application.streams.sources": "AsyncReadable ByteSource FormFile UploadedFile",
            "s3py_helper.application.upload": "UploadService",
            "s3py_helper.application.zip.archive": "LeftOut",
            "s3py_helper.application.zip.options": "Compression OnError",
            "s3py_helper.application.zip.plan": "ZipPlan",
            "s3py_helper.domain.byte_range": "ByteRange Span",
            "s3py_helper.domain.errors": """
                AccessDeniedException BucketNotFoundException DeleteNotSupportedException FileNotFoundException
                FileTooLargeException FileTypeMismatchException IntegrityException
                InvalidArgumentException InvalidFileTypeException
                InvalidRangeException LinkNotValidException PreconditionFailedException RouteNotSupportedException
                StorageException
                StorageOperationException StorageUnavailableException
            """,
            "s3py_helper.domain.file_id": "Backend FileId",
            "s3py_helper.domain.file_type": "FileTypeConfig",
            "s3py_helper.domain.files": "FileAttach FileBasicInfo FileDownload FilePage FileType FileUploadLink",
            "s3py_helper.domain.routing": "StorageMode",
            "s3py_helper.domain.signed_link": "LinkKey LinkKeys LinkMethods",
            "s3py_helper.domain.validation": "FileValidatorImpl",
            "s3py_helper.entrypoints.container.config": """
                FastdfsConfig FastdfsLinksConfig FilesystemConfig FusionConfig MigrationConfig S3Config
                S3PerfConfig
            """,
            "s3py_helper.entrypoints.container.mounts": "Mount",
            "s3py_helper.storage.protocols": """
                FusionDeleteService FusionDownloadService FusionInfoService FusionUploadService
            """,
            "s3py_helper.storage.fusion.router.file_id_router": "FileIdRouterImpl",
            "s3py_helper.storage.fusion.service.delete_service": "FusionDeleteServiceImpl",
            "s3py_helper.storage.fusion.service.download_service": "FusionDownloadServiceImpl",
            "s3py_helper.storage.fusion.service.info_service": "FusionInfoServiceImpl",
            "s3py_helper.storage.fusion.service.upload_service": "FusionUploadServiceImpl",
            "s3py_helper.storage.manager": "StorageManager",
            "s3py_helper.storage.mode": "StorageModeConfig",
        },
    )
