"""Reading an object: one request for description and bytes."""

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
from s3py_helper.domain.byte_range import ByteRange, Span, span_of
from s3py_helper.domain.errors import InvalidRangeException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId


class BlobReader:
    """Opens objects and tells their sizes."""

    def __init__(self, session: S3Session, perf: S3PerfConfig) -> None:
        self._session = session
        self._perf = perf

    def open(self, file_id: FileId, byte_range: ByteRange | None) -> AbstractAsyncContextManager[OpenBlob]:
        """As `BlobStore.open` promises."""
        return _Opening(self, file_id, byte_range)

    async def request(self, file_id: FileId, byte_range: ByteRange | None) -> ResumableBody:
        """Ask for an object; the caller closes what comes."""
        objects = self._session.objects
        response = await self._ask(objects, file_id, byte_range)
        try:
            size, span = await self._extent(response, byte_range, file_id)
            info = blob_info(file_id, response.headers, size)
        except BaseException:  # nothing owns the response yet, so nothing else would release its connection
            response.close()
            raise
        return ResumableBody(objects, info, span, response, self._perf)

    async def size(self, file_id: FileId) -> int:
        """Its size, by a request of its own."""
        return content_length(await self._session.objects.head_object(file_id.bucket, file_id.key))

    async def _ask(self, objects: ObjectApi, file_id: FileId, byte_range: ByteRange | None) -> Response:
        if byte_range is None:
            requested = {"x-amz-checksum-mode": "ENABLED"} if objects.checksums.wanted(file_id.bucket) else {}
            return await objects.get_object(file_id.bucket, file_id.key, requested)
        try:
            if byte_range.first is None and not byte_range.last:
                # "The last 0 bytes" is a range that no file has, and to which servers respond as they like.
                _resolve(byte_range, await self.size(file_id), file_id)
            return await objects.get_object(file_id.bucket, file_id.key, {"range": str(byte_range)})
        except InvalidRangeException as error:
            if error.size is None:
                error.size = await self.size(file_id)
            raise

    async def _extent(self, response: Response, byte_range: ByteRange | None, file_id: FileId) -> tuple[int, Span]:
        """Size of the object, and the bytes of it that the response holds."""
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            span, size = parse_content_range(response.headers.get("content-range", ""))
            if span != _requested(byte_range, size, file_id):
                asked = "the whole object" if byte_range is None else f"the range {byte_range}"
                raise _unexpected(f"it sends the bytes {span.start} to {span.stop - 1} for {asked}", file_id)
            return size, span
        if "content-length" in response.headers:
            size = content_length(response.headers)
        else:
            size = await self._size_by_head(response, file_id)
        whole = Span(0, size)
        if byte_range is not None and _resolve(byte_range, size, file_id) != whole:
            raise _unexpected("it does not serve ranges", file_id)
        return size, whole

    async def _size_by_head(self, response: Response, file_id: FileId) -> int:
        """The size from HEAD, where a response to GET does not have it; it must be that of the same bytes."""
        described = await self._session.objects.head_object(file_id.bucket, file_id.key)
        same_version = etag_of(described) == etag_of(response.headers)
        if not same_version or content_encoding(described) != content_encoding(response.headers):
            raise _unexpected("it does not tell the size of what it sends", file_id)
        return content_length(described)


class _Opening:
    """The block in which an object is read. A class: as a generator it would take as long as signing the request."""

    __slots__ = ("_body", "_byte_range", "_file_id", "_reader")

    def __init__(self, reader: BlobReader, file_id: FileId, byte_range: ByteRange | None) -> None:
        self._reader = reader
        self._file_id = file_id
        self._byte_range = byte_range
        self._body: ResumableBody | None = None

    async def __aenter__(self) -> OpenBlob:
        body = self._body = await self._reader.request(self._file_id, self._byte_range)
        return OpenBlob(body.info, body.span, body)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._body is not None:
            self._body.close()


def _requested(byte_range: ByteRange | None, size: int, file_id: FileId) -> Span:
    return Span(0, size) if byte_range is None else _resolve(byte_range, size, file_id)


def _resolve(byte_range: ByteRange, size: int, file_id: FileId) -> Span:
    try:
        return span_of(byte_range, size)
    except InvalidRangeException as error:
        raise InvalidRangeException(error.message, size=size, file_id=str(file_id), backend=Backend.S3) from None


def _unexpected(what: str, file_id: FileId) -> StorageOperationException:
    return StorageOperationException(
        f"the server's response cannot be used: {what}", operation="download", file_id=str(file_id), backend=Backend.S3
    )
