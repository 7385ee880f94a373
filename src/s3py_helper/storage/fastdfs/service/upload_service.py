"""Storing files in FastDFS."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from s3py_helper.application.streams.sources import ByteSource, UploadedFile
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.arguments import require_instance
from s3py_helper.domain.files import FileAttach
from s3py_helper.storage.fastdfs.client.fastdfs_client import FastdfsClient
from s3py_helper.storage.lazy_names import moved
from s3py_helper.storage.protocols import FastdfsUploadService


class FastdfsUploadServiceImpl:
    """Stores files without validating names and types. FastDFS chooses group and name; it has no folders.

    The original name is kept in the metadata, under `OriginFileName`. Metadata names have up to 64 bytes of UTF-8,
    values up to 256.

    Args:
        fdfs_client: The client, open while the service is used.

    Attributes:
        locator: Where it stores files.
    """

    def __init__(self, fdfs_client: FastdfsClient) -> None:
        self.locator = require_instance(fdfs_client, FastdfsClient, "fdfs_client").locator()
        self._service = UploadService(self.locator)

    async def upload_bytes(
        self, file_name: str, content: bytes | bytearray | memoryview, metadata: Mapping[str, str] | None = None
    ) -> FileAttach:
        """Store bytes that are in memory.

        Args:
            file_name: The file's name. Its extension becomes part of the id where FastDFS takes it (6 characters).
            content: The bytes.
            metadata: Pairs of your own.

        Returns:
            The id, and what is known of the file.

        Raises:
            InvalidArgumentException: Name or metadata are not valid.
            StorageOperationException: FastDFS failed; nothing was stored.
        """
        return await self._service.upload_bytes(file_name, content, metadata=metadata)

    async def upload_stream(
        self,
        file_name: str,
        stream: ByteSource,
        file_size: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> FileAttach:
        """Store what a binary file object or an async iterator of bytes yields; memory stays bounded.

        Args:
            file_name: The file's name. Its extension becomes part of the id where FastDFS takes it (6 characters).
            stream: The source. A file object is read from where it stands, and is not closed.
            file_size: The exact number of bytes, or `None` when it is not known.
            metadata: Pairs of your own.

        Returns:
            The id, and what is known of the file.

        Raises:
            InvalidArgumentException: Name or metadata are not valid, or the size is not the declared one.
            StorageOperationException: FastDFS failed; nothing was stored.
        """
        return await self._service.upload_stream(file_name, stream, file_size, metadata=metadata)

    async def upload_file(self, file: UploadedFile, metadata: Mapping[str, str] | None = None) -> FileAttach:
        """Store a FastAPI `UploadFile` from its first byte, whatever was read of it before.

        Args:
            file: The file; it has a file name.
            metadata: Pairs of your own.

        Returns:
            The id, and what is known of the file.

        Raises:
            InvalidArgumentException: The file has no name, or metadata are not valid.
            StorageOperationException: FastDFS failed; nothing was stored.
        """
        return await self._service.upload_file(file, metadata=metadata)

    async def upload_files(
        self, files: Iterable[UploadedFile], metadata: Mapping[str, str] | None = None
    ) -> list[FileAttach]:
        """Store several files, all or none; a bounded number is stored at a time.

        Args:
            files: The files; each has a file name.
            metadata: Pairs of your own, which every file gets.

        Returns:
            One result for each file, in order.

        Raises:
            InvalidArgumentException: A file has no name, or metadata are not valid.
            StorageOperationException: FastDFS failed; nothing was stored. `file_name` says for which file.
        """
        return await self._service.upload_files(files, metadata=metadata)


_: type[FastdfsUploadService] = FastdfsUploadServiceImpl

if not TYPE_CHECKING:
    __getattr__ = moved(__name__, {"s3py_helper.storage": "FileAttach StorageOperationException"})
