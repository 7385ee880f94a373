"""Copying objects within the service."""

import asyncio
from itertools import accumulate, pairwise
from typing import Final

from s3py_helper.adapters.s3.api.copies import CopySource
from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.multipart import Part
from s3py_helper.adapters.s3.api.object_headers import content_length, kept_headers, upload_headers
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.upload.multipart_upload import multipart_upload
from s3py_helper.adapters.s3.upload.stored_or_nothing import stored_or_nothing
from s3py_helper.application.concurrency.first_error import first_error_of
from s3py_helper.application.ports.copying import ServerSideCopy
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import Span
from s3py_helper.domain.errors import FileNotFoundException, StorageException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.part_plan import MIB, part_sizes

_IN_ONE_REQUEST: Final = 1024 * MIB
"""S3 copies up to 5 GiB in one request, but may then be silent for longer than the read timeout."""

_PART_SIZE: Final = 256 * MIB


class S3Copy:
    """Copies without moving bytes through this process; nothing is left of a copy that fails.

    What belongs to the bytes is kept: content encoding, language and disposition, caching, expiry, storage class, and
    the tags. Name, media type and metadata are the target's.

    Args:
        session: The service; source and target are on it.
        in_one_request: Largest size in bytes to copy in one request.
        part_size: Size in bytes of the parts of larger objects.
    """

    def __init__(
        self, session: S3Session, *, in_one_request: int = _IN_ONE_REQUEST, part_size: int = _PART_SIZE
    ) -> None:
        self._session = session
        self._in_one_request = in_one_request
        self._part_size = part_size

    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        """As `ServerSideCopy.copy` promises; the source must not change meanwhile."""
        described = await self._session.objects.head_object(source.bucket, source.key)
        size = content_length(described)
        origin = CopySource(source.bucket, source.key, described.get("etag"))
        file_id = FileId(Backend.S3, target.bucket or self._session.config.default_bucket, target.key)
        headers = {**kept_headers(described), **upload_headers(target)}
        try:
            if size <= self._in_one_request:
                etag = await self._at_once(file_id, origin, headers)
            else:
                # A copy in one request gets the tags by itself.
                if described.get("x-amz-tagging-count", "0") != "0":
                    headers["x-amz-tagging"] = await self._session.objects.copies.tags(origin)
                etag = await self._in_parts(file_id, origin, headers, size)
        except FileNotFoundException as error:
            raise _of_source(error, source) from error.__cause__
        return BlobInfo(
            file_id=file_id,
            size=size,
            file_name=target.file_name,
            content_type=target.content_type,
            content_encoding=headers.get("content-encoding"),
            etag=etag,
            storage_class=headers.get("x-amz-storage-class"),
            metadata=dict(target.metadata),
        )

    async def _at_once(self, file_id: FileId, origin: CopySource, headers: dict[str, str]) -> str | None:
        bucket, key = file_id.bucket, file_id.key
        objects, outcome = self._session.objects, Outcome()
        copying = objects.copies.copy_object(origin, bucket, key, headers, outcome)
        return await stored_or_nothing(objects, self._session.background, bucket, key, copying, outcome)

    async def _in_parts(self, file_id: FileId, origin: CopySource, headers: dict[str, str], size: int) -> str | None:
        objects, background = self._session.objects, self._session.background
        bucket, key = file_id.bucket, file_id.key
        gate = asyncio.Semaphore(self._session.perf.parts_in_flight)
        borders = accumulate(part_sizes(self._part_size, size), initial=0)

        async def copy_part(number: int, span: Span) -> None:
            async with gate:
                etag = await objects.copies.copy_part(origin, span, bucket, key, upload.upload_id, number)
            upload.add(Part(number, etag))

        async def copy_all() -> None:
            async with asyncio.TaskGroup() as group:
                for number, (start, stop) in enumerate(pairwise(borders), start=1):
                    group.create_task(copy_part(number, Span(start, stop)))

        async with multipart_upload(objects, background, bucket, key, headers, checksums=False) as upload:
            await first_error_of(copy_all())
            etag, _ = await upload.complete(size)
        return etag


def _of_source(error: FileNotFoundException, source: FileId) -> StorageException:
    """What a copy did not find: the source, under the id that the caller knows, or the upload."""
    cause = error.__cause__
    if isinstance(cause, ErrorResponse) and cause.code == "NoSuchUpload":
        return StorageOperationException(error.message, operation="copy", backend=Backend.S3)
    return FileNotFoundException(error.message, operation="copy", file_id=str(source), backend=Backend.S3)


_: type[ServerSideCopy] = S3Copy
