"""What the keys may do in the default bucket, and rules that only some servers have."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from s3py_helper.adapters.s3.api.bucket_listing import ListPosition
from s3py_helper.adapters.s3.api.multipart import Part
from s3py_helper.adapters.s3.api.object_headers import etag_of
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.http.payload import payload_of
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.ports.examined import Examination, Examined, Verdict
from s3py_helper.application.ports.examining import SelfExamination
from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    StorageException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.part_plan import MIN_PART_SIZE

_CONTENT: Final = b"s3py-helper looks what these keys may do"
_NO_UPLOAD: Final = "s3py-doctor-no-such-upload"
_LIFECYCLE: Final = "uploads that nobody ended are removed"
_PART_SIZES: Final = "parts of several sizes in one upload"


class S3Examination:
    """Tries each request by itself: when one is refused, the others are still tried.

    Permissions are named as Amazon names them; other servers have fewer.
    """

    def __init__(self, session: S3Session) -> None:
        self._session = session
        self._bucket = session.config.default_bucket

    async def examine(self, prefix: str) -> Sequence[Examined]:
        """See `SelfExamination.examine`."""
        found = Examination(Backend.S3)
        key = f"{prefix}s3py-doctor-{secrets.token_hex(8)}"
        may_list = await self._listing(found, key)
        try:
            is_stored = await self._storing(found, key)
            await self._reading(found, key, is_certain=is_stored or may_list)
            await self._parts(found, key)
            with found.trying("s3:DeleteObject"):
                await self._session.objects.delete_object(self._bucket, key)
        finally:
            await self._remove(key)
        await self._lifecycle(found)
        return found.found

    async def _listing(self, found: Examination, key: str) -> bool:
        with found.trying("s3:ListBucket"):
            await self._session.objects.list_page(self._bucket, key, ListPosition(), 1)
            return True
        return False

    async def _storing(self, found: Examination, key: str) -> bool:
        with found.trying("s3:PutObject"):
            await self._session.objects.put_object(self._bucket, key, payload_of(_CONTENT), {})
            return True
        return False

    async def _reading(self, found: Examination, key: str, *, is_certain: bool) -> None:
        async def get() -> None:
            (await self._session.objects.get_object(self._bucket, key)).close()

        async def head() -> None:
            await self._session.objects.head_object(self._bucket, key)

        for ability, request in (("s3:GetObject (GET)", get), ("s3:GetObject (HEAD)", head)):
            if is_certain:
                with (
                    found.trying(ability),
                    suppress(FileNotFoundException),
                ):  # without the permission one is not even told that it is missing
                    await request()
            else:
                found.add(ability, Verdict.WARNING, "cannot be told where nothing may be stored or listed")

    async def _parts(self, found: Examination, key: str) -> None:
        """The requests around a multipart upload; each is answered for one that is not there as well."""
        multipart = self._session.objects.multipart
        upload_id = _NO_UPLOAD
        with found.trying("s3:PutObject (multipart)"):
            upload_id = await self._begin(key)
            await self._send(key, upload_id, 1, 1)

        async def parts() -> None:
            await multipart.require(self._bucket, key, upload_id)

        async def uploads() -> None:
            await multipart.ids_of(self._bucket, key)

        async def abort() -> None:
            await multipart.abort(self._bucket, key, upload_id)

        requests: dict[str, Callable[[], Awaitable[None]]] = {
            "s3:ListMultipartUploadParts": parts,
            "s3:ListBucketMultipartUploads": uploads,
            "s3:AbortMultipartUpload": abort,
        }
        for ability, request in requests.items():
            with found.trying(ability), suppress(FileNotFoundException):
                await request()
        if upload_id != _NO_UPLOAD:
            await self._part_sizes(found, key)

    async def _part_sizes(self, found: Examination, key: str) -> None:
        """Cloudflare R2 requires all parts but the last to have the same size."""
        try:
            upload_id = await self._begin(key)
            parts = [
                await self._send(key, upload_id, number, size)
                for number, size in enumerate((MIN_PART_SIZE, MIN_PART_SIZE + 1, 1), start=1)
            ]
            await self._session.objects.multipart.complete(self._bucket, key, upload_id, parts, Outcome(), crc32=None)
        except (AccessDeniedException, StorageUnavailableException) as error:
            found.found.append(Examined(Backend.S3, _PART_SIZES, Verdict.FAILS, error.message, error=error))
        except StorageException as error:
            mend = "declare the size of files beyond 1030 parts (8 GiB by default): where it is unknown, parts grow"
            found.add(_PART_SIZES, Verdict.LACKS, f"all but the last must have one ({error.message})", mend)
        else:
            found.add(_PART_SIZES, Verdict.WORKS)

    async def _begin(self, key: str) -> str:
        created = await self._session.objects.multipart.create(self._bucket, key, {}, Outcome(), checksums=False)
        return created.upload_id

    async def _send(self, key: str, upload_id: str, number: int, size: int) -> Part:
        headers = await self._session.objects.upload_part(self._bucket, key, upload_id, number, payload_of(bytes(size)))
        return Part(number, etag_of(headers) or "")

    async def _lifecycle(self, found: Examination) -> None:
        mend = "docs/backends/s3.md has the rule"
        try:
            days = await self._session.objects.days_of_unfinished_uploads(self._bucket)
        except AccessDeniedException:
            found.add(_LIFECYCLE, Verdict.LACKS, "these keys may not ask (s3:GetLifecycleConfiguration)", mend)
        except StorageUnavailableException as error:
            found.found.append(Examined(Backend.S3, _LIFECYCLE, Verdict.FAILS, error.message, error=error))
        except StorageException as error:
            found.add(_LIFECYCLE, Verdict.LACKS, f"the server does not say ({error.message})")
        else:
            if days is None:
                says = "no rule of the bucket does that: parts of a process that was killed stay, and cost"
                found.add(_LIFECYCLE, Verdict.WARNING, says, mend)
            else:
                found.add(_LIFECYCLE, Verdict.WORKS, f"after {days} days")

    async def _remove(self, key: str) -> None:
        objects = self._session.objects
        with suppress(StorageException):  # a refusal to list or abort has been reported
            for upload_id in await objects.multipart.ids_of(self._bucket, key):
                await objects.multipart.abort(self._bucket, key, upload_id)
        with suppress(StorageException):  # a refusal to delete has been reported
            await objects.delete_object(self._bucket, key)


_: type[SelfExamination] = S3Examination
