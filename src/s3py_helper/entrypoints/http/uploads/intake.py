"""POST of files: stored while they arrive."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError

from s3py_helper.application.upload import UploadService
from s3py_helper.domain.content_type import OCTET_STREAM
from s3py_helper.domain.errors import FileTooLargeException
from s3py_helper.domain.files import FileAttach
from s3py_helper.entrypoints.http.limits.arriving_body import arriving_body, each_of
from s3py_helper.entrypoints.http.limits.clients import client_of
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.limits.slots import Slots
from s3py_helper.entrypoints.http.media_types import media_type
from s3py_helper.entrypoints.http.uploads.form_errors import FormException
from s3py_helper.entrypoints.http.uploads.form_reader import MAX_UNUSED_BYTES, FormReader
from s3py_helper.entrypoints.http.uploads.part_head import PartHead

SINGLE_FIELD: Final = "file"
BATCH_FIELD: Final = "files"

SMALL_UPLOAD: Final = 64 * 1024
"""Bytes of a request that are read before it takes a place: no more than the server holds for any connection."""

_TOO_MANY_DIGITS: Final = 20


class UploadSlots:
    """Who may store files now. Small uploads have places of their own: the large ones can take minutes."""

    def __init__(self, limits: Limits) -> None:
        self.small = Slots(
            "small uploads", limits.concurrent_uploads, share=limits.client_share, patience=limits.queue_timeout
        )
        self.large = Slots(
            "uploads", limits.concurrent_uploads, share=limits.client_share, patience=limits.queue_timeout
        )


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
        self._request = request
        self._service = service
        self._limits = limits
        self._slots = slots
        self._folder = folder
        self._bucket = bucket

    async def store_one(self) -> FileAttach:
        """Store the file of the field `file`; it becomes visible when the whole form has come."""
        self._refuse_if_declared_too_large()
        async with self._told_or_rolled_back() as stored, self._form() as form:
            head = await _next_file(form, SINGLE_FIELD)
            if head is None:
                raise _missing(SINGLE_FIELD)
            stored.append(await self._store(head, _content_and_end(form, SINGLE_FIELD)))
        return stored[0]

    async def store_all(self) -> list[FileAttach]:
        """Store the files of the fields `files` one after another; when one fails, none stays."""
        async with self._told_or_rolled_back() as stored, self._form() as form:
            while (head := await _next_file(form, BATCH_FIELD)) is not None:
                stored.append(await self._store(head, form.content()))
            if not stored:
                raise _missing(BATCH_FIELD)
        return stored

    @contextlib.asynccontextmanager
    async def _told_or_rolled_back(self) -> AsyncGenerator[list[FileAttach]]:
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
        """The form, as soon as there is a place for the upload; until then TCP makes the client wait."""
        client = client_of(self._request.scope)
        content_type = self._request.headers.get("content-type")
        async with contextlib.aclosing(self._body()) as body:
            declared = self._declared_length()
            if declared is not None and declared <= SMALL_UPLOAD:
                form = FormReader(content_type, each_of([chunk async for chunk in body]))
                slots = self._slots.small
            else:
                form = FormReader(content_type, body)
                slots = self._slots.large
            async with slots.held_by(client):
                yield form

    def _body(self) -> AsyncGenerator[bytes]:
        limits = self._limits
        return arriving_body(self._request, idle_timeout=limits.idle_timeout, min_rate=limits.min_upload_rate)

    def _declared_length(self) -> int | None:
        declared = self._request.headers.get("content-length", "")
        return int(declared) if declared.isdecimal() and len(declared) < _TOO_MANY_DIGITS else None

    def _refuse_if_declared_too_large(self) -> None:
        """Spare both sides the transfer where the length of the request tells enough."""
        limit, declared = self._limits.max_file_size, self._declared_length()
        if limit is not None and declared is not None and declared > limit + MAX_UNUSED_BYTES:
            raise FileTooLargeException(
                f"a request of {declared} bytes holds a file of more than the {limit} bytes allowed", limit=limit
            )


async def _next_file(form: FormReader, field: str) -> PartHead | None:
    while (head := await form.next_part()) is not None and head.field != field:
        pass
    return head


async def _content_and_end(form: FormReader, field: str) -> AsyncGenerator[bytes]:
    """A file's content; ends only when the form has ended as it should."""
    async with contextlib.aclosing(form.content()) as content:
        async for chunk in content:
            yield chunk
    if await _next_file(form, field) is not None:
        raise FormException(f"the form has more than one field {field!r}: send several files to .../batch-upload")


def _missing(field: str) -> RequestValidationError:
    return RequestValidationError([{"type": "missing", "loc": ("body", field), "msg": "Field required", "input": None}])
