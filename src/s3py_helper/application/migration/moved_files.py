"""Moved files: objects that are found by FastDFS ids."""

import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Final

from s3py_helper.application.migration.moved_metadata import has_more, is_moved, restored
from s3py_helper.application.ports.blob_store import BlobStore, OpenBlob
from s3py_helper.application.ports.presigning import PresignedUrls
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.files import FileUploadLink
from s3py_helper.domain.migration import METADATA_SUFFIX, moved_key

MOVED: Final = "fastdfs-moved"
"""The backend's name. No user's id has it: only the relocation leads here."""


def moved_place(file_id: FileId) -> FileId:
    """The place of a FastDFS file once it has moved."""
    return FileId(MOVED, file_id.bucket, file_id.key)


class MovedFiles:
    """The port `BlobStore` over S3's, for ids of `moved_place`.

    Args:
        s3: The store of S3.
        bucket: Where moved files are.
        prefix: The front of their keys.
    """

    def __init__(self, s3: BlobStore, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:  # noqa: ARG002 - the port's signature
        """Refused: only a migration stores moved files."""
        raise StorageOperationException("new files are not stored among moved ones", operation="upload")

    def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenBlob]:
        """See `BlobStore.open`; an object without the mark of the id is not found."""
        return _Opening(self._s3.open(self.object_of(file_id), byte_range), partial(self._restored, file_id=file_id))

    async def info(self, file_id: FileId) -> BlobInfo:
        """See `BlobStore.info`; an object without the mark of the id is not found."""
        return await self._restored(await self._s3.info(self.object_of(file_id)), file_id)

    async def delete(self, file_id: FileId) -> None:
        """See `BlobStore.delete`; also removes the second object, and nothing that belongs to somebody else."""
        found = self.object_of(file_id)
        original = _original(file_id)
        try:
            info = await self._s3.info(found)
        except FileNotFoundException:
            await self._delete_lone_second(file_id, original)
            raise
        if not is_moved(info, original):
            raise _not_found(original)
        await self._s3.delete(found)
        if has_more(info):
            await self._s3.delete(self._second_object(file_id))

    async def _delete_lone_second(self, file_id: FileId, original: FileId) -> None:
        """A copy begins with the second object, which stays alone where the worker died after it."""
        second = self._second_object(file_id)
        with suppress(FileNotFoundException):
            if is_moved(await self._s3.info(second), original):
                await self._s3.delete(second)

    async def _restored(self, info: BlobInfo, file_id: FileId) -> BlobInfo:
        original = _original(file_id)
        if not is_moved(info, original):
            raise _not_found(original)
        if not has_more(info):
            return restored(info, file_id)
        async with self._s3.open(self._second_object(file_id)) as second:
            more = b"".join([chunk async for chunk in second.body])
        return restored(info, file_id, more)

    def object_of(self, file_id: FileId) -> FileId:
        """The id of the object itself."""
        return FileId(Backend.S3, self._bucket, moved_key(self._prefix, file_id))

    def _second_object(self, file_id: FileId) -> FileId:
        return FileId(Backend.S3, self._bucket, moved_key(self._prefix, file_id) + METADATA_SUFFIX)


class _Opening:
    """Opens an object as the file that it was. A class, because a generator around each small read would be felt."""

    __slots__ = ("_opening", "_restored")

    def __init__(
        self, opening: AbstractAsyncContextManager[OpenBlob], restored: Callable[[BlobInfo], Awaitable[BlobInfo]]
    ) -> None:
        self._opening = opening
        self._restored = restored

    async def __aenter__(self) -> OpenBlob:
        blob = await self._opening.__aenter__()
        try:
            return OpenBlob(await self._restored(blob.info), blob.span, blob.body)
        except BaseException:  # the block is never entered: nothing else would close the object
            await self._opening.__aexit__(*sys.exc_info())
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opening.__aexit__(kind, error, trace)


class MovedPresignedUrls:
    """Signs URLs for moved files.

    Args:
        files: The moved files.
        s3: Signs URLs of S3.
    """

    def __init__(self, files: MovedFiles, s3: PresignedUrls) -> None:
        self._files = files
        self._s3 = s3

    async def download_url(
        self,
        file_id: FileId,
        expires_in: timedelta,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        inline: bool = False,
    ) -> str:
        """See `PresignedUrls.download_url`.

        The object is looked at first: a URL would serve whatever is under the key.
        """
        await self._files.info(file_id)
        return await self._s3.download_url(
            self._files.object_of(file_id), expires_in, file_name=file_name, content_type=content_type, inline=inline
        )

    async def upload_url(self, blob: NewBlob, expires_in: timedelta) -> FileUploadLink:  # noqa: ARG002 - the port's signature
        """Refused: only a migration stores moved files."""
        raise StorageOperationException("new files are not stored among moved ones", operation="link")


def _original(file_id: FileId) -> FileId:
    return FileId(Backend.FASTDFS, file_id.bucket, file_id.key)


def _not_found(original: FileId) -> FileNotFoundException:
    return FileNotFoundException(
        f"the object under the key of {original} is somebody else's: it lacks the mark of a moved file",
        file_id=str(original),
        backend=Backend.S3,
    )


_: type[BlobStore] = MovedFiles
_presigning: type[PresignedUrls] = MovedPresignedUrls
