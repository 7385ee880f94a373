"""The port `NamedWrites` on S3: conditional writes, where the server turns out to have them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html. Many servers ignore the condition and
replace what is there, so each bucket is tried once, with an object that nobody needs.
"""

import asyncio
import secrets
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final
from weakref import WeakValueDictionary

from s3py_helper.adapters.s3.api.multipart import Part
from s3py_helper.adapters.s3.api.object_headers import CRC32_HEADER, ONLY_NEW, quoted
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.http.payload import payload_of
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.upload.rollback import object_named
from s3py_helper.adapters.s3.upload.stored_or_nothing import stored_or_nothing
from s3py_helper.adapters.s3.upload.writer import BlobWriter
from s3py_helper.application.ports.naming import NamedWrites
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import (
    FileNotFoundException,
    PreconditionFailedException,
    RouteNotSupportedException,
    StorageOperationException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import PROBE

_CONTENT: Final = b"s3py-helper looks whether this server refuses to overwrite"


class S3NamedWrites:
    """Objects under given keys; works while the session is open.

    Args:
        session: The service.
        default_bucket: Where files go that name no bucket, if another one than the session's.
        perf: The size of parts, if another one than the session's.
    """

    def __init__(
        self, session: S3Session, *, default_bucket: str | None = None, perf: S3PerfConfig | None = None
    ) -> None:
        self._session = session
        self._default_bucket = default_bucket or session.config.default_bucket
        self._writer = BlobWriter(session, self._default_bucket, perf or session.perf)
        self._keeps_apart: dict[str, bool] = {}
        self._locks: WeakValueDictionary[FileId, asyncio.Lock] = WeakValueDictionary()

    def place_of(self, bucket: str | None, key: str) -> FileId:
        """See `NamedWrites.place_of`."""
        return FileId(Backend.S3, bucket or self._default_bucket, key)

    async def require_free(self, file_id: FileId) -> None:
        """See `NamedWrites.require_free`."""
        await self._require_conditions(file_id)
        with suppress(FileNotFoundException):
            await self._session.objects.head_object(file_id.bucket, file_id.key)
            raise _taken(file_id)

    async def create(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """Store an object where there is none; see `NamedWrites.create`."""
        file_id = self.place_of(blob.bucket, blob.key)
        await self._require_conditions(file_id)
        lock = self._locks.setdefault(file_id, asyncio.Lock())
        try:
            return await self._writer.write(blob, body, only_new=lock)
        except PreconditionFailedException as error:
            raise _taken(file_id) from error
        except FileNotFoundException as error:
            # Nobody has asked for a file: something else is missing, the multipart upload for one.
            raise StorageOperationException(error.message, operation="upload", backend=Backend.S3) from error

    async def _require_conditions(self, file_id: FileId) -> None:
        bucket = file_id.bucket
        if bucket not in self._keeps_apart:
            # Beside the file, where the credentials may write.
            folder = file_id.key[: file_id.key.rfind("/") + 1]
            key = f"{folder}{PROBE}{int(time.time()):x}-{secrets.token_hex(8)}"
            self._keeps_apart[bucket] = await self._refuses_to_overwrite(bucket, key)
        if not self._keeps_apart[bucket]:
            raise RouteNotSupportedException(
                f"the server of bucket {bucket!r} ignores If-None-Match, so that no file can be given a key there",
                operation="upload",
                backend=Backend.S3,
            )

    async def _refuses_to_overwrite(self, bucket: str, key: str) -> bool:
        objects, background, outcome = self._session.objects, self._session.background, Outcome()
        putting = objects.put_object(bucket, key, payload_of(_CONTENT), {}, outcome)
        await stored_or_nothing(objects, background, bucket, key, putting, outcome)
        try:
            again = objects.put_object(bucket, key, payload_of(_CONTENT), dict(ONLY_NEW))
            return await _is_refused(again) and await _is_refused(self._put_in_parts(bucket, key))
        finally:
            await objects.delete_object(bucket, key)

    async def _put_in_parts(self, bucket: str, key: str) -> None:
        objects = self._session.objects
        upload_id = (await objects.multipart.create(bucket, key, {}, Outcome(), checksums=False)).upload_id
        try:
            sent = await objects.upload_part(bucket, key, upload_id, 1, payload_of(_CONTENT))
            part = Part(1, quoted(sent["etag"]), sent.get(CRC32_HEADER))
            await objects.multipart.complete(bucket, key, upload_id, [part], Outcome(), crc32=None, conditions=ONLY_NEW)
        finally:

            async def abort() -> None:
                with suppress(FileNotFoundException):  # it was completed
                    await objects.multipart.abort(bucket, key, upload_id)

            what = f"a multipart upload of {object_named(bucket, key)}"
            await self._session.background.run(Backend.S3, what, abort)


async def _is_refused(request: Coroutine[Any, Any, object]) -> bool:
    try:
        await request
    except PreconditionFailedException:
        return True
    return False


def _taken(file_id: FileId) -> PreconditionFailedException:
    return PreconditionFailedException(
        f"something is there already: {file_id}",
        operation="upload",
        backend=Backend.S3,
        file_id=str(file_id),
        detail="something is there already",
    )


_: type[NamedWrites] = S3NamedWrites
