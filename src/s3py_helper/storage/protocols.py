"""What the services of the three packages offer, for applications that bring a stand-in of their own."""

from collections.abc import AsyncIterator
from typing import BinaryIO, Protocol

from s3py_helper.application.streams.sources import UploadedFile
from s3py_helper.domain.files import FileAttach, FileBasicInfo, FileDownload


class FusionUploadService(Protocol):
    """Stores files."""

    async def upload_bytes(
        self, file_name: str, content: bytes, folder: str | None = None, bucket: str | None = None
    ) -> FileAttach:
        """Store bytes that are in memory."""
        ...

    async def upload_stream(
        self,
        file_name: str,
        stream: BinaryIO | AsyncIterator[bytes],
        file_size: int,
        folder: str | None = None,
        bucket: str | None = None,
    ) -> FileAttach:
        """Store what a binary file object or an async iterator yields."""
        ...

    async def upload_file(self, file: UploadedFile, folder: str | None = None, bucket: str | None = None) -> FileAttach:
        """Store a FastAPI `UploadFile`."""
        ...

    async def upload_files(
        self, files: list[UploadedFile], folder: str | None = None, bucket: str | None = None
    ) -> list[FileAttach]:
        """Store several files; the results are in their order."""
        ...


class FusionDownloadService(Protocol):
    """Reads files."""

    async def download_bytes(self, file_id: str) -> bytes:
        """The whole file in memory."""
        ...

    async def download_to_stream(self, file_id: str, out: BinaryIO) -> None:
        """Write the file to `out`."""
        ...

    def download_to_generator(self, file_id: str) -> AsyncIterator[bytes]:
        """Yield the file piece by piece."""
        ...

    async def download_files_as_zip(self, files: list[FileDownload], out: BinaryIO) -> None:
        """Write a zip archive of the files to `out`."""
        ...


class FusionDeleteService(Protocol):
    """Removes files."""

    async def delete_file(self, file_id: str) -> None:
        """Remove a file."""
        ...


class FusionInfoService(Protocol):
    """Describes files."""

    async def get_file_info(self, file_id: str) -> FileBasicInfo:
        """What is known of a file."""
        ...


class S3RawUploadService(FusionUploadService, Protocol):
    """Stores files in S3."""


class S3RawDownloadService(FusionDownloadService, Protocol):
    """Reads files from S3."""


class S3RawDeleteService(FusionDeleteService, Protocol):
    """Removes files from S3."""


class S3RawInfoService(FusionInfoService, Protocol):
    """Describes files in S3."""


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
