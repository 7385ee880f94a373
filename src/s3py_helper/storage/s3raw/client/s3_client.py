"""Operations of S3 one by one, for those who control multipart uploads themselves."""

import io
from collections.abc import Buffer, Sequence
from types import TracebackType
from typing import Any, BinaryIO, Self

from s3py_helper.adapters.s3.config import S3Config, S3PerfConfig
from s3py_helper.adapters.s3.mount import mounted
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.background import BackgroundCleanUp
from s3py_helper.application.locator import Locator
from s3py_helper.application.observing import GuardedObserver, LoggingObserver
from s3py_helper.application.ports.observer import Observer
from s3py_helper.domain.arguments import require_instance, require_iterable
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.metadata import check_metadata
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.domain.text_rules import forbidden_character, require_text, shortened

type Body = bytes | bytearray | BinaryIO
"""The bytes of an object or of a part."""


class S3Client:
    """A client of one S3 service; works within `async with`.

    The methods give what boto's client gives: dictionaries with `ETag`, `UploadId`, `Body` and so on. What goes wrong
    is raised as a `StorageException`.
    """

    def __init__(self, config: S3Config, observer: Observer | None = None) -> None:
        require_instance(config, S3Config, "config")
        self._observer = GuardedObserver(observer or LoggingObserver())
        self._clean_up = BackgroundCleanUp(self._observer)
        self._session = S3Session(config, self._observer)

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        await self._clean_up.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._clean_up.aclose()
        finally:
            await self._session.__aexit__(kind, error, trace)

    def locator(self, *, default_bucket: str | None = None, perf: S3PerfConfig | None = None) -> Locator:
        """What the raw services work with: this client alone, every bucket permitted, ids without prefix."""
        backend = mounted(self._session, default_bucket=default_bucket, perf=perf)
        return Locator(
            RoutingPolicy(StorageMode.S3),
            {Backend.S3: backend},
            implied_prefix="s3:",
            observer=self._observer,
            clean_up=self._clean_up,
        )

    async def put_object(
        self,
        bucket: str,
        key: str,
        body: Body,
        content_length: int | None = None,
        metadata: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Store an object.

        Args:
            bucket: The bucket.
            key: The object's key.
            body: Bytes, or a binary file object.
            content_length: Number of bytes, where `body` does not tell it.
            metadata: Names and values in ASCII.

        Raises:
            InvalidArgumentException: S3 does not take these arguments.
            StorageOperationException: S3 refused it, or cannot be reached.
        """
        more = _given(ContentLength=content_length, Metadata=_checked(metadata))
        return await self._call("put_object", "upload", bucket, key, Body=_checked_body(body), **more)

    async def get_object(self, bucket: str, key: str) -> dict[str, Any]:
        """Open an object: `async with answer["Body"] as body: content = await body.read()`.

        Args:
            bucket: The bucket.
            key: The object's key.

        Raises:
            InvalidArgumentException: S3 does not take these arguments.
            FileNotFoundException: There is no such object.
            StorageOperationException: S3 refused it, or cannot be reached.
        """
        return await self._call("get_object", "download", bucket, key)

    async def head_object(self, bucket: str, key: str) -> dict[str, Any]:
        """Describe an object.

        Args:
            bucket: The bucket.
            key: The object's key.

        Raises:
            InvalidArgumentException: S3 does not take these arguments.
            FileNotFoundException: There is no such object.
            StorageOperationException: S3 refused it, or cannot be reached.
        """
        return await self._call("head_object", "info", bucket, key)

    async def delete_object(self, bucket: str, key: str) -> dict[str, Any]:
        """Remove an object; a missing one is no error.

        Args:
            bucket: The bucket.
            key: The object's key.

        Raises:
            InvalidArgumentException: S3 does not take these arguments.
            StorageOperationException: S3 refused it, or cannot be reached.
        """
        return await self._call("delete_object", "delete", bucket, key)

    async def create_multipart_upload(
        self, bucket: str, key: str, metadata: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Begin a multipart upload, whose `UploadId` goes into all further calls.

        The last of them must be `complete_multipart_upload` or `abort_multipart_upload`: S3 keeps, and bills, the parts
        until then.

        Args:
            bucket: The bucket.
            key: The key of the object to be.
            metadata: Names and values in ASCII.

        Raises:
            InvalidArgumentException: S3 does not take these arguments.
            StorageOperationException: S3 refused it, or cannot be reached.
        """
        return await self._call("create_multipart_upload", "upload", bucket, key, **_given(Metadata=_checked(metadata)))

    async def upload_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        part_number: int,
        body: Body,
        content_length: int | None = None,
    ) -> dict[str, Any]:
        """Send a part; its `ETag` is needed to complete the upload.

        Args:
            bucket: The bucket.
            key: The key of the object to be.
            upload_id: What `create_multipart_upload` returned as `UploadId`.
            part_number: Its place in the object: 1 to 10 000.
            body: Bytes, or a binary file object; at least 5 MiB, except for the last part.
            content_length: Number of bytes, where `body` does not tell it.

        Raises:
            InvalidArgumentException: S3 does not take these arguments.
            FileNotFoundException: There is no such upload.
            StorageOperationException: S3 refused it, or cannot be reached.
        """
        more = _given(ContentLength=content_length)
        return await self._call(
            "upload_part",
            "upload",
            bucket,
            key,
            UploadId=upload_id,
            PartNumber=part_number,
            Body=_checked_body(body),
            **more,
        )

    async def list_parts(
        self, bucket: str, key: str, upload_id: str, *, part_number_marker: int | None = None
    ) -> dict[str, Any]:
        """The parts that have arrived: at most 1000 at a time.

        Args:
            bucket: The bucket.
            key: The key of the object to be.
            upload_id: What `create_multipart_upload` returned as `UploadId`.
            part_number_marker: Begin behind the part of that number.

        Raises:
            InvalidArgumentException: S3 does not take these arguments.
            FileNotFoundException: There is no such upload.
            StorageOperationException: S3 refused it, or cannot be reached.
        """
        more = _given(PartNumberMarker=part_number_marker)
        return await self._call("list_parts", "upload", bucket, key, UploadId=upload_id, **more)

    async def complete_multipart_upload(
        self, bucket: str, key: str, upload_id: str, parts: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        """Make the object of its parts.

        Args:
            bucket: The bucket.
            key: The key of the object to be.
            upload_id: What `create_multipart_upload` returned as `UploadId`.
            parts: `[{"PartNumber": 1, "ETag": ...}, ...]` in ascending order.

        Raises:
            InvalidArgumentException: S3 does not take these arguments.
            FileNotFoundException: There is no such upload.
            StorageOperationException: S3 refused it, or cannot be reached.
        """
        return await self._call(
            "complete_multipart_upload",
            "upload",
            bucket,
            key,
            UploadId=upload_id,
            MultipartUpload={"Parts": list(require_iterable(parts, "parts", "dictionaries with PartNumber and ETag"))},
        )

    async def abort_multipart_upload(self, bucket: str, key: str, upload_id: str) -> dict[str, Any]:
        """Give up, and remove the parts that have arrived.

        Args:
            bucket: The bucket.
            key: The key of the object to be.
            upload_id: What `create_multipart_upload` returned as `UploadId`.

        Raises:
            InvalidArgumentException: S3 does not take these arguments.
            FileNotFoundException: There is no such upload.
            StorageOperationException: S3 refused it, or cannot be reached.
        """
        return await self._call("abort_multipart_upload", "upload", bucket, key, UploadId=upload_id)

    async def _call(self, method: str, operation: str, bucket: str, key: str, **parameters: object) -> dict[str, Any]:
        for name, value in {"bucket": bucket, "key": key, "upload_id": parameters.get("UploadId", "")}.items():
            # The SDK escapes it for the URL before it looks at its type.
            if forbidden := forbidden_character(require_text(value, name)):
                raise InvalidArgumentException(f"{name} {shortened(value)} contains {forbidden}", operation=operation)
        sdk = await self._session.sdk()
        return await sdk.call(method, operation, Bucket=bucket, Key=key, **parameters)


def _checked(metadata: dict[str, str] | None) -> dict[str, str] | None:
    return None if metadata is None else check_metadata(metadata)


def _checked_body(body: object) -> object:
    if isinstance(body, str | io.TextIOBase) or not (isinstance(body, Buffer) or hasattr(body, "read")):
        raise InvalidArgumentException(
            f"the body is bytes or a binary file object, got {type(body).__name__}", operation="upload"
        )
    return body


def _given(**parameters: object) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}
