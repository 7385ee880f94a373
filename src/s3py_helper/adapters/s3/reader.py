"""Reading an object: one request for description and bytes, further ones only where the first breaks off."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from time import monotonic
from typing import Final

from isal import isal_zlib

from s3py_helper.adapters.s3.api.errors import ErrorContext, Failure, failure_of, storage_exception
from s3py_helper.adapters.s3.api.object_headers import (
    blob_info,
    content_encoding,
    content_length,
    etag_of,
    parse_content_range,
    quoted,
)
from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.adapters.s3.api.retrying import pause_before
from s3py_helper.adapters.s3.config import SLOWEST_BODY, S3PerfConfig
from s3py_helper.adapters.s3.http.client import Response
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.ports.observer import DownloadResumed
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import ByteRange, Span, span_of
from s3py_helper.domain.errors import (
    IntegrityException,
    InvalidRangeException,
    PreconditionFailedException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId

_FORGIVEN_AFTER: Final = 64 * 1024 * 1024
"""A break is forgotten after this many further bytes: large objects may break more often than small ones."""

_ENDED_EARLY: Final = Failure(StorageUnavailableException, "the response ended too early")
_TOO_SLOW: Final = Failure(StorageUnavailableException, f"it sends less than {SLOWEST_BODY // 1024} KiB per second")


class BlobReader:
    """Opens objects and describes them."""

    def __init__(self, session: S3Session, perf: S3PerfConfig) -> None:
        self._session = session
        self._perf = perf

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None) -> AsyncGenerator[OpenBlob]:
        """As `BlobStore.open` promises."""
        objects = self._session.objects
        response = await self._ask(objects, file_id, byte_range)
        try:
            size, span = await self._extent(response, byte_range, file_id)
            info = blob_info(file_id, response.headers, size)
        except BaseException:  # nothing owns the response yet, so nothing else would release its connection
            response.close()
            raise
        body = ResumableBody(objects, info, span, response, self._perf)
        try:
            async with aclosing(body.chunks()) as chunks:
                yield OpenBlob(info, span, chunks)
        finally:
            body.close()

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
            size = await self._size_told_elsewhere(response, file_id)
        whole = Span(0, size)
        if byte_range is not None and _resolve(byte_range, size, file_id) != whole:
            raise _unexpected("it does not serve ranges", file_id)
        return size, whole

    async def _size_told_elsewhere(self, response: Response, file_id: FileId) -> int:
        """The size from HEAD, where a response to GET does not have it; it must be that of the same bytes."""
        described = await self._session.objects.head_object(file_id.bucket, file_id.key)
        same_version = etag_of(described) == etag_of(response.headers)
        if not same_version or content_encoding(described) != content_encoding(response.headers):
            raise _unexpected("it does not tell the size of what it sends", file_id)
        return content_length(described)


class ResumableBody:
    """Reads on from where a connection broke, provided that the object is still the same (`If-Match`).

    A whole object is compared with its CRC-32 where the server has sent one.
    """

    def __init__(self, objects: ObjectApi, info: BlobInfo, span: Span, response: Response, perf: S3PerfConfig) -> None:
        self._objects = objects
        self._info = info
        self._span = span
        self._response = response
        self._perf = perf
        self._position = span.start
        self._breaks = 0
        self._last_break = span.start
        self._waited = 0.0
        # As the server wrote it: one that leaves the quotes out may compare the text as it is.
        self._etag = response.headers.get("etag")
        self._tells_length = "content-length" in response.headers

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Everything from the span's start to its end; raises where it cannot."""
        is_whole = self._span.stop - self._span.start == self._info.size
        expected = self._info.checksum.crc32_value if is_whole and self._info.checksum else None
        crc32 = 0
        if self._position == self._span.stop and expected not in {None, crc32}:
            raise self._corrupt("its checksum is not the one that was stored")
        while self._position < self._span.stop:
            data = await self._next()
            self._position += len(data)
            if expected is not None:
                crc32 = isal_zlib.crc32(data, crc32)
            if self._position == self._span.stop:
                # Before the last bytes are handed out: a consumer that counts would not ask for more.
                if expected not in {None, crc32}:
                    raise self._corrupt("its checksum is not the one that was stored")
                if not self._tells_length:
                    await self._require_end()
            if len(data) <= self._perf.download_chunk_size:
                yield data
            else:
                for chunk in _cut(data, self._perf.download_chunk_size):
                    yield chunk

    def close(self) -> None:
        """Release the connection; nothing can be read any more."""
        self._response.close()

    @property
    def _context(self) -> ErrorContext:
        file_id = self._info.file_id
        return ErrorContext("download", self._objects.endpoint.url, file_id.bucket, file_id.key)

    async def _next(self) -> bytes:
        while True:
            began = monotonic()
            try:
                data = await self._response.read()
            except Exception as error:
                # Errors that the tables do not know are defects and pass unchanged.
                failure = failure_of(error)
                if failure is None:
                    raise
                await self._resume(failure, error)
                continue
            if self._position + len(data) > self._span.stop:
                raise self._corrupt("it has more bytes than announced")
            self._waited += monotonic() - began
            if data and not self._is_too_slow(len(data)):
                return data
            await self._resume(_TOO_SLOW if data else _ENDED_EARLY, None)

    def _is_too_slow(self, more: int) -> bool:
        """Whether less has come than the slowest of servers sends, in the time that was spent waiting for it.

        What a slow reader takes to come back is not part of that time.
        """
        received = self._position + more - self._last_break
        return self._waited > self._perf.operation_timeout + received / SLOWEST_BODY

    async def _resume(self, failure: Failure, error: Exception | None) -> None:
        if self._position - self._last_break > _FORGIVEN_AFTER:
            self._breaks = 0
        etag = self._etag
        # A weak tag does not promise the same bytes (RFC 9110, 8.8.1).
        if self._breaks >= self._perf.max_retries or not failure.retryable or not etag or etag.startswith("W/"):
            raise storage_exception(failure, self._context, error) from error
        place = self._response.detach()
        try:
            await asyncio.sleep(pause_before(self._breaks))
        except BaseException:  # cancelled: nobody else knows of the place
            if place is not None:
                place.release()
            raise
        self._objects.observer.notify(
            DownloadResumed(Backend.S3, str(self._info.file_id), self._position, failure.reason)
        )
        self._breaks += 1
        self._last_break = self._position
        self._waited = 0.0
        requested = {"range": f"bytes={self._position}-{self._span.stop - 1}", "if-match": etag}
        try:
            self._response = await self._objects.get_object(
                self._info.file_id.bucket, self._info.file_id.key, requested, place
            )
        except PreconditionFailedException as changed:
            raise self._changed() from changed
        self._tells_length = "content-length" in self._response.headers
        self._check_resumed(etag)

    def _check_resumed(self, etag: str) -> None:
        headers = self._response.headers
        if quoted(headers.get("etag", etag)) != quoted(etag):
            raise self._changed()
        span, size = parse_content_range(headers.get("content-range", ""))
        if (span, size) != (Span(self._position, self._span.stop), self._info.size):
            raise self._corrupt("the server resumes it at another place")

    async def _require_end(self) -> None:
        """See whether a response that does not say how long it is has more than the object."""
        try:
            surplus = await self._response.read()
        except Exception as error:
            # Errors that the tables do not know are defects and pass unchanged.
            if failure_of(error) is None:
                raise
            return  # all bytes are there
        if surplus:
            raise self._corrupt("it has more bytes than announced")

    def _changed(self) -> PreconditionFailedException:
        return PreconditionFailedException(
            f"the object was replaced while it was being read; {self._context}",
            operation="download",
            file_id=str(self._info.file_id),
            backend=Backend.S3,
        )

    def _corrupt(self, what: str) -> IntegrityException:
        return IntegrityException(
            f"the object cannot be trusted: {what}; {self._context}",
            operation="download",
            file_id=str(self._info.file_id),
            backend=Backend.S3,
        )


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


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
