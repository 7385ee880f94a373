"""What every upload has in common: a file is checked, described and stored as a whole, or not at all."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from s3py_helper.application.background import CleanUp
from s3py_helper.application.describe import file_attach
from s3py_helper.application.located import Located
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.signatures import Signatures
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.application.streams.progress import Progress, reporting, require_progress
from s3py_helper.application.streams.sources import ByteSource, chunks_of
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.content_type import (
    COMPARED_BYTES,
    check_content_type,
    compared_content_type,
    guess_content_type,
)
from s3py_helper.domain.errors import FileNotFoundException, StorageException
from s3py_helper.domain.files import FileAttach
from s3py_helper.domain.metadata import check_metadata
from s3py_helper.domain.object_key import given_object_key, new_object_key
from s3py_helper.domain.text_rules import require_text
from s3py_helper.domain.validation import FileValidatorImpl


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a caller wants files stored, and with what."""

    folder: str | None = None
    bucket: str | None = None
    metadata: Mapping[str, str] | None = None
    progress: Progress | None = None
    as_key: bool = False
    """Whether folder and name are the key, unchanged."""


class NewFiles:
    """Stores files in the backend that takes new ones.

    Args:
        locator: Knows where new files go.
        validator: Rules for names, types and sizes.
        signatures: Where given, the first bytes of every file are compared with its type.
    """

    def __init__(self, locator: Locator, validator: FileValidatorImpl | None, signatures: Signatures | None) -> None:
        self._locator = locator
        self._validator = validator
        self._signatures = signatures

    async def store(
        self, file_name: str, source: ByteSource, size: int | None, placement: Placement, content_type: str | None
    ) -> FileAttach:
        """Store a file; `size` and `content_type` are `None` where the caller did not say."""
        require_text(file_name, "a file name")
        if content_type is not None:
            check_content_type(content_type)
        attach: FileAttach | None = None
        try:
            limit = self.validated(file_name, size)
            metadata = {} if placement.metadata is None else check_metadata(placement.metadata)
            key = (given_object_key if placement.as_key else new_object_key)(file_name, placement.folder)
            destination = self._locator.destination(placement.bucket, key)
            chunks = chunks_of(source)
            if placement.progress is not None:
                chunks = reporting(chunks, require_progress(placement.progress), size)
            async with contextlib.aclosing(IncomingBody(chunks, size=size, limit=limit)) as body:
                blob = NewBlob(
                    key=key,
                    file_name=file_name,
                    bucket=placement.bucket,
                    content_type=await self._content_type(file_name, content_type, body),
                    size=size,
                    metadata=metadata,
                )
                info = await (destination.create if placement.as_key else destination.write)(blob, body)
                text = self._locator.text(info.file_id)
                attach = file_attach(blob, text, size=body.received, checksum=body.checksum, etag=info.etag)
        except BaseException as error:  # closing the source failed or was cancelled: nobody would learn the id
            if attach is not None:
                await self.roll_back([attach])
            if isinstance(error, StorageException):
                error.file_name = error.file_name or file_name
            raise
        return attach

    async def roll_back(self, attaches: Iterable[FileAttach]) -> None:
        """Delete what was stored a moment ago; see `UploadService.roll_back`."""
        await self._locator.clean_up.run_all([self._removal(attach) for attach in attaches])

    def validated(self, file_name: str, size: int | None) -> int | None:
        """The largest size allowed, `None` for any; raises where name, type or size are not allowed."""
        if self._validator is None:
            return None
        self._validator.validate_file_name(file_name)
        self._validator.validate_file_type(file_name)
        if size is not None:
            self._validator.validate_file_size(size)
        return self._validator.max_file_size

    async def _content_type(self, file_name: str, said: str | None, body: IncomingBody) -> str:
        if self._signatures is None:
            return said or guess_content_type(file_name, await body.first_bytes())
        first = await body.first_bytes(COMPARED_BYTES)
        first = first[:COMPARED_BYTES]
        return compared_content_type(file_name, said, first, self._signatures.of(first))

    def _removal(self, attach: FileAttach) -> CleanUp:
        located = self._locator.stored(attach.file_id)
        return CleanUp(located.file_id.backend, f"the file {located.file_id}", partial(_remove, located))


async def _remove(located: Located) -> None:
    with contextlib.suppress(FileNotFoundException):
        await located.delete()
