"""POST of files: stored while they arrive."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError

from s3py_helper.application.upload import UploadService
from s3py_helper.domain.content_type import OCTET_STREAM
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.files import FileAttach
from s3py_helper.entrypoints.http.limits.errors import RequestTimedOutException
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.media_types import media_type
from s3py_helper.entrypoints.http.uploads.arrival import Arrival, UploadSlots
from s3py_helper.entrypoints.http.uploads.body_digests import DigestMismatchException
from s3py_helper.entrypoints.http.uploads.form_errors import FormException
from s3py_helper.entrypoints.http.uploads.form_reader import MAX_UNUSED_BYTES, FormReader
from s3py_helper.entrypoints.http.uploads.part_head import PartHead

SINGLE_FIELD: Final = "file"
BATCH_FIELD: Final = "files"


class Uploads:
    """One request's files, on their way to where it wants them."""

    def __init__(
        self,
        request: Request,
        service: UploadService,
        limits: Limits,
        slots: UploadSlots,
        *,
        folder: str | None,
        bucket: str | None,
    ) -> None:
        self._content_type = request.headers.get("content-type")
        self._arrival = Arrival(request, limits, slots)
        self._service = service
        self._folder = folder
        self._bucket = bucket

    async def store_one(self) -> FileAttach:
        """Store the file of the field `file`; it becomes visible when the whole form has come."""
        self._arrival.require_size(besides=MAX_UNUSED_BYTES)
        async with self._reported_or_rolled_back() as stored, self._form() as form:
            head = await _next_file(form, SINGLE_FIELD)
            if head is None:
                raise _missing(SINGLE_FIELD)
            stored.append(await self._store(head, _content_and_end(form, SINGLE_FIELD)))
        return stored[0]

    async def store_all(self) -> list[FileAttach]:
        """Store the files of the fields `files` one after another; when one fails, none stays."""
        async with self._reported_or_rolled_back() as stored, self._form() as form:
            while (head := await _next_file(form, BATCH_FIELD)) is not None:
                stored.append(await self._store(head, form.content()))
            if not stored:
                raise _missing(BATCH_FIELD)
        return stored

    async def store_each(self) -> list[FileAttach | StorageException]:
        """Store the files of the fields `files` one after another, whatever becomes of those before.

        When the form itself fails, none stays: its sender may be gone, or would send all of it again.
        """
        outcomes: list[FileAttach | StorageException] = []
        async with self._reported_or_rolled_back() as stored, self._form() as form:
            while (head := await _next_file(form, BATCH_FIELD)) is not None:
                try:
                    stored.append(await self._store(head, form.content()))
                except (FormException, RequestTimedOutException, DigestMismatchException):
                    raise
                except StorageException as error:
                    outcomes.append(error)
                    await _passed_over(form)
                else:
                    outcomes.append(stored[-1])
            if not outcomes:
                raise _missing(BATCH_FIELD)
        return outcomes

    @contextlib.asynccontextmanager
    async def _reported_or_rolled_back(self) -> AsyncGenerator[list[FileAttach]]:
        """A list of what the block has stored: deleted again when the block, or closing the form, fails."""
        stored: list[FileAttach] = []
        try:
            yield stored
        except BaseException:  # the client may have gone, the server stop: nobody learns these files' ids
            await self._service.roll_back(stored)
            raise

    async def _store(self, head: PartHead, content: AsyncGenerator[bytes]) -> FileAttach:
        if head.file_name is None:
            raise FormException(f"the form field {head.field!r} is not a file: it has no file name")
        # "Some bytes" is what clients say who do not know: name and content tell more.
        claimed = media_type(head.content_type)
        return await self._service.upload_stream(
            head.file_name,
            content,
            None,
            self._folder,
            self._bucket,
            content_type=None if claimed == OCTET_STREAM else claimed,
        )

    @contextlib.asynccontextmanager
    async def _form(self) -> AsyncGenerator[FormReader]:
        async with self._arrival.body() as body:
            yield FormReader(self._content_type, body)


async def _next_file(form: FormReader, field: str) -> PartHead | None:
    while (head := await form.next_part()) is not None and head.field != field:
        pass
    return head


async def _passed_over(form: FormReader) -> None:
    """Take what is left of a file that was refused."""
    async with contextlib.aclosing(form.content()) as content:
        async for _ in content:
            pass


async def _content_and_end(form: FormReader, field: str) -> AsyncGenerator[bytes]:
    """A file's content; ends only when the form has ended as it should."""
    async with contextlib.aclosing(form.content()) as content:
        async for chunk in content:
            yield chunk
    if await _next_file(form, field) is not None:
        raise FormException(f"the form has more than one field {field!r}: send several files to .../batch-upload")


def _missing(field: str) -> RequestValidationError:
    return RequestValidationError([{"type": "missing", "loc": ("body", field), "msg": "Field required", "input": None}])
