"""Storing a body: in one request, or in parts of which several are in flight at once."""

import asyncio
from collections.abc import Iterator
from typing import Final

from s3py_helper.adapters.s3.api.object_headers import CRC32_HEADER, etag_of, upload_headers
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.http.payload import Payload
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.upload.in_flight_bytes import InFlightBytes
from s3py_helper.adapters.s3.upload.multipart_upload import MultipartUpload, multipart_upload
from s3py_helper.adapters.s3.upload.only_new import stored_where_none_was
from s3py_helper.adapters.s3.upload.part_reader import PartReader
from s3py_helper.adapters.s3.upload.stored_or_nothing import stored_or_nothing
from s3py_helper.application.concurrency.first_error import first_error_of
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import FileTooLargeException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.part_plan import MAX_OBJECT_SIZE, MIN_PART_SIZE, part_sizes

_NOT_COUNTED: Final = 64 * 1024
"""Files of up to this size hardly matter to the memory of all uploads, and counting them would be felt."""


class BlobWriter:
    """Chooses how to store a body, and stores it.

    Memory is bounded by parts in flight times part size, and for all uploads together by `upload_memory`, or a part for
    each of them; small files are not counted. Where parts have to be larger than configured, because there may be no
    more than 10 000, at most 128 MiB are in flight; a single part has up to 525 MiB (of a file of 5 TiB whose size is
    known) or 768 MiB (of one of unknown size, beyond 400 GiB).
    """

    def __init__(self, session: S3Session, default_bucket: str, perf: S3PerfConfig) -> None:
        self._session = session
        self._default_bucket = default_bucket
        self._perf = perf

    async def write(self, blob: NewBlob, body: IncomingBody, *, only_new: asyncio.Lock | None = None) -> BlobInfo:
        """As `BlobStore.write` promises; with `only_new`, the lock of a given key, as `NamedWrites.create` does."""
        headers = upload_headers(blob)
        file_id = FileId(Backend.S3, blob.bucket or self._default_bucket, blob.key)
        if blob.size is not None and blob.size <= _NOT_COUNTED:
            # The body ends there, or raises.
            part = await PartReader(body).read(blob.size)
            etag, confirmed = await self._put(file_id, part, headers, only_new=only_new)
        else:
            etag, confirmed = await self._store(file_id, blob.size, body, headers, only_new=only_new)
        return BlobInfo(
            file_id=file_id,
            size=body.received,
            file_name=blob.file_name,
            content_type=blob.content_type,
            etag=etag,
            checksum=body.checksum if confirmed else None,
            metadata=dict(blob.metadata),
        )

    async def _store(
        self,
        file_id: FileId,
        size: int | None,
        body: IncomingBody,
        headers: dict[str, str],
        *,
        only_new: asyncio.Lock | None,
    ) -> tuple[str | None, bool]:
        reader, perf = PartReader(body), self._perf
        with InFlightBytes(self._session.upload_memory, perf.parts_in_flight, perf.multipart_part_size) as in_flight:
            if size is not None and (size < perf.multipart_threshold or size <= perf.multipart_part_size):
                await in_flight.acquire(size)
                return await self._put(file_id, await reader.read(size), headers, only_new=only_new)
            first, sizes = await self._hold_first(reader, in_flight, size)
            if reader.ended:
                return await self._put(file_id, await reader.read(first), headers, only_new=only_new)
            objects, background = self._session.objects, self._session.background
            async with multipart_upload(
                objects, background, file_id.bucket, file_id.key, headers, checksums=True, only_new=only_new
            ) as upload:
                await first_error_of(_send_all(upload, reader, in_flight, first, sizes))
                return await upload.complete(body.received, body.crc32)

    async def _hold_first(
        self, reader: PartReader, in_flight: InFlightBytes, size: int | None
    ) -> tuple[int, Iterator[int]]:
        """Have the reader hold the first part; returns the size that it may have, and those of the others.

        Parts are as small as S3 takes them where other uploads have taken the memory by the time that the first such
        part has come.
        """
        await in_flight.acquire(MIN_PART_SIZE)
        await reader.hold(MIN_PART_SIZE)
        scarce = self._session.upload_memory.scarce
        sizes = part_sizes(MIN_PART_SIZE if scarce else self._perf.multipart_part_size, size)
        first = next(sizes)
        in_flight.release(MIN_PART_SIZE)
        await in_flight.acquire(first)
        await reader.hold(first)
        return first, sizes

    async def _put(
        self, file_id: FileId, part: Payload, headers: dict[str, str], *, only_new: asyncio.Lock | None
    ) -> tuple[str | None, bool]:
        objects, background = self._session.objects, self._session.background
        bucket, key, outcome = file_id.bucket, file_id.key, Outcome()
        if only_new is not None:
            async with only_new:
                stored = await stored_where_none_was(objects, bucket, key, part, headers)
            return etag_of(stored), CRC32_HEADER in stored
        putting = objects.put_object(bucket, key, part, headers, outcome)
        stored = await stored_or_nothing(objects, background, bucket, key, putting, outcome)
        return etag_of(stored), CRC32_HEADER in stored


async def _send_all(
    upload: MultipartUpload, reader: PartReader, in_flight: InFlightBytes, first: int, sizes: Iterator[int]
) -> None:
    """The first part has been acquired. No part has a name here: it would stay in memory while others come."""

    async def send(number: int, part: Payload, size: int) -> None:
        try:
            await upload.send(number, part)
        finally:
            in_flight.release(size)

    async with asyncio.TaskGroup() as group:
        group.create_task(send(1, await reader.read(first), first))
        for number, size in enumerate(sizes, start=2):
            # Before the part is read: what waits for its turn takes memory as well.
            await in_flight.acquire(size)
            if reader.ended:
                return
            group.create_task(send(number, await reader.read(size), size))
        if not reader.ended:
            raise FileTooLargeException(
                f"the file has more bytes than S3 stores in one object ({MAX_OBJECT_SIZE})", limit=MAX_OBJECT_SIZE
            )
