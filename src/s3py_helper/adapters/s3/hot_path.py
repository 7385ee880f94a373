"""The operations on objects that are called often, without the SDK: docs/decisions/0004-s3-hot-path.md."""

import dataclasses
from collections.abc import Mapping

import aiohttp

from s3py_helper.adapters.s3.buffers import Buffer
from s3py_helper.adapters.s3.checksums import ChecksumPolicy
from s3py_helper.adapters.s3.errors import Place
from s3py_helper.adapters.s3.pipeline import Pipeline, Request
from s3py_helper.adapters.s3.refusal import Refusal
from s3py_helper.adapters.s3.signing import Query
from s3py_helper.domain.errors import AccessDeniedException, FileNotFoundException, StorageException


class HotPath:
    """put, get, head, delete, upload part.

    Raises, all methods alike: `StorageException`s only. Failures that another attempt may mend have been retried.
    """

    def __init__(self, pipeline: Pipeline, checksums: ChecksumPolicy) -> None:
        self.checksums = checksums
        self.endpoint = pipeline.endpoint
        self._pipeline = pipeline

    async def put_object(
        self, bucket: str, key: str, body: Buffer, headers: dict[str, str], *, crc32: int
    ) -> Mapping[str, str]:
        """Store an object; gives the answer's headers."""
        return await self._store(Request("upload", "PUT", bucket, key, headers=headers, body=body), crc32)

    async def upload_part(self, bucket: str, key: str, upload_id: str, number: int, body: Buffer) -> Mapping[str, str]:
        """Send one part of a multipart upload; gives the answer's headers."""
        query = (("partNumber", str(number)), ("uploadId", upload_id))
        crc32 = await body.crc32() if self.checksums.wanted else 0
        return await self._store(Request("upload", "PUT", bucket, key, query, body=body), crc32)

    async def get_object(self, bucket: str, key: str, headers: dict[str, str] | None = None) -> aiohttp.ClientResponse:
        """The answer with its body still to come; `close()` it after the last byte or before.

        Closing releases the connection at once: into the pool when nothing is left of the body, else out of the world.
        """
        return await self._pipeline.send(Request("download", "GET", bucket, key, headers=headers or {}))

    async def head_object(self, bucket: str, key: str) -> Mapping[str, str]:
        """The headers that describe an object."""
        headers = {"x-amz-checksum-mode": "ENABLED"} if self.checksums.wanted else {}
        request = Request("info", "HEAD", bucket, key, headers=headers)
        try:
            response = await self._pipeline.send_whole(request)
        except AccessDeniedException:
            await self._ask_for_the_reason(request)
            raise
        return response.headers

    async def delete_object(self, bucket: str, key: str) -> None:
        """Remove an object; a missing one is no error."""
        try:
            await self._pipeline.send_whole(Request("delete", "DELETE", bucket, key))
        except FileNotFoundException as error:
            # Amazon answers 204 for an object that is not there, some others 404.
            if not isinstance(error.__cause__, Refusal) or error.__cause__.code == "NoSuchBucket":
                raise

    async def head_bucket(self, bucket: str, operation: str) -> None:
        """Return when the bucket is there and may be used."""
        await self._pipeline.send_whole(Request(operation, "HEAD", bucket))

    async def signed_url(
        self, method: str, bucket: str, key: str, query: Query, headers: Mapping[str, str], *, expires_in: int
    ) -> str:
        """A link to an object, for `expires_in` seconds; see `Signer.signed_query`."""
        return await self._pipeline.signed_url(method, bucket, key, query, headers, expires_in=expires_in)

    async def _store(self, request: Request, crc32: int) -> Mapping[str, str]:
        checksum = self.checksums.headers(crc32)
        try:
            response = await self._pipeline.send_whole(
                dataclasses.replace(request, headers=request.headers | checksum) if checksum else request
            )
        except StorageException as error:
            if not checksum or not self.checksums.learn_from(error):
                raise
            response = await self._pipeline.send_whole(request)
        place = Place(request.operation, self.endpoint.url, request.bucket, request.key)
        self.checksums.check_confirmed(crc32, response.headers, place)
        return response.headers

    async def _ask_for_the_reason(self, request: Request) -> None:
        """An answer to HEAD has no body, so it tells no reason: ask for a byte and see why that is refused."""
        response = await self._pipeline.send(dataclasses.replace(request, method="GET", headers={"range": "bytes=0-0"}))
        response.close()
