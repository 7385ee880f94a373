"""The public face of s3py-helper: everything that an application imports.

Names are imported when they are first used: who only wants the exceptions does not wait for what reads the settings.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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
        BucketNotFoundException,
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
    "BucketNotFoundException",
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

_HOMES: Final = {
    "s3py_helper.application.copy": ("CopyService",),
    "s3py_helper.application.delete": ("DeleteService",),
    "s3py_helper.application.download": (
        "DownloadService",
        "OpenFile",
    ),
    "s3py_helper.application.health": (
        "HealthReport",
        "HealthService",
    ),
    "s3py_helper.application.info": ("InfoService",),
    "s3py_helper.application.links": ("LinkService",),
    "s3py_helper.application.listing": ("ListService",),
    "s3py_helper.application.upload": ("UploadService",),
    "s3py_helper.domain.byte_range": (
        "ByteRange",
        "Span",
    ),
    "s3py_helper.domain.errors": (
        "AccessDeniedException",
        "BucketNotFoundException",
        "DeleteNotSupportedException",
        "FileNotFoundException",
        "FileTooLargeException",
        "IntegrityException",
        "InvalidArgumentException",
        "InvalidFileTypeException",
        "InvalidRangeException",
        "PreconditionFailedException",
        "RouteNotSupportedException",
        "StorageException",
        "StorageOperationException",
        "StorageUnavailableException",
    ),
    "s3py_helper.domain.file_id": (
        "Backend",
        "FileId",
    ),
    "s3py_helper.domain.file_type": ("FileTypeConfig",),
    "s3py_helper.domain.files": (
        "FileAttach",
        "FileBasicInfo",
        "FileDownload",
        "FileType",
        "FileUploadLink",
    ),
    "s3py_helper.domain.routing": ("StorageMode",),
    "s3py_helper.domain.validation": ("FileValidatorImpl",),
    "s3py_helper.entrypoints.container.config": (
        "FastdfsConfig",
        "FilesystemConfig",
        "FusionConfig",
        "S3Config",
        "S3PerfConfig",
    ),
    "s3py_helper.storage.manager": ("StorageManager",),
    "s3py_helper.storage.mode": ("StorageModeConfig",),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}


if not TYPE_CHECKING:  # a type checker that saw this function would take any misspelt name for a public one

    def __getattr__(name: str) -> object:
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
