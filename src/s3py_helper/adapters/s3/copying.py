"""Copying objects within the service."""

import asyncio
from itertools import accumulate, pairwise
from typing import Any, Final

from s3py_helper.adapters.s3.api.errors import ErrorContext
from s3py_helper.adapters.s3.api.metadata import metadata_of
from s3py_helper.adapters.s3.api.multipart import Part
from s3py_helper.adapters.s3.api.object_headers import content_length, quoted, upload_headers
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.upload.multipart_upload import multipart_upload
from s3py_helper.adapters.s3.upload.rollback import remove_object
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.ports.copying import ServerSideCopy
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import Span
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.part_plan import MIB, part_sizes

_IN_ONE_REQUEST: Final = 1024 * MIB
"""S3 copies up to 5 GiB in one request, but may then be silent for longer than the read timeout."""

_PART_SIZE: Final = 256 * MIB


class S3Copy:
    """Copies without moving bytes through this process; nothing is left of a copy that fails.

    Args:
        connection: The service; source and target are on it.
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
        origin: dict[str, Any] = {"CopySource": {"Bucket": source.bucket, "Key": source.key}}
        if etag := described.get("etag"):
            origin["CopySourceIfMatch"] = etag
        file_id = FileId(Backend.S3, target.bucket or self._session.config.default_bucket, target.key)
        headers = upload_headers(target)
        if size <= self._in_one_request:
            copied = await self._at_once(file_id, origin, headers)
        else:
            copied = await self._in_parts(file_id, origin, headers, size)
        return BlobInfo(
            file_id=file_id,
            size=size,
            file_name=target.file_name,
            content_type=target.content_type,
            etag=copied,
            metadata=dict(target.metadata),
        )

    async def _at_once(self, file_id: FileId, origin: dict[str, Any], headers: dict[str, str]) -> str | None:
        sdk = await self._session.sdk()
        try:
            response = await completed(
                sdk.call(
                    "copy_object",
                    "copy",
                    Bucket=file_id.bucket,
                    Key=file_id.key,
                    ContentType=headers["content-type"],
                    Metadata=metadata_of(headers),
                    MetadataDirective="REPLACE",
                    **origin,
                )
            )
        except BaseException:  # the copy may be there all the same, and nobody would learn its id
            context = ErrorContext("copy", self._session.endpoint.url, file_id.bucket, file_id.key)
            await completed(remove_object(self._session.objects, context, file_id.bucket, file_id.key))
            raise
        return quoted(response.get("CopyObjectResult", {}).get("ETag"))

    async def _in_parts(
        self, file_id: FileId, origin: dict[str, Any], headers: dict[str, str], size: int
    ) -> str | None:
        gate = asyncio.Semaphore(self._session.perf.parts_in_flight)
        borders = accumulate(part_sizes(self._part_size, size), initial=0)

        sdk = await self._session.sdk()

        async def copy_part(number: int, span: Span) -> None:
            async with gate:
                response = await sdk.call(
                    "upload_part_copy",
                    "copy",
                    Bucket=file_id.bucket,
                    Key=file_id.key,
                    UploadId=upload.upload_id,
                    PartNumber=number,
                    CopySourceRange=f"bytes={span.start}-{span.stop - 1}",
                    **origin,
                )
            upload.add(Part(number, response["CopyPartResult"]["ETag"]))

        objects = self._session.objects
        async with multipart_upload(objects, file_id.bucket, file_id.key, headers, checksums=False) as upload:
            async with asyncio.TaskGroup() as group:
                for number, (start, stop) in enumerate(pairwise(borders), start=1):
                    group.create_task(copy_part(number, Span(start, stop)))
            etag, _ = await completed(upload.complete(size))
        return etag


_: type[ServerSideCopy] = S3Copy
