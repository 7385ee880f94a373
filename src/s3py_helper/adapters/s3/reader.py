"""The half of the port `BlobStore` that reads: one request for description and bytes."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from types import TracebackType

from s3py_helper.adapters.s3.api.object_headers import (
    blob_info,
    content_encoding,
    content_length,
    etag_of,
    parse_content_range,
)
from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.http.client import Response
from s3py_helper.adapters.s3.resumable_body import ResumableBody
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.errors import InvalidRangeException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId


class BlobReader:
    """Opens and describes objects."""

    def __init__(self, session: S3Session, perf: S3PerfConfig) -> None:
        self._session = session
        self._perf = perf

    def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenBlob]:
        """One GET; a body that breaks off is resumed."""
        return _Opening(self._session, self._perf, file_id, byte_range)

    async def info(self, file_id: FileId) -> BlobInfo:
        """One HEAD."""
        headers = await self._session.objects.head_object(file_id.bucket, file_id.key)
        return blob_info(file_id, headers, content_length(headers))


class _Opening:
    """The block in which an object is read. A class: as a generator it would take as long as signing the request."""

    __slots__ = ("_body", "_byte_range", "_file_id", "_perf", "_session")

    def __init__(self, session: S3Session, perf: S3PerfConfig, file_id: FileId, byte_range: ByteRange | None) -> None:
        self._session = session
        self._perf = perf
        self._file_id = file_id
        self._byte_range = byte_range
        self._body: ResumableBody | None = None

    async def __aenter__(self) -> OpenBlob:
        objects = self._session.objects
        response = await self._response(objects)
        try:
            size, span = await self._extent(response)
            info = blob_info(self._file_id, response.headers, size)
        except BaseException:  # nothing owns the response yet, so nothing else would release its connection
            response.close()
            raise
        body = self._body = ResumableBody(objects, info, span, response, self._perf)
        return OpenBlob(info, span, body)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._body is not None:
            self._body.close()

    async def _response(self, objects: ObjectApi) -> Response:
        """What the server sends for the object, or for the range of it."""
        bucket, key, byte_range = self._file_id.bucket, self._file_id.key, self._byte_range
        if byte_range is None:
            requested = {"x-amz-checksum-mode": "ENABLED"} if objects.checksums.wanted(bucket) else {}
            return await objects.get_object(bucket, key, requested)
        try:
            if byte_range.first is None and not byte_range.last:
                # "The last 0 bytes" is a range that no file has, and to which servers respond as they like.
                self._resolved(byte_range, content_length(await self._head()))
            return await objects.get_object(bucket, key, {"range": str(byte_range)})
        except InvalidRangeException as error:
            if error.size is None:
                error.size = content_length(await self._head())
            raise

    async def _extent(self, response: Response) -> tuple[int, Span]:
        """Size of the object, and the bytes of it that the response holds."""
        byte_range = self._byte_range
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            span, size = parse_content_range(response.headers.get("content-range", ""))
            requested = Span(0, size) if byte_range is None else self._resolved(byte_range, size)
            if span != requested:
                asked = "the whole object" if byte_range is None else f"the range {byte_range}"
                raise self._unusable(f"it sends the bytes {span.start} to {span.stop - 1} for {asked}")
            return size, span
        if "content-length" in response.headers:
            size = content_length(response.headers)
        else:
            size = await self._size_by_head(response)
        whole = Span(0, size)
        if byte_range is not None and self._resolved(byte_range, size) != whole:
            raise self._unusable("it does not serve ranges")
        return size, whole

    async def _size_by_head(self, response: Response) -> int:
        """The size from HEAD, where a response to GET does not have it; it must be that of the same bytes."""
        described = await self._head()
        same_version = etag_of(described) == etag_of(response.headers)
        if not same_version or content_encoding(described) != content_encoding(response.headers):
            raise self._unusable("it does not tell the size of what it sends")
        return content_length(described)

    async def _head(self) -> Mapping[str, str]:
        return await self._session.objects.head_object(self._file_id.bucket, self._file_id.key)

    def _resolved(self, byte_range: ByteRange, size: int) -> Span:
        try:
            return byte_range.resolve(size)
        except InvalidRangeException as error:
            raise InvalidRangeException(
                error.message, size=size, file_id=str(self._file_id), backend=Backend.S3
            ) from None

    def _unusable(self, what: str) -> StorageOperationException:
        return StorageOperationException(
            f"the server's response cannot be used: {what}",
            operation="download",
            file_id=str(self._file_id),
            backend=Backend.S3,
        )
