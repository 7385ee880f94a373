"""One multipart upload, from its creation to its completion or roll-back."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Final

from s3py_helper.adapters.s3.api.errors import ErrorContext
from s3py_helper.adapters.s3.api.multipart import CreatedUpload, Part
from s3py_helper.adapters.s3.api.object_headers import (
    CRC32_HEADER,
    ONLY_NEW,
    content_length,
    crc32_text,
    etag_of,
    quoted,
)
from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.api.retrying import pause_before
from s3py_helper.adapters.s3.http.payload import Payload
from s3py_helper.adapters.s3.upload.rollback import (
    GRACE_SECONDS,
    LOOKS_AFTER,
    object_named,
    remove_uncertain_object,
)
from s3py_helper.application.background import BackgroundCleanUp
from s3py_helper.domain.errors import (
    BucketNotFoundException,
    FileNotFoundException,
    IntegrityException,
    PreconditionFailedException,
    StorageException,
    StorageOperationException,
)
from s3py_helper.domain.file_id import Backend

_ABORTS: Final = 8


@asynccontextmanager
async def multipart_upload(
    objects: ObjectApi,
    background: BackgroundCleanUp,
    bucket: str,
    key: str,
    headers: dict[str, str],
    *,
    checksums: bool,
    only_new: asyncio.Lock | None = None,
) -> AsyncGenerator["MultipartUpload"]:
    """An upload that the block feeds and completes; rolled back when the block raises, or is cancelled."""
    upload = MultipartUpload(objects, background, bucket, key, only_new=only_new)
    try:
        await upload.create(headers, checksums=checksums)
        yield upload
    except BaseException:  # whatever happened, the parts would stay, and be billed
        await background.run(Backend.S3, f"a multipart upload, or {object_named(bucket, key)}", upload.roll_back)
        raise


class MultipartUpload:
    """Creates, feeds, completes or rolls back the upload of one object whose key nobody else uses.

    Creation and completion go on in a task of their own when their caller is cancelled: only their response says what
    there is to roll back.

    With `only_new` others may use the key: the object is made only where there is none, and no object is ever removed.
    The lock is the key's: some servers look first and store afterwards, so that this process stores one at a time.
    """

    def __init__(
        self,
        objects: ObjectApi,
        background: BackgroundCleanUp,
        bucket: str,
        key: str,
        *,
        only_new: asyncio.Lock | None = None,
    ) -> None:
        self._only_new = only_new
        self._objects = objects
        self._background = background
        self._requests = objects.multipart
        self._context = ErrorContext("upload", objects.endpoint.url, bucket, key)
        self._object = bucket, key
        self._upload_id: str | None = None
        self._creation = Outcome()
        self._checks_whole = False
        self._completion: Outcome | None = None
        self._parts: dict[int, Part] = {}
        self._control: asyncio.Task[Any] | None = None

    async def create(self, headers: dict[str, str], *, checksums: bool) -> None:
        """Create the upload."""
        await self._controlled(self._create(headers, checksums=checksums))

    @property
    def upload_id(self) -> str:
        """Its id."""
        if self._upload_id is None:
            raise RuntimeError("the upload has not begun")
        return self._upload_id

    async def send(self, number: int, content: Payload) -> None:
        """Upload one part; they may come in any order and at once."""
        headers = await self._objects.upload_part(*self._object, self.upload_id, number, content)
        self.add(Part(number, quoted(headers["etag"]), headers.get(CRC32_HEADER)))

    def add(self, part: Part) -> None:
        """Note a part that was stored in another way."""
        self._parts[part.number] = part

    async def complete(self, size: int, crc32: int | None = None) -> tuple[str | None, bool]:
        """Complete the upload; returns the object's ETag, and whether the server has checked the CRC-32 of the whole.

        Raises:
            IntegrityException: The server has assembled something else.
        """
        self._completion = Outcome()
        return await self._controlled(self._complete(self._completion, size, crc32 if self._checks_whole else None))

    async def roll_back(self) -> None:
        """Leave nothing behind, however far the upload got.

        All parts must have ended: one that is under way would bring the upload back.
        """
        await self._end_control()
        try:
            await self._abort_uploads()
        finally:
            if self._completion is not None and self._only_new is None:
                await self._remove_object(self._completion)

    async def _end_control(self) -> None:
        """Wait for the creation or completion that is under way; give it up when it takes too long."""
        if self._control is None or self._control.done():
            return
        await asyncio.wait([self._control], timeout=GRACE_SECONDS)
        if not self._control.done():
            self._control.cancel()
            await asyncio.wait([self._control])
            (self._completion or self._creation).uncertain = True

    async def _abort_uploads(self) -> None:
        if self._upload_id is not None:
            await self._abort(self._upload_id)
        elif self._creation.uncertain:
            # One may have been created without our learning its id, or may still be.
            what = f"a multipart upload of {object_named(*self._object)}"
            for seconds in LOOKS_AFTER:
                self._background.later(seconds, Backend.S3, what, self._abort_all)
            await self._abort_all()

    async def _remove_object(self, completion: Outcome) -> None:
        if completion.uncertain:
            await remove_uncertain_object(self._objects, self._background, *self._object)
        else:
            await self._objects.delete_object(*self._object)

    async def _controlled[Result](self, work: Coroutine[Any, Any, Result]) -> Result:
        self._control = task = asyncio.ensure_future(work)
        # Its outcome is looked at by `roll_back` if not by the caller.
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(task)

    async def _create(self, headers: dict[str, str], *, checksums: bool) -> None:
        created = await self._created(headers, checksums=checksums)
        self._upload_id = created.upload_id
        self._checks_whole = created.checks_whole
        if created.repeated:
            # An attempt whose response was lost may have created another one.
            what = f"a multipart upload of {object_named(*self._object)}"
            self._background.start(Backend.S3, what, self._abort_all_others)

    async def _created(self, headers: dict[str, str], *, checksums: bool) -> CreatedUpload:
        policy, bucket = self._objects.checksums, self._object[0]
        create = self._requests.create
        if not checksums or not policy.wanted(bucket):
            return await create(*self._object, headers, self._creation, checksums=False)
        try:
            return await create(*self._object, headers, self._creation, checksums=True)
        except StorageException as error:
            if not policy.may_be_the_reason(error):
                raise
            created = await create(*self._object, headers, self._creation, checksums=False)
            policy.give_up(bucket, error)
            return created

    async def _complete(self, outcome: Outcome, size: int, crc32: int | None) -> tuple[str | None, bool]:
        parts = [self._parts[number] for number in sorted(self._parts)]
        etag: str | None
        conditions = None if self._only_new is None else ONLY_NEW
        try:
            async with self._only_new or nullcontext():
                etag, confirmed = await self._requests.complete(
                    *self._object, self.upload_id, parts, outcome, crc32=crc32, conditions=conditions
                )
        except StorageException as error:
            # The object may be there all the same: a request whose response was lost is repeated, and the second one
            # finds no upload any more, or the object.
            found_it = isinstance(error, PreconditionFailedException) and outcome.uncertain
            if not (error.retryable or found_it or isinstance(error, FileNotFoundException)):
                raise
            etag, confirmed = await self._completed_already(size, crc32, error)
        if crc32 is None or confirmed is None:
            return etag, False
        if confirmed != crc32_text(crc32):
            raise IntegrityException(
                f"the server has stored other bytes than were sent; {self._context}",
                operation=self._context.operation,
                backend=Backend.S3,
            )
        return etag, True

    async def _completed_already(
        self, size: int, crc32: int | None, error: StorageException
    ) -> tuple[str | None, str | None]:
        """ETag and CRC-32 of the object, if it is there and has the right size; else raises the error.

        Under a key that others use, its CRC-32 has to be right as well.
        """
        try:
            headers = await self._objects.head_object(*self._object)
            found = content_length(headers)
        except StorageException:
            raise error from error.__cause__
        known = crc32 is not None and headers.get(CRC32_HEADER) == crc32_text(crc32)
        if found != size or (self._only_new is not None and not known):
            raise error
        return etag_of(headers), headers.get(CRC32_HEADER)

    async def _abort_all(self) -> None:
        for upload_id in await self._requests.ids_of(*self._object):
            await self._abort(upload_id)

    async def _abort_all_others(self) -> None:
        for upload_id in await self._requests.ids_of(*self._object):
            if upload_id != self._upload_id:
                await self._abort(upload_id)

    async def _abort(self, upload_id: str) -> None:
        """Abort until the upload is gone.

        A part that the server was still storing may survive the first abort:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html.
        """
        failure: StorageException = StorageOperationException(
            f"the server still has the upload after {_ABORTS} aborts; {self._context}", backend=Backend.S3
        )
        for attempt in range(_ABORTS):
            try:
                await self._requests.abort(*self._object, upload_id)
                await self._requests.require(*self._object, upload_id)
            except (FileNotFoundException, BucketNotFoundException):
                return
            except StorageException as error:
                if not error.retryable:
                    raise
                failure = error
            await asyncio.sleep(pause_before(attempt))
        raise failure
