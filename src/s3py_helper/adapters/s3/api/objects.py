"""The frequent operations on objects, without the SDK: docs/decisions/0004-s3-hot-path.md."""

from collections.abc import Mapping
from typing import Final

from s3py_helper.adapters.s3.api.bucket_listing import ListPage, ListPosition, list_page
from s3py_helper.adapters.s3.api.checksums import ChecksumPolicy
from s3py_helper.adapters.s3.api.copies import CopyApi
from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.errors import ErrorContext
from s3py_helper.adapters.s3.api.evidence import (
    bucket_described,
    done,
    may_be_a_page,
    object_described,
    sent_by_s3,
    stored,
)
from s3py_helper.adapters.s3.api.lifecycle import days_of_unfinished_uploads
from s3py_helper.adapters.s3.api.multipart import MultipartApi
from s3py_helper.adapters.s3.api.object_headers import CRC32_HEADER, crc32_text
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.api.sender import Request, RequestSender
from s3py_helper.adapters.s3.api.signing import Query
from s3py_helper.adapters.s3.http.client import Response
from s3py_helper.adapters.s3.http.payload import Payload
from s3py_helper.adapters.s3.http.places import Place
from s3py_helper.domain.errors import (
    AccessDeniedException,
    BucketNotFoundException,
    FileNotFoundException,
    InvalidRangeException,
    StorageException,
)

_ONE_OBJECT: Final = (("list-type", "2"), ("max-keys", "1"))
_REASON_IN_BODY: Final = frozenset({400, 401, 403})
"""Statuses with many meanings; only a body says which."""


class ObjectApi:
    """put, get, head, delete, list, upload part; `multipart` has the rest of multipart uploads, `copies` copies.

    Raises, all methods alike: `StorageException`s only. Failures that another attempt may mend have been retried.
    """

    def __init__(self, sender: RequestSender, checksums: ChecksumPolicy) -> None:
        self.checksums = checksums
        self.endpoint = sender.endpoint
        self.observer = sender.observer
        self.multipart = MultipartApi(sender)
        self.copies = CopyApi(sender)
        self._sender = sender
        self._buckets_seen: set[str] = set()

    async def put_object(
        self, bucket: str, key: str, body: Payload, headers: dict[str, str], outcome: Outcome | None = None
    ) -> Mapping[str, str]:
        """Store an object; returns the response's headers. `outcome` says after a failure whether it may be there."""
        return await self._store(bucket, key, body, headers, outcome=outcome)

    async def upload_part(self, bucket: str, key: str, upload_id: str, number: int, body: Payload) -> Mapping[str, str]:
        """Send one part of a multipart upload; returns the headers of the response."""
        query = (("partNumber", str(number)), ("uploadId", upload_id))
        return await self._store(bucket, key, body, {}, query)

    async def get_object(
        self, bucket: str, key: str, headers: dict[str, str] | None = None, place: Place | None = None
    ) -> Response:
        """The response with its body still to come; `close()` it after the last byte or before.

        Args:
            bucket: The object's bucket.
            key: Its key.
            headers: Range and conditions.
            place: See `RequestSender.send`.
        """
        response = await self._sender.send(Request("download", "GET", bucket, key, headers=headers or {}), place)
        if may_be_a_page(response.headers):
            try:
                await self.require_s3(bucket, "download")
            except BaseException:  # nobody else knows of the response
                response.close()
                raise
        return response

    async def head_object(self, bucket: str, key: str) -> Mapping[str, str]:
        """The headers that describe an object."""
        headers = {"x-amz-checksum-mode": "ENABLED"} if self.checksums.wanted(bucket) else {}
        request = Request("info", "HEAD", bucket, key, headers=headers)
        try:
            return await self._described(request)
        except FileNotFoundException:
            # A response to HEAD has no body: it does not tell a missing object from a missing bucket.
            await self._require_bucket(bucket)
            raise
        except StorageException as error:
            if not _has_no_reason(error):
                raise
        await self._ask_for_the_reason(request._replace(method="GET", headers={"range": "bytes=0-0"}))
        return await self._described(request)

    async def delete_object(self, bucket: str, key: str) -> None:
        """Remove an object; a missing one is no error."""
        try:
            await self._sender.send_whole(Request("delete", "DELETE", bucket, key), done)
        except FileNotFoundException as error:
            # Amazon responds with 204 for an object that is not there, some others 404.
            if not isinstance(error.__cause__, ErrorResponse):
                raise

    async def head_bucket(self, bucket: str, operation: str, *, once: bool = False) -> Mapping[str, str]:
        """The headers of the response when the bucket is there and may be used; with `once`, a failure is final."""
        request = Request(operation, "HEAD", bucket, once=once)
        try:
            return await self._sender.send_whole(request, bucket_described)
        except StorageException as error:
            if not _has_no_reason(error):
                raise
        # As with objects: a refused GET has the reason, and otherwise what was wrong has been corrected meanwhile.
        await self._sender.send_for_document(request._replace(method="GET", query=_ONE_OBJECT))
        return await self._sender.send_whole(request, bucket_described)

    async def check_bucket(self, bucket: str, operation: str, *, once: bool = False) -> None:
        """Return when the bucket is there, may be used, and it is S3 that says so; with `once`, a failure is final."""
        if not sent_by_s3(await self.head_bucket(bucket, operation, once=once)):
            await self.require_s3(bucket, operation, once=once)

    async def require_s3(self, bucket: str, operation: str, *, once: bool = False) -> None:
        """Return when a document of S3's shows that it is S3 that responds."""
        try:
            await self._sender.send_for_document(Request(operation, "GET", bucket, query=_ONE_OBJECT, once=once))
        except AccessDeniedException as error:
            # Only an error document of S3's has a code; a web page has none.
            if not (isinstance(error.__cause__, ErrorResponse) and error.__cause__.code):
                raise

    async def list_page(self, bucket: str, prefix: str, position: ListPosition, page_size: int) -> ListPage:
        """One page of a bucket's listing."""
        return await list_page(self._sender, bucket, prefix, position, page_size)

    async def days_of_unfinished_uploads(self, bucket: str) -> int | None:
        """Days after which the bucket removes parts of uploads that nobody ended; `None` where it never does."""
        return await days_of_unfinished_uploads(self._sender, bucket)

    async def signed_url(
        self, method: str, bucket: str, key: str, query: Query, headers: Mapping[str, str], *, expires_in: int
    ) -> str:
        """A presigned URL of an object, valid for `expires_in` seconds; see `Signer.signed_query`."""
        return await self._sender.signed_url(method, bucket, key, query, headers, expires_in=expires_in)

    async def _store(
        self,
        bucket: str,
        key: str,
        body: Payload,
        headers: dict[str, str],
        query: Query = (),
        outcome: Outcome | None = None,
    ) -> Mapping[str, str]:
        crc32 = crc32_text(body.crc32) if self.checksums.wanted(bucket) else None
        all_headers = headers if crc32 is None else {**headers, CRC32_HEADER: crc32}
        request = Request("upload", "PUT", bucket, key, query, all_headers, body, outcome=outcome)
        try:
            response = await self._sender.send_whole(request, stored)
        except StorageException as error:
            if crc32 is None or not self.checksums.may_be_the_reason(error):
                raise
            response = await self._sender.send_whole(request._replace(headers=headers), stored)
            self.checksums.give_up(bucket, error)
            return response
        if crc32 is not None and (confirmed := response.get(CRC32_HEADER)) != crc32:
            self.checksums.refuse(confirmed, ErrorContext("upload", self.endpoint.url, bucket, key))
        return response

    async def _described(self, request: Request) -> Mapping[str, str]:
        headers = await self._sender.send_whole(request, object_described)
        if may_be_a_page(headers):
            await self.require_s3(request.bucket, request.operation)
        return headers

    async def _require_bucket(self, bucket: str) -> None:
        """Raise `BucketNotFoundException` when there is no such bucket; asks once for each bucket that exists."""
        if bucket in self._buckets_seen:
            return
        try:
            await self.head_bucket(bucket, "info", once=True)
        except BucketNotFoundException:
            raise
        except AccessDeniedException:
            pass  # a missing bucket is reported as missing, whatever the keys permit
        except StorageException:
            return  # the error that led here is the one to report
        self._buckets_seen.add(bucket)

    async def _ask_for_the_reason(self, request: Request) -> None:
        """Repeat as GET what was refused as HEAD, whose response has no body and so no reason; raises with the reason.

        Where GET is not refused, what was wrong (the clock, outdated keys) has been corrected meanwhile.
        """
        try:
            response = await self._sender.send(request)
        except InvalidRangeException:
            return  # an empty object has no first byte, but it may be read
        response.close()


def _has_no_reason(error: StorageException) -> bool:
    cause = error.__cause__
    return isinstance(cause, ErrorResponse) and not cause.code and cause.status in _REASON_IN_BODY
