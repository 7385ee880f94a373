"""One multipart upload from its creation to its completion, or to the point where nothing is left of it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from s3py_helper.adapters.s3.blob_headers import crc32_text, quoted
from s3py_helper.adapters.s3.buffers import Buffer
from s3py_helper.adapters.s3.clean_up import best_effort
from s3py_helper.adapters.s3.connection import S3Connection
from s3py_helper.adapters.s3.errors import Place
from s3py_helper.adapters.s3.metadata import metadata_of
from s3py_helper.adapters.s3.pipeline import pause_before
from s3py_helper.application.completion import completed
from s3py_helper.domain.byte_range import Span
from s3py_helper.domain.errors import FileNotFoundException, IntegrityException, StorageException
from s3py_helper.domain.file_id import Backend

if TYPE_CHECKING:
    from s3py_helper.adapters.s3.sdk import Sdk

_ABORTS: Final = 8
_FULL_OBJECT: Final = "FULL_OBJECT"


@asynccontextmanager
async def multipart_upload(
    connection: S3Connection, bucket: str, key: str, headers: dict[str, str], *, checksums: bool
) -> AsyncGenerator["MultipartUpload"]:
    """An upload that the block feeds and completes; discarded when the block raises, or is cancelled."""
    upload = MultipartUpload(connection, await connection.sdk(), bucket, key)
    try:
        await completed(upload.create(headers, checksums=checksums))
        yield upload
    except BaseException as error:
        await completed(upload.discard())
        # Callers deal with one error of one file; the others are only its echo.
        if isinstance(error, BaseExceptionGroup):
            raise error.exceptions[0] from None
        raise


class MultipartUpload:
    """Creates, feeds, completes or discards the upload of one object whose key nobody else uses."""

    def __init__(self, connection: S3Connection, sdk: "Sdk", bucket: str, key: str) -> None:
        self._hot = connection.hot
        self._sdk = sdk
        self._place = Place("upload", connection.endpoint.url, bucket, key)
        self._target: dict[str, Any] = {"Bucket": bucket, "Key": key}
        self._bucket = bucket
        self._key = key
        self._upload_id: str | None = None
        self._may_be_lost = False
        self._checks_whole = False
        self._completing = False
        self._parts: dict[int, dict[str, Any]] = {}

    async def create(self, headers: dict[str, str], *, checksums: bool) -> None:
        """Begin; must not be cancelled: `discard` would have to look for the upload."""
        settings: dict[str, Any] = {
            "ContentType": headers["content-type"],
            "Metadata": metadata_of(headers),
        }
        if checksums and self._hot.checksums.wanted:
            settings |= {"ChecksumAlgorithm": "CRC32", "ChecksumType": _FULL_OBJECT}
        try:
            answer = await self._create(settings)
        except StorageException as error:
            # A refusal is clear; after a lost answer an upload may be there whose id nobody knows.
            self._may_be_lost = error.retryable
            raise
        self._upload_id = answer["UploadId"]
        self._checks_whole = answer.get("ChecksumType") == _FULL_OBJECT
        if answer["ResponseMetadata"].get("RetryAttempts"):
            async with best_effort(self._place):
                for upload_id in set(await self._lost_ids()) - {self._upload_id}:
                    await self._abort(upload_id)

    async def _create(self, settings: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._call("create_multipart_upload", **settings)
        except StorageException as error:
            if "ChecksumType" not in settings or not self._hot.checksums.learn_from(error):
                raise
        return await self._call(
            "create_multipart_upload", ContentType=settings["ContentType"], Metadata=settings["Metadata"]
        )

    async def send(self, number: int, part: Buffer) -> None:
        """Upload one part; they may come in any order and at once."""
        assert self._upload_id is not None  # noqa: S101 - for the type checker: `create` came first
        answer = await self._hot.upload_part(self._bucket, self._key, self._upload_id, number, part)
        self._parts[number] = {"PartNumber": number, "ETag": answer.get("ETag", "")}
        if crc32 := answer.get("x-amz-checksum-crc32"):
            self._parts[number]["ChecksumCRC32"] = crc32

    async def copy(self, number: int, source: dict[str, str], span: Span) -> None:
        """Have the service copy one part from another object, `source` in the SDK's terms."""
        answer = await self._call(
            "upload_part_copy",
            UploadId=self._upload_id,
            PartNumber=number,
            CopySourceRange=f"bytes={span.start}-{span.stop - 1}",
            **source,
        )
        self._parts[number] = {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

    async def complete(self, size: int, crc32: int | None = None) -> tuple[str | None, bool]:
        """Make the object of the parts; gives its ETag, and whether the server has checked the CRC-32 of the whole.

        Must not be cancelled: nobody would know whether the object exists.

        Raises:
            IntegrityException: The server has put together something else.
        """
        self._completing = True
        checked = crc32_text(crc32) if crc32 is not None and self._checks_whole else None
        whole = {} if checked is None else {"ChecksumCRC32": checked, "ChecksumType": _FULL_OBJECT}
        parts = [self._parts[number] for number in sorted(self._parts)]
        try:
            answer = await self._call(
                "complete_multipart_upload", UploadId=self._upload_id, MultipartUpload={"Parts": parts}, **whole
            )
        except FileNotFoundException:
            # The SDK repeats a request whose answer was lost: the second one finds the upload completed by the first.
            described = await self._hot.head_object(self._bucket, self._key)
            if int(described.get("Content-Length", -1)) != size:
                raise
            return quoted(described.get("ETag")), False
        confirmed = None if checked is None else answer.get("ChecksumCRC32")
        if confirmed not in {None, checked}:
            raise IntegrityException(
                f"the server has stored other bytes than were sent; {self._place}",
                operation=self._place.operation,
                backend=Backend.S3,
            )
        return quoted(answer.get("ETag")), confirmed is not None

    async def discard(self) -> None:
        """Leave nothing behind, however far it came; the error that led here is the one to report, so none is raised.

        All parts must have ended: one that is under way would bring the upload back.
        """
        async with best_effort(self._place):
            if self._upload_id is not None:
                await self._abort(self._upload_id)
            elif self._may_be_lost:
                for upload_id in await self._lost_ids():
                    await self._abort(upload_id)
            if self._completing:
                await self._hot.delete_object(self._bucket, self._key)

    async def _lost_ids(self) -> list[str]:
        """Uploads that were created without our learning their ids; the key is ours alone, so are they."""
        answer = await self._sdk.call("list_multipart_uploads", "upload", Bucket=self._bucket, Prefix=self._key)
        return [entry["UploadId"] for entry in answer.get("Uploads", ()) if entry["Key"] == self._key]

    async def _abort(self, upload_id: str) -> None:
        """Abort until the upload is gone.

        A part that the server was still storing may survive the first abort:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html.
        """
        failure: StorageException | None = None
        for attempt in range(_ABORTS):
            try:
                await self._call("abort_multipart_upload", UploadId=upload_id)
                await self._call("list_parts", UploadId=upload_id, MaxParts=1)
            except FileNotFoundException:
                return
            except StorageException as error:
                failure = error
            await asyncio.sleep(pause_before(attempt))
        if failure is not None:
            raise failure

    async def _call(self, method: str, **parameters: object) -> dict[str, Any]:
        return await self._sdk.call(method, "upload", **self._target, **parameters)
