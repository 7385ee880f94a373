"""What raw FastDFS services offer, for applications that bring a stand-in of their own."""

from collections.abc import AsyncIterator
from typing import BinaryIO, Protocol

from s3py_helper.application.upload import UploadedFile
from s3py_helper.domain.files import FileAttach
from s3py_helper.storage.fusion.protocols import FusionDeleteService, FusionDownloadService, FusionInfoService


class FastdfsUploadService(Protocol):
    """Stores files in FastDFS, which knows neither folders nor buckets."""

    async def upload_bytes(self, file_name: str, content: bytes) -> FileAttach:
        """Store bytes that are in memory."""
        ...

    async def upload_stream(
        self, file_name: str, stream: BinaryIO | AsyncIterator[bytes], file_size: int
    ) -> FileAttach:
        """Store what a binary file object or an async iterator yields."""
        ...

    async def upload_file(self, file: UploadedFile) -> FileAttach:
        """Store a FastAPI `UploadFile`."""
        ...

    async def upload_files(self, files: list[UploadedFile]) -> list[FileAttach]:
        """Store several files; the results are in their order."""
        ...


class FastdfsDownloadService(FusionDownloadService, Protocol):
    """Reads files from FastDFS."""


class FastdfsDeleteService(FusionDeleteService, Protocol):
    """Removes files from FastDFS."""


class FastdfsInfoService(FusionInfoService, Protocol):
    """Describes files in FastDFS."""
