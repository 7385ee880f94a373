"""One multipart upload from its creation to its completion, or to the point where nothing is left of it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from s3py_helper.adapters.s3.api.backoff import pause_before
from s3py_helper.adapters.s3.api.errors import ErrorContext
from s3py_helper.adapters.s3.api.multipart import CreatedUpload, Part
from s3py_helper.adapters.s3.api.object_headers import CRC32_HEADER, crc32_text, quoted
from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.adapters.s3.http.payload import Payload
from s3py_helper.adapters.s3.upload.rollback import best_effort
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.domain.errors import (
    BucketNotFoundException,
    FileNotFoundException,
    IntegrityException,
    StorageException,
)
from s3py_helper.domain.file_id import Backend

_ABORTS: Final = 8


@asynccontextmanager
async def multipart_upload(
    objects: ObjectApi, bucket: str, key: str, headers: dict[str, str], *, checksums: bool
) -> AsyncGenerator["MultipartUpload"]:
    """An upload that the block feeds and completes; discarded when the block raises, or is cancelled."""
    upload = MultipartUpload(objects, bucket, key)
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
    """Begins, feeds, completes or discards the upload of one object whose key nobody else uses."""

    def __init__(self, objects: ObjectApi, bucket: str, key: str) -> None:
        self._objects = objects
        self._requests = objects.multipart
        self._context = ErrorContext("upload", objects.endpoint.url, bucket, key)
        self._object = bucket, key
        self._upload_id: str | None = None
        self._may_be_lost = False
        self._checks_whole = False
        self._completing = False
        self._parts: dict[int, Part] = {}

    async def create(self, headers: dict[str, str], *, checksums: bool) -> None:
        """Begin; must not be cancelled: `discard` would have to look for the upload."""
        try:
            created = await self._create(headers, checksums=checksums and self._objects.checksums.wanted)
        except StorageException as error:
            # A refusal is clear; after a lost answer an upload may be there whose id nobody knows.
            self._may_be_lost = error.retryable
            raise
        self._upload_id = created.upload_id
        self._checks_whole = created.checks_whole
        if created.repeated:
            async with best_effort(self._context):
                for upload_id in set(await self._requests.ids_of(*self._object)) - {created.upload_id}:
                    await self._abort(upload_id)

    async def _create(self, headers: dict[str, str], *, checksums: bool) -> CreatedUpload:
        try:
            return await self._requests.create(*self._object, headers, checksums=checksums)
        except StorageException as error:
            if not checksums or not self._objects.checksums.learn_from(error):
                raise
        return await self._requests.create(*self._object, headers, checksums=False)

    @property
    def upload_id(self) -> str:
        """Its id."""
        if self._upload_id is None:
            raise RuntimeError("the upload has not begun")
        return self._upload_id

    async def send(self, number: int, content: Payload) -> None:
        """Upload one part; they may come in any order and at once."""
        response = await self._objects.upload_part(*self._object, self.upload_id, number, content)
        self.add(Part(number, response.get("etag", ""), response.get(CRC32_HEADER)))

    def add(self, part: Part) -> None:
        """Take a part that was stored in another way."""
        self._parts[part.number] = part

    async def complete(self, size: int, crc32: int | None = None) -> tuple[str | None, bool]:
        """Make the object of the parts; gives its ETag, and whether the server has checked the CRC-32 of the whole.

        Must not be cancelled: nobody would know whether the object exists.

        Raises:
            IntegrityException: The server has put together something else.
        """
        self._completing = True
        checked = crc32 if self._checks_whole else None
        parts = [self._parts[number] for number in sorted(self._parts)]
        try:
            etag, confirmed = await self._requests.complete(*self._object, self.upload_id, parts, crc32=checked)
        except FileNotFoundException:
            # A request whose answer was lost is repeated: the second one finds the upload completed by the first.
            described = await self._objects.head_object(*self._object)
            if int(described.get("content-length", -1)) != size:
                raise
            return quoted(described.get("etag")), False
        if checked is None or confirmed is None:
            return etag, False
        if confirmed != crc32_text(checked):
            raise IntegrityException(
                f"the server has stored other bytes than were sent; {self._context}",
                operation=self._context.operation,
                backend=Backend.S3,
            )
        return etag, True

    async def discard(self) -> None:
        """Leave nothing behind, however far it came; the error that led here is the one to report, so none is raised.

        All parts must have ended: one that is under way would bring the upload back.
        """
        async with best_effort(self._context):
            if self._upload_id is not None:
                await self._abort(self._upload_id)
            elif self._may_be_lost:
                # CreatedUpload without our learning their ids; the key is ours alone, so are they.
                for upload_id in await self._requests.ids_of(*self._object):
                    await self._abort(upload_id)
            if self._completing:
                await self._objects.delete_object(*self._object)

    async def _abort(self, upload_id: str) -> None:
        """Abort until the upload is gone.

        A part that the server was still storing may survive the first abort:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html.
        """
        failure: StorageException | None = None
        for attempt in range(_ABORTS):
            try:
                await self._requests.abort(*self._object, upload_id)
                await self._requests.require(*self._object, upload_id)
            except (FileNotFoundException, BucketNotFoundException):
                return
            except StorageException as error:
                failure = error
            await asyncio.sleep(pause_before(attempt))
        if failure is not None:
            raise failure
