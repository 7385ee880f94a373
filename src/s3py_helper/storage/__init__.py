"""The public face of s3py-helper: everything that an application imports."""

from s3py_helper.application.copy import CopyService
from s3py_helper.application.delete import DeleteService
from s3py_helper.application.download import DownloadService, OpenFile
from s3py_helper.application.health import HealthReport, HealthService
from s3py_helper.application.info import InfoService
from s3py_helper.application.links import LinkService
from s3py_helper.application.listing import ListService
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.errors import (
    AccessDeniedException,
    DeleteNotSupportedException,
    FileNotFoundException,
    FileTooLargeException,
    IntegrityException,
    InvalidArgumentException,
    InvalidFileTypeException,
    InvalidRangeException,
    PreconditionFailedException,
    RouteNotSupportedException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.files import FileAttach, FileBasicInfo, FileDownload, FileType, FileUploadLink
from s3py_helper.domain.routing import StorageMode
from s3py_helper.domain.validation import FileValidatorImpl
from s3py_helper.entrypoints.container.config import (
    FastdfsConfig,
    FilesystemConfig,
    FusionConfig,
    S3Config,
    S3PerfConfig,
)
from s3py_helper.storage.manager import StorageManager
from s3py_helper.storage.mode import StorageModeConfig

__all__ = [
    "AccessDeniedException",
    "Backend",
    "ByteRange",
    "CopyService",
    "DeleteNotSupportedException",
    "DeleteService",
    "DownloadService",
    "FastdfsConfig",
    "FileAttach",
    "FileBasicInfo",
    "FileDownload",
    "FileId",
    "FileNotFoundException",
    "FileTooLargeException",
    "FileType",
    "FileTypeConfig",
    "FileUploadLink",
    "FileValidatorImpl",
    "FilesystemConfig",
    "FusionConfig",
    "HealthReport",
    "HealthService",
    "InfoService",
    "IntegrityException",
    "InvalidArgumentException",
    "InvalidFileTypeException",
    "InvalidRangeException",
    "LinkService",
    "ListService",
    "OpenFile",
    "PreconditionFailedException",
    "RouteNotSupportedException",
    "S3Config",
    "S3PerfConfig",
    "Span",
    "StorageException",
    "StorageManager",
    "StorageMode",
    "StorageModeConfig",
    "StorageOperationException",
    "StorageUnavailableException",
    "UploadService",
]
