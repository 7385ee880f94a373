"""The port `MigrationTarget` on S3.

Unlike an upload's key, a moved file's is not this process's own: another worker may write it at the same time. So
nothing is rolled back here; what a lost response leaves behind is met by the next attempt, which finds the key taken.
"""

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import replace
from hashlib import md5

from s3py_helper.adapters.s3.api.multipart import Part
from s3py_helper.adapters.s3.api.object_headers import (
    blob_info,
    content_length,
    crc32_text,
    describing_headers,
    etag_of,
)
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.http.payload import Payload, payload_of
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.adapters.s3.upload.part_reader import PartReader
from s3py_helper.application.ports.migration_target import (
    MigrationTarget,
    NewObject,
    PartDone,
    TargetAbilities,
    TargetObject,
)
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.content_type import OCTET_STREAM
from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    IntegrityException,
    PreconditionFailedException,
    StorageException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import PROBE
from s3py_helper.domain.part_plan import MAX_OBJECT_SIZE


class S3MigrationTarget:
    """Objects of one bucket, written once.

    Args:
        session: The service.
        bucket: Where moved files go.
    """

    def __init__(self, session: S3Session, bucket: str) -> None:
        self._session = session
        self._bucket = bucket
        self._checks_whole: dict[str, bool] = {}

    async def probe(self, prefix: str) -> TargetAbilities:
        """See `MigrationTarget.probe`."""
        key = f"{prefix}{PROBE}{int(time.time()):x}-{secrets.token_hex(8)}"
        shows_missing = await self._shows_missing(key)
        content = b"s3py-helper looks what this server can do"
        try:
            return await self._probed(key, content, shows_missing=shows_missing)
        except AccessDeniedException:
            return TargetAbilities(
                checks_crc32=False,
                checks_whole=False,
                refuses_overwriting=False,
                shows_missing=shows_missing,
                md5_etags=False,
                writable=False,
            )
        finally:
            with suppress(StorageException):  # it was not stored, or what could not be stored is the error to report
                await self.delete(key)

    async def _probed(self, key: str, content: bytes, *, shows_missing: bool) -> TargetAbilities:
        payload = payload_of(content)
        refused_wrong = await self._refuses(key, replace(payload, crc32=payload.crc32 ^ 1), IntegrityException)
        headers = await self._session.objects.put_object(self._bucket, key, payload, _headers(_probe(key, content)))
        there = await self.head(key)
        states_sum = there is not None and there.crc32 == payload.crc32
        condition = {"if-none-match": "*"}
        refuses_overwriting = await self._refuses(key, payload, PreconditionFailedException, condition)
        await self.delete(key)
        upload_id = await self.begin(_probe(key, content))
        checks_whole = self._checks_whole.pop(upload_id, False)
        await self.abort(key, upload_id)
        return TargetAbilities(
            checks_crc32=refused_wrong and states_sum,
            checks_whole=checks_whole and states_sum,
            refuses_overwriting=refuses_overwriting,
            shows_missing=shows_missing,
            md5_etags=etag_of(headers) == f'"{md5(content, usedforsecurity=False).hexdigest()}"',
            writable=True,
        )

    async def _shows_missing(self, key: str) -> bool:
        try:
            return await self.head(key) is None
        except AccessDeniedException:
            return False

    async def _refuses(
        self, key: str, payload: Payload, kind: type[StorageException], headers: Mapping[str, str] | None = None
    ) -> bool:
        try:
            await self._session.objects.put_object(self._bucket, key, payload, dict(headers or {}))
        except kind:
            return True
        return False

    async def put(self, new: NewObject, content: IncomingBody | bytes) -> TargetObject:
        """See `MigrationTarget.put`."""
        payload = payload_of(content) if isinstance(content, bytes) else await _read(content, new.size)
        if payload.size != new.size:
            raise IntegrityException(f"the source gave {payload.size} bytes, not {new.size}")
        if new.crc32 is not None and payload.crc32 != new.crc32:
            raise IntegrityException(f"the source gave bytes with the CRC-32 {payload.crc32:08x}, not {new.crc32:08x}")
        headers = _headers(new) | _condition(new)
        stored = await self._session.objects.put_object(self._bucket, new.key, payload, headers)
        return _stored(new, etag_of(stored), payload.crc32)

    async def begin(self, new: NewObject) -> str:
        """See `MigrationTarget.begin`."""
        objects = self._session.objects
        wanted = new.crc32 is not None and objects.checksums.wanted(self._bucket)
        created = await objects.multipart.create(self._bucket, new.key, _headers(new), Outcome(), checksums=wanted)
        self._checks_whole[created.upload_id] = created.checks_whole
        return created.upload_id

    async def parts(self, key: str, upload_id: str) -> Sequence[PartDone]:
        """See `MigrationTarget.parts`."""
        return [
            PartDone(part.number, size, part.etag)
            for part, size in await self._session.objects.multipart.parts(self._bucket, key, upload_id)
        ]

    async def send_part(self, key: str, upload_id: str, number: int, body: IncomingBody) -> PartDone:
        """See `MigrationTarget.send_part`."""
        payload = await _read(body, body.size or MAX_OBJECT_SIZE)
        headers = await self._session.objects.upload_part(self._bucket, key, upload_id, number, payload)
        return PartDone(number, payload.size, etag_of(headers) or "")

    async def complete(self, new: NewObject, upload_id: str, parts: Sequence[PartDone]) -> TargetObject:
        """See `MigrationTarget.complete`."""
        # What another process began is not known here; asked for a sum that it was not begun with, a server refuses.
        checked = new.crc32 if self._checks_whole.get(upload_id, True) else None
        etag, confirmed = await self._session.objects.multipart.complete(
            self._bucket,
            new.key,
            upload_id,
            [Part(part.number, part.etag) for part in parts],
            Outcome(),
            crc32=checked,
            conditions=_condition(new),
        )
        self._checks_whole.pop(upload_id, None)
        if checked is not None and confirmed not in {None, crc32_text(checked)}:
            raise IntegrityException(f"the server has put together other bytes under {new.key}")
        return _stored(new, etag, new.crc32)

    async def abort(self, key: str, upload_id: str) -> None:
        """See `MigrationTarget.abort`."""
        self._checks_whole.pop(upload_id, None)
        with suppress(FileNotFoundException):
            await self._session.objects.multipart.abort(self._bucket, key, upload_id)

    async def uploads(self, prefix: str) -> Sequence[tuple[str, str]]:
        """See `MigrationTarget.uploads`."""
        return await self._session.objects.multipart.uploads(self._bucket, prefix)

    async def head(self, key: str) -> TargetObject | None:
        """See `MigrationTarget.head`."""
        try:
            headers = await self._session.objects.head_object(self._bucket, key)
        except FileNotFoundException:
            return None
        return _object(blob_info(FileId(Backend.S3, self._bucket, key), headers, content_length(headers)))

    @asynccontextmanager
    async def open(self, key: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        """See `MigrationTarget.open`."""
        async with S3BlobStore(self._session).open(FileId(Backend.S3, self._bucket, key)) as blob:
            yield blob.body

    def list(self, prefix: str) -> AbstractAsyncContextManager[AsyncIterator[TargetObject]]:
        """See `MigrationTarget.list`."""
        return aclosing(self._listed(prefix))

    async def _listed(self, prefix: str) -> AsyncGenerator[TargetObject]:
        async with S3Listing(self._session).list(prefix, bucket=self._bucket) as infos:
            async for info in infos:
                yield _object(info)

    async def delete(self, key: str) -> None:
        """See `MigrationTarget.delete`."""
        await self._session.objects.delete_object(self._bucket, key)


def _headers(new: NewObject) -> dict[str, str]:
    return describing_headers(new.content_type or OCTET_STREAM, new.file_name, new.metadata)


def _probe(key: str, content: bytes) -> NewObject:
    return NewObject(key, len(content), payload_of(content).crc32, "text/plain", None)


def _condition(new: NewObject) -> dict[str, str]:
    return {"if-none-match": "*"} if new.replaces is None else {"if-match": new.replaces}


async def _read(body: IncomingBody, size: int) -> Payload:
    """All of a body that is small enough to be held; it checks its own size."""
    return await PartReader(body).read(size)


def _stored(new: NewObject, etag: str | None, crc32: int | None) -> TargetObject:
    return TargetObject(new.key, new.size, etag, crc32, new.content_type, new.file_name, new.metadata)


def _object(info: BlobInfo) -> TargetObject:
    return TargetObject(
        key=info.file_id.key,
        size=info.size,
        etag=info.etag,
        crc32=None if info.checksum is None else info.checksum.crc32_value,
        content_type=info.content_type,
        file_name=info.file_name,
        metadata=info.metadata,
        modified=None if info.last_modified is None else int(info.last_modified.timestamp()),
    )


_: type[MigrationTarget] = S3MigrationTarget
