"""The bytes of an object, from one response or, where connections break, from several."""

import asyncio
from collections.abc import Iterator
from time import monotonic
from typing import Final, Self

from isal import isal_zlib

from s3py_helper.adapters.s3.api.errors import ErrorContext, Failure, failure_of, storage_exception
from s3py_helper.adapters.s3.api.object_headers import parse_content_range, quoted
from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.adapters.s3.api.retrying import pause_before
from s3py_helper.adapters.s3.config import SLOWEST_BODY, S3PerfConfig
from s3py_helper.adapters.s3.http.client import Response
from s3py_helper.application.ports.observer import DownloadResumed
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import Span
from s3py_helper.domain.errors import (
    IntegrityException,
    PreconditionFailedException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend

_FORGIVEN_AFTER: Final = 64 * 1024 * 1024
"""A break is forgotten after this many further bytes: large objects may break more often than small ones."""

_ENDED_EARLY: Final = Failure(StorageUnavailableException, "the response ended too early")
_CLOSED: Final = Failure(StorageOperationException, "the block that opened it was left meanwhile")
_TOO_SLOW: Final = Failure(StorageUnavailableException, f"it sends less than {SLOWEST_BODY // 1024} KiB per second")


class ResumableBody:
    """An iterator that reads on from where a connection broke, provided that the object is still the same (`If-Match`).

    A whole object is compared with its CRC-32 where the server has sent one. A class: an async generator takes longer
    to begin and to end than a small object to be read.

    Attributes:
        info: What the first response said about the whole object.
        span: The bytes of it that come.
    """

    def __init__(self, objects: ObjectApi, info: BlobInfo, span: Span, response: Response, perf: S3PerfConfig) -> None:
        self.info = info
        self.span = span
        self._objects = objects
        self._response = response
        self._perf = perf
        self._position = span.start
        self._pieces: Iterator[bytes] | None = None
        self._is_reading = False
        self._has_ended = False
        self._breaks = 0
        self._last_break = span.start
        self._waited = 0.0
        # As the server wrote it: one that leaves the quotes out may compare it literally.
        self._etag = response.headers["etag"]
        self._tells_length = "content-length" in response.headers
        is_whole = span.stop - span.start == info.size
        self._expected = info.checksum.crc32_value if info.checksum and is_whole else None
        self._crc32 = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """The next bytes of the span; raises where they do not arrive, or are not those that were stored."""
        if self._pieces is not None:
            if piece := next(self._pieces, None):
                return piece
            self._pieces = None
        if self._is_reading:
            raise RuntimeError("two tasks read the same body")
        if self._has_ended:
            raise StopAsyncIteration
        if self._position == self.span.stop:
            # Also where there was nothing to read: an object without bytes has a checksum.
            self._require_checksum()
            raise StopAsyncIteration
        self._is_reading = True
        try:
            data = self._response.take() or await self._wait_for_bytes()
            self._check(data)
            # Before the last bytes are handed out: a consumer that counts would not ask for more.
            if not self._tells_length and self._position == self.span.stop:
                await self._require_end()
        except BaseException:  # nothing follows an error
            self._has_ended = True
            raise
        finally:
            self._is_reading = False
        if len(data) <= self._perf.download_chunk_size:
            return data
        self._pieces = _cut(data, self._perf.download_chunk_size)
        return next(self._pieces)

    def close(self) -> None:
        """Release the connection; nothing can be read any more."""
        self._has_ended = True
        self._pieces = None
        self._response.close()

    @property
    def _context(self) -> ErrorContext:
        file_id = self.info.file_id
        return ErrorContext("download", self._objects.endpoint.url, file_id.bucket, file_id.key)

    async def _wait_for_bytes(self) -> bytes:
        """The next bytes, when they come, from another response if need be."""
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
            self._waited += monotonic() - began
            if data and not self._is_too_slow(len(data)):
                return data
            await self._resume(_TOO_SLOW if data else _ENDED_EARLY, None)

    def _is_too_slow(self, more: int) -> bool:
        """Whether less has arrived than the slowest acceptable server sends in the time spent waiting.

        The time that a slow reader takes between reads does not count.
        """
        received = self._position + more - self._last_break
        return self._waited > self._perf.operation_timeout + received / SLOWEST_BODY

    async def _resume(self, failure: Failure, error: Exception | None) -> None:
        self._require_open()
        if self._position - self._last_break > _FORGIVEN_AFTER:
            self._breaks = 0
        etag = self._etag
        # A weak tag does not promise the same bytes (RFC 9110, 8.8.1).
        if self._breaks >= self._perf.max_retries or not failure.retryable or etag.startswith("W/"):
            raise storage_exception(failure, self._context, error) from error
        place = self._response.detach()
        try:
            await asyncio.sleep(pause_before(self._breaks))
        except BaseException:  # cancelled: nobody else knows of the place
            if place is not None:
                place.release()
            raise
        self._objects.observer.notify(
            DownloadResumed(Backend.S3, str(self.info.file_id), self._position, failure.reason)
        )
        self._breaks += 1
        self._last_break = self._position
        self._waited = 0.0
        requested = {"range": f"bytes={self._position}-{self.span.stop - 1}", "if-match": etag}
        try:
            self._response = await self._objects.get_object(
                self.info.file_id.bucket, self.info.file_id.key, requested, place
            )
        except PreconditionFailedException as changed:
            raise self._changed() from changed
        self._require_open()
        self._tells_length = "content-length" in self._response.headers
        self._check_resumed(etag)

    def _require_open(self) -> None:
        """Raise when another task has called `close`: a response that arrived later is closed as well."""
        if self._has_ended:
            self._response.close()
            raise storage_exception(_CLOSED, self._context)

    def _check_resumed(self, etag: str) -> None:
        headers = self._response.headers
        if quoted(headers["etag"]) != quoted(etag):
            raise self._changed()
        span, size = parse_content_range(headers.get("content-range", ""))
        if (span, size) != (Span(self._position, self.span.stop), self.info.size):
            raise self._corrupt("the server resumes it at another place")

    async def _require_end(self) -> None:
        """Check that a response that does not say how long it is has no more than the object."""
        try:
            surplus = await self._response.read()
        except Exception as error:
            # Errors that the tables do not know are defects and pass unchanged.
            if failure_of(error) is None:
                raise
            return  # all bytes are there
        if surplus:
            raise self._corrupt("it has more bytes than announced")

    def _check(self, data: bytes) -> None:
        self._position += len(data)
        if self._position > self.span.stop:
            raise self._corrupt("it has more bytes than announced")
        if self._expected is not None:
            self._crc32 = isal_zlib.crc32(data, self._crc32)
            if self._position == self.span.stop:
                self._require_checksum()

    def _require_checksum(self) -> None:
        if self._expected not in {None, self._crc32}:
            raise self._corrupt("its checksum is not the one that was stored")

    def _changed(self) -> PreconditionFailedException:
        return PreconditionFailedException(
            f"the object was replaced while it was being read; {self._context}",
            operation="download",
            file_id=str(self.info.file_id),
            backend=Backend.S3,
        )

    def _corrupt(self, what: str) -> IntegrityException:
        return IntegrityException(
            f"the object cannot be trusted: {what}; {self._context}",
            operation="download",
            file_id=str(self.info.file_id),
            backend=Backend.S3,
        )


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
