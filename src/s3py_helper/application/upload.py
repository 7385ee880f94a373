"""Storing files."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from s3py_helper.application.concurrency.all_or_nothing import all_or_nothing
from s3py_helper.application.locator import Locator
from s3py_helper.application.new_files import NewFiles, Placement
from s3py_helper.application.ports.signatures import Signatures
from s3py_helper.application.streams.local_files import chunks_of_descriptor, open_to_read, require_path
from s3py_helper.application.streams.progress import Progress, require_progress, together
from s3py_helper.application.streams.sources import (
    ByteSource,
    UploadedFile,
    as_uploaded_file,
    bytes_in_memory,
    rewound,
)
from s3py_helper.domain.arguments import require_items, require_iterable, require_optional_number
from s3py_helper.domain.content_type import (
    is_content_type,
)
from s3py_helper.domain.errors import InvalidArgumentException, StorageException
from s3py_helper.domain.files import FileAttach
from s3py_helper.domain.object_key import given_object_key, new_object_key
from s3py_helper.domain.text_rules import require_text
from s3py_helper.domain.validation import FileValidatorImpl

DEFAULT_CONCURRENT_FILES: Final = 16


class UploadService:
    """Stores files in the backend that takes new ones.

    Every method validates name, type, size and metadata first, and stores nothing unless all bytes have arrived, as
    many as were declared. A cancelled call leaves nothing behind.

    Args:
        locator: Knows where new files go.
        validator: Rules for names, types and sizes.
        concurrent_files: How many files of one call are stored at a time.
        signatures: Where given, the first bytes of every file are compared with its type.
    """

    def __init__(
        self,
        locator: Locator,
        validator: FileValidatorImpl | None = None,
        *,
        concurrent_files: int = DEFAULT_CONCURRENT_FILES,
        signatures: Signatures | None = None,
    ) -> None:
        self._locator = locator
        self._files = NewFiles(locator, validator, signatures)
        self._concurrent_files = concurrent_files

    async def upload_bytes(
        self,
        file_name: str,
        content: bytes | bytearray | memoryview,
        folder: str | None = None,
        bucket: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        content_type: str | None = None,
        progress: Progress | None = None,
    ) -> FileAttach:
        """Store bytes that are in memory.

        Args:
            file_name: The file's name, without folders.
            content: The bytes.
            folder: Front of the object key, as in `reports/2026`; FastDFS has no folders and ignores it.
            bucket: Where to store instead of the default bucket; FastDFS chooses its group itself and ignores it.
            metadata: Pairs of your own. S3 keeps 2 KiB in all, FastDFS names of 64 and values of 256 bytes.
            content_type: Media type; by default it is guessed from the name and the first bytes.
            progress: Called with the bytes read so far and, where it is known, the total.

        Returns:
            The id to keep, and what is known of the file.

        Raises:
            InvalidArgumentException: Name, folder, bucket or metadata are not valid.
            InvalidFileTypeException: The type is not allowed.
            FileTooLargeException: There are more bytes than allowed.
            BucketNotFoundException: There is no such bucket.
            RouteNotSupportedException: The bucket is not served here.
            StorageOperationException: The backend failed; nothing was stored.
        """
        whole = bytes_in_memory(content)
        return await self._files.store(
            file_name, whole, len(whole), Placement(folder, bucket, metadata, progress), content_type
        )

    async def upload_stream(
        self,
        file_name: str,
        stream: ByteSource,
        file_size: int | None = None,
        folder: str | None = None,
        bucket: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        content_type: str | None = None,
        progress: Progress | None = None,
    ) -> FileAttach:
        """Store what a binary file object or an async iterator of bytes yields; memory stays bounded.

        Args:
            file_name: The file's name, without folders.
            stream: The source. A file object is read from where it stands; it is not closed.
            file_size: The exact number of bytes, or `None` when it is not known.
            folder: Front of the object key, as in `reports/2026`; FastDFS has no folders and ignores it.
            bucket: Where to store instead of the default bucket; FastDFS chooses its group itself and ignores it.
            metadata: Pairs of your own. S3 keeps 2 KiB in all, FastDFS names of 64 and values of 256 bytes.
            content_type: Media type; by default it is guessed from the name and the first bytes.
            progress: Called with the bytes read so far and, where it is known, the total.

        Returns:
            The id to keep, and what is known of the file.

        Raises:
            InvalidArgumentException: Name, folder, bucket or metadata are not valid, or the size is another.
            InvalidFileTypeException: The type is not allowed.
            FileTooLargeException: There are more bytes than allowed, declared or seen.
            BucketNotFoundException: There is no such bucket.
            RouteNotSupportedException: The bucket is not served here.
            StorageOperationException: The backend failed; nothing was stored.
        """
        require_optional_number(file_size, "a file size")
        return await self._files.store(
            file_name, stream, file_size, Placement(folder, bucket, metadata, progress), content_type
        )

    async def upload_path(
        self,
        path: str | Path,
        file_name: str | None = None,
        folder: str | None = None,
        bucket: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        content_type: str | None = None,
        progress: Progress | None = None,
    ) -> FileAttach:
        """Store a file of the local disk, without blocking the event loop.

        Args:
            path: Where it is; a regular file, or a link to one.
            file_name: The name to store it under, instead of its own.
            folder: Front of the object key, as in `reports/2026`; FastDFS has no folders and ignores it.
            bucket: Where to store instead of the default bucket; FastDFS chooses its group itself and ignores it.
            metadata: Pairs of your own. S3 keeps 2 KiB in all, FastDFS names of 64 and values of 256 bytes.
            content_type: Media type; by default it is guessed from the name and the first bytes.
            progress: Called with the bytes read so far and, where it is known, the total.

        Returns:
            The id to keep, and what is known of the file.

        Raises:
            OSError: The file cannot be opened or read, or is missing: Python's own error, not one of storage.
            InvalidArgumentException: It is not the path of a regular file, the file grew or shrank meanwhile, or name,
                folder, bucket or metadata are not valid.
            InvalidFileTypeException: The type is not allowed.
            FileTooLargeException: There are more bytes than allowed.
            BucketNotFoundException: There is no such bucket.
            RouteNotSupportedException: The bucket is not served here.
            StorageOperationException: The backend failed; nothing was stored.
        """
        source = require_path(path, "the path of the file to store")
        placement = Placement(folder, bucket, metadata, progress)
        async with open_to_read(source) as (descriptor, size):
            name = source.name if file_name is None else file_name
            return await self._files.store(name, chunks_of_descriptor(descriptor), size, placement, content_type)

    async def upload_file(
        self,
        file: UploadedFile,
        folder: str | None = None,
        bucket: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        progress: Progress | None = None,
    ) -> FileAttach:
        """Store a FastAPI `UploadFile` from its first byte, whatever was read of it before.

        Args:
            file: The file; it has a name, and its media type is kept where it is valid.
            folder: Front of the object key, as in `reports/2026`; FastDFS has no folders and ignores it.
            bucket: Where to store instead of the default bucket; FastDFS chooses its group itself and ignores it.
            metadata: Pairs of your own. S3 keeps 2 KiB in all, FastDFS names of 64 and values of 256 bytes.
            progress: Called with the bytes read so far and, where it is known, the total.

        Returns:
            The id to keep, and what is known of the file.

        Raises:
            InvalidArgumentException: Name, folder, bucket or metadata are not valid, or the size is another.
            InvalidFileTypeException: The type is not allowed.
            FileTooLargeException: There are more bytes than allowed, declared or seen.
            BucketNotFoundException: There is no such bucket.
            RouteNotSupportedException: The bucket is not served here.
            StorageOperationException: The backend failed; nothing was stored.
        """
        return await self._store_form_file(file, Placement(folder, bucket, metadata, progress))

    async def upload_files(
        self,
        files: Iterable[UploadedFile],
        folder: str | None = None,
        bucket: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        progress: Progress | None = None,
    ) -> list[FileAttach]:
        """Store several files, a bounded number at a time.

        All or nothing: when one fails, the others are cancelled and those already stored are deleted again. The error
        is that of the file that failed first; its `file_name` says which.

        Args:
            files: The files; each has a name.
            folder: Front of all object keys, as in `reports/2026`; FastDFS has no folders and ignores it.
            bucket: Where to store instead of the default bucket; FastDFS chooses its group itself and ignores it.
            metadata: Pairs of your own, which every file gets.
            progress: Called with the bytes read so far of all files together, and `None`.

        Returns:
            One result for each file, in order.

        Raises:
            InvalidArgumentException: Name, folder, bucket or metadata are not valid, or a size is another.
            InvalidFileTypeException: The type is not allowed.
            FileTooLargeException: A file has more bytes than allowed, declared or seen.
            BucketNotFoundException: There is no such bucket.
            RouteNotSupportedException: The bucket is not served here.
            StorageOperationException: The backend failed; nothing was stored.
        """
        tell = None if progress is None else together(require_progress(progress))

        async def store(file: object) -> FileAttach:
            placement = Placement(folder, bucket, metadata, None if tell is None else tell())
            return await self._store_form_file(file, placement)

        return await all_or_nothing(
            require_iterable(files, "files", "UploadFile"),
            store,
            self.roll_back,
            at_once=self._concurrent_files,
        )

    def require_acceptable(
        self, file_name: str, file_size: int | None = None, folder: str | None = None, bucket: str | None = None
    ) -> None:
        """Raise what an upload would be refused for before its first byte, so that nobody need send any.

        Args:
            file_name: The file's name, without folders.
            file_size: The exact number of bytes, or `None` when it is not known.
            folder: Front of the object key.
            bucket: Where to store instead of the default bucket.

        Raises:
            InvalidArgumentException: Name, folder or bucket are not valid.
            InvalidFileTypeException: The type is not allowed.
            FileTooLargeException: There are more bytes than allowed.
            RouteNotSupportedException: The bucket is not served here.
        """
        require_text(file_name, "a file name")
        require_optional_number(file_size, "a file size")
        try:
            self._files.validated(file_name, file_size)
            self._locator.destination(bucket, new_object_key(file_name, folder))
        except StorageException as error:
            error.file_name = error.file_name or file_name
            raise

    async def create(
        self,
        file_name: str,
        stream: ByteSource,
        file_size: int | None = None,
        folder: str | None = None,
        bucket: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        content_type: str | None = None,
        progress: Progress | None = None,
    ) -> FileAttach:
        """Store a file whose key is its folder and name as they are given, unless something is there already.

        Of several concurrent callers one succeeds. When the backend's response is lost, or the call is cancelled at the
        last moment, the file may be there although the call failed.

        Args:
            file_name: The file's name, without folders; the last part of its key.
            stream: The bytes, a binary file object, or an async iterator of bytes.
            file_size: The exact number of bytes, or `None` when it is not known.
            folder: Front of the object key, as in `reports/2026`.
            bucket: Where to store instead of the default bucket.
            metadata: Pairs of your own, as for `upload_stream`.
            content_type: Media type; by default it is guessed from the name and the first bytes.
            progress: Called with the bytes read so far and, where it is known, the total.

        Returns:
            The id, which ends with folder and name, and what is known of the file.

        Raises:
            PreconditionFailedException: Something has that key.
            RouteNotSupportedException: The backend names files itself (FastDFS) or cannot keep two writers apart; the
                bucket or folder is not served here.
            InvalidArgumentException: Name, folder, bucket or metadata are not valid, or the size is another.
            InvalidFileTypeException: The type is not allowed.
            FileTooLargeException: There are more bytes than allowed, declared or seen.
            BucketNotFoundException: There is no such bucket.
            StorageOperationException: The backend failed.
        """
        require_optional_number(file_size, "a file size")
        await self.require_creatable(file_name, file_size, folder, bucket)
        if file_size is None and isinstance(stream, bytes | bytearray | memoryview):
            stream = bytes_in_memory(stream)
            file_size = len(stream)
        placement = Placement(folder, bucket, metadata, progress, as_key=True)
        return await self._files.store(file_name, stream, file_size, placement, content_type)

    async def require_creatable(
        self, file_name: str, file_size: int | None = None, folder: str | None = None, bucket: str | None = None
    ) -> None:
        """Raise what `create` would be refused for before its first byte, so that nobody need send any.

        Args:
            file_name: The file's name, without folders.
            file_size: The exact number of bytes, or `None` when it is not known.
            folder: Front of the object key.
            bucket: Where to store instead of the default bucket.

        Raises:
            PreconditionFailedException: Something has that key now.
            RouteNotSupportedException: As `create`.
            InvalidArgumentException: Name, folder or bucket are not valid.
            InvalidFileTypeException: The type is not allowed.
            FileTooLargeException: There are more bytes than allowed.
        """
        self.require_acceptable(file_name, file_size, folder, bucket)
        key = given_object_key(file_name, folder)
        naming = self._locator.destination(bucket, key).naming
        file_id = naming.place_of(bucket, key)
        self._locator.require_own(file_id)
        await naming.require_free(file_id)

    async def roll_back(self, attaches: Iterable[FileAttach]) -> None:
        """Delete files that were stored a moment ago, even where deleting is switched off.

        Takes 3 seconds at most: on a backend that does not respond it goes on in the background, at the latest until
        the backend is closed. It also goes on when the caller is cancelled. What cannot be deleted is reported to the
        observer (`RollbackFailed`), never raised: the error that led here is the one to raise.

        Args:
            attaches: What the uploads returned.

        Raises:
            InvalidArgumentException: These are not results of uploads.
        """
        await self._files.roll_back(require_items(attaches, FileAttach, "attaches"))

    async def _store_form_file(self, file: object, placement: Placement) -> FileAttach:
        form_file = as_uploaded_file(file)
        if not form_file.filename:
            raise InvalidArgumentException("the uploaded file has no file name", operation="upload")
        # What a client claims is no reason to refuse its file.
        claimed = form_file.content_type
        content_type = claimed if isinstance(claimed, str) and is_content_type(claimed) else None
        require_optional_number(form_file.size, "a file size")
        return await self._files.store(
            form_file.filename, await rewound(form_file), form_file.size, placement, content_type
        )
