"""The operations on objects that are called often, without the SDK: docs/decisions/0004-s3-hot-path.md."""

import dataclasses
from collections.abc import Mapping

from s3py_helper.adapters.s3.api.checksums import ChecksumPolicy
from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.errors import ErrorContext
from s3py_helper.adapters.s3.api.multipart import MultipartApi
from s3py_helper.adapters.s3.api.sender import Request, RequestSender
from s3py_helper.adapters.s3.api.signing import Query
from s3py_helper.adapters.s3.http.payload import Payload
from s3py_helper.adapters.s3.http.places import Place
from s3py_helper.adapters.s3.http.response import Response
from s3py_helper.domain.errors import (
    AccessDeniedException,
    BucketNotFoundException,
    FileNotFoundException,
    StorageException,
)


class ObjectApi:
    """put, get, head, delete, upload part; `multipart` has what belongs around the parts.

    Raises, all methods alike: `StorageException`s only. Failures that another attempt may mend have been retried.
    """

    def __init__(self, sender: RequestSender, checksums: ChecksumPolicy) -> None:
        self.checksums = checksums
        self.endpoint = sender.endpoint
        self.multipart = MultipartApi(sender)
        self._sender = sender
        self._buckets_seen: set[str] = set()

    async def put_object(self, bucket: str, key: str, body: Payload, headers: dict[str, str]) -> Mapping[str, str]:
        """Store an object; gives the answer's headers."""
        return await self._store(bucket, key, (), headers, body)

    async def upload_part(self, bucket: str, key: str, upload_id: str, number: int, body: Payload) -> Mapping[str, str]:
        """Send one part of a multipart upload; gives the answer's headers."""
        query = (("partNumber", str(number)), ("uploadId", upload_id))
        return await self._store(bucket, key, query, {}, body)

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
        return await self._sender.send(Request("download", "GET", bucket, key, headers=headers or {}), place)

    async def head_object(self, bucket: str, key: str) -> Mapping[str, str]:
        """The headers that describe an object."""
        headers = {"x-amz-checksum-mode": "ENABLED"} if self.checksums.wanted else {}
        request = Request("info", "HEAD", bucket, key, headers=headers)
        try:
            return await self._sender.send_whole(request)
        except AccessDeniedException:
            await self._ask_for_the_reason(request)
            raise
        except FileNotFoundException:
            # A response to HEAD has no body: it does not tell a missing object from a missing bucket.
            await self._require_bucket(bucket)
            raise

    async def delete_object(self, bucket: str, key: str) -> None:
        """Remove an object; a missing one is no error."""
        try:
            await self._sender.send_whole(Request("delete", "DELETE", bucket, key))
        except FileNotFoundException as error:
            # Amazon answers 204 for an object that is not there, some others 404.
            if not isinstance(error.__cause__, ErrorResponse):
                raise

    async def head_bucket(self, bucket: str, operation: str) -> None:
        """Return when the bucket is there and may be used."""
        await self._sender.send_whole(Request(operation, "HEAD", bucket))

    async def signed_url(
        self, method: str, bucket: str, key: str, query: Query, headers: Mapping[str, str], *, expires_in: int
    ) -> str:
        """A link to an object, for `expires_in` seconds; see `Signer.signed_query`."""
        return await self._sender.signed_url(method, bucket, key, query, headers, expires_in=expires_in)

    async def _store(
        self, bucket: str, key: str, query: Query, headers: dict[str, str], body: Payload
    ) -> Mapping[str, str]:
        async def put(checksum: dict[str, str]) -> Mapping[str, str]:
            request = Request("upload", "PUT", bucket, key, query, headers | checksum, body)
            return await self._sender.send_whole(request)

        checksum = self.checksums.headers(body.crc32)
        try:
            stored = await put(checksum)
        except StorageException as error:
            if not checksum or not self.checksums.learn_from(error):
                raise
            stored = await put({})
        self.checksums.check_confirmed(body.crc32, stored, ErrorContext("upload", self.endpoint.url, bucket, key))
        return stored

    async def _require_bucket(self, bucket: str) -> None:
        """Raise `BucketNotFoundException` when there is no such bucket; asks once for each bucket that exists."""
        if bucket in self._buckets_seen:
            return
        try:
            await self.head_bucket(bucket, "info")
        except BucketNotFoundException:
            raise
        except AccessDeniedException:
            # One that does not exist is reported as such, whatever the keys permit.
            self._buckets_seen.add(bucket)
        except StorageException:
            return  # the error that led here is the one to report
        self._buckets_seen.add(bucket)

    async def _ask_for_the_reason(self, request: Request) -> None:
        """An answer to HEAD has no body, so it tells no reason: ask for a byte and see why that is refused."""
        response = await self._sender.send(dataclasses.replace(request, method="GET", headers={"range": "bytes=0-0"}))
        response.close()
