"""Multipart uploads by hand, with values in place of the dictionaries that `S3Client` gives.

The last call is `complete_multipart_upload` or `abort_multipart_upload`: S3 keeps, and bills, the parts until then.
"""

from collections.abc import Buffer
from datetime import datetime
from typing import Protocol, cast
from urllib.parse import quote

from pydantic import AliasChoices, Field, ValidationError

from s3py_helper.adapters.s3.api.object_headers import FILE_NAME_KEY
from s3py_helper.domain.arguments import require_instance, require_items, require_number
from s3py_helper.domain.checked_model import CheckedModel
from s3py_helper.domain.errors import InvalidArgumentException, StorageOperationException
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.file_name import check_file_name
from s3py_helper.domain.metadata import check_metadata
from s3py_helper.storage.s3raw.client.s3_client import S3Client


class InitiateResult(CheckedModel):
    """A multipart upload that has begun."""

    upload_id: str = Field(
        validation_alias=AliasChoices("upload_id", "uploadId"),
        serialization_alias="uploadId",
        description="Goes into all further calls.",
    )
    bucket: str = Field(description="Where the object will be.")
    key: str = Field(description="The object's key.")


class CompletedPart(CheckedModel):
    """A part that has arrived."""

    part_number: int = Field(
        validation_alias=AliasChoices("part_number", "PartNumber"),
        serialization_alias="PartNumber",
        description="Its place in the object: 1 to 10 000.",
    )
    e_tag: str = Field(
        validation_alias=AliasChoices("e_tag", "ETag"), serialization_alias="ETag", description="Its entity tag."
    )


class CompleteResult(CheckedModel):
    """An object that was made of its parts."""

    location: str = Field(
        validation_alias=AliasChoices("location", "Location"),
        serialization_alias="Location",
        description="The object's URL, where the server names it; else empty.",
    )
    bucket: str = Field(
        validation_alias=AliasChoices("bucket", "Bucket"),
        serialization_alias="Bucket",
        description="Where the object is.",
    )
    key: str = Field(
        validation_alias=AliasChoices("key", "Key"), serialization_alias="Key", description="The object's key."
    )


class PartInfo(CheckedModel):
    """What S3 knows of a part."""

    part_number: int = Field(
        validation_alias=AliasChoices("part_number", "PartNumber"),
        serialization_alias="PartNumber",
        description="Its place in the object.",
    )
    size: int = Field(
        validation_alias=AliasChoices("size", "Size"), serialization_alias="Size", description="Its size in bytes."
    )
    last_modified: datetime = Field(
        validation_alias=AliasChoices("last_modified", "LastModified"),
        serialization_alias="LastModified",
        description="When it arrived.",
    )
    e_tag: str = Field(
        validation_alias=AliasChoices("e_tag", "ETag"), serialization_alias="ETag", description="Its entity tag."
    )


class ListPartsResult(CheckedModel):
    """The parts that have arrived, in ascending order."""

    parts: list[PartInfo] = Field(
        validation_alias=AliasChoices("parts", "Parts"),
        serialization_alias="Parts",
        default_factory=list,
        description="One for each part.",
    )


class IS3MultipartUpload(Protocol):
    """What `S3MultipartUploadImpl` offers, for applications that bring a stand-in of their own."""

    async def initiate_multipart_upload(
        self, bucket: str, key: str, file_name: str, metadata: dict[str, str] | None = None
    ) -> InitiateResult:
        """Begin an upload."""
        ...

    async def upload_part(
        self, bucket: str, key: str, upload_id: str, part_number: int, part_data: bytes, part_size: int
    ) -> CompletedPart:
        """Send a part."""
        ...

    async def list_parts(self, bucket: str, key: str, upload_id: str) -> ListPartsResult:
        """The parts that have arrived."""
        ...

    async def complete_multipart_upload(
        self, bucket: str, key: str, upload_id: str, parts: list[CompletedPart]
    ) -> CompleteResult:
        """Make the object of its parts."""
        ...

    async def abort_multipart_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Give up."""
        ...


class S3MultipartUploadImpl:
    """The multipart operations of a client.

    Args:
        client: The client, open while this is used.
    """

    def __init__(self, client: S3Client) -> None:
        self._client = require_instance(client, S3Client, "client")

    async def initiate_multipart_upload(
        self, bucket: str, key: str, file_name: str, metadata: dict[str, str] | None = None
    ) -> InitiateResult:
        """Begin an upload.

        Args:
            bucket: The bucket.
            key: The key of the object to be.
            file_name: The name by which the object will be known.
            metadata: Names and values in ASCII.

        Raises:
            StorageException: S3 refused it, or cannot be reached.
        """
        check_file_name(file_name)
        pairs = {**check_metadata(metadata), FILE_NAME_KEY: quote(file_name, safe="")}
        created = await self._client.create_multipart_upload(bucket, key, metadata=pairs)
        return InitiateResult(upload_id=created["UploadId"], bucket=bucket, key=key)

    async def upload_part(
        self, bucket: str, key: str, upload_id: str, part_number: int, part_data: bytes, part_size: int
    ) -> CompletedPart:
        """Send a part.

        Args:
            bucket: The bucket.
            key: The key of the object to be.
            upload_id: That of the result of `initiate_multipart_upload`.
            part_number: Its place in the object: 1 to 10 000.
            part_data: Its bytes; at least 5 MiB, except for the last part.
            part_size: Their number.

        Raises:
            InvalidArgumentException: `part_size` is not the size of `part_data`.
            FileNotFoundException: There is no such upload.
            StorageException: S3 refused it, or cannot be reached.
        """
        if not isinstance(cast("object", part_data), Buffer):
            raise InvalidArgumentException(f"part_data is bytes, got {type(part_data).__name__}")
        require_number(part_number, "part_number", least=1)
        if part_size != len(part_data):
            raise InvalidArgumentException(f"part {part_number} has {len(part_data)} bytes, {part_size} were declared")
        sent = await self._client.upload_part(bucket, key, upload_id, part_number, part_data, part_size)
        return CompletedPart(part_number=part_number, e_tag=sent["ETag"])

    async def list_parts(self, bucket: str, key: str, upload_id: str) -> ListPartsResult:
        """All parts that have arrived.

        Args:
            bucket: The bucket.
            key: The key of the object to be.
            upload_id: That of the result of `initiate_multipart_upload`.

        Raises:
            FileNotFoundException: There is no such upload.
            StorageException: S3 refused it, cannot be reached, or gives a list that makes no sense.
        """
        parts: list[PartInfo] = []
        after = 0
        while True:
            page = await self._client.list_parts(bucket, key, upload_id, part_number_marker=after or None)
            listed = [_part_of(part) for part in page.get("Parts", [])]
            parts += listed
            if not listed or not page.get("IsTruncated"):
                return ListPartsResult(parts=parts)
            if listed[-1].part_number <= after:
                raise StorageOperationException("the server's list of parts does not go on", backend=Backend.S3)
            after = listed[-1].part_number

    async def complete_multipart_upload(
        self, bucket: str, key: str, upload_id: str, parts: list[CompletedPart]
    ) -> CompleteResult:
        """Make the object of its parts.

        Args:
            bucket: The bucket.
            key: The key of the object to be.
            upload_id: That of the result of `initiate_multipart_upload`.
            parts: What `upload_part` returned, in ascending order.

        Raises:
            FileNotFoundException: There is no such upload.
            StorageException: S3 refused it, or cannot be reached.
        """
        listed = [part.model_dump(by_alias=True) for part in require_items(parts, CompletedPart, "parts")]
        done = await self._client.complete_multipart_upload(bucket, key, upload_id, listed)
        return CompleteResult(location=done.get("Location", ""), bucket=bucket, key=key)

    async def abort_multipart_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Give up, and remove the parts that have arrived.

        Args:
            bucket: The bucket.
            key: The key of the object to be.
            upload_id: That of the result of `initiate_multipart_upload`.

        Raises:
            FileNotFoundException: There is no such upload.
            StorageException: S3 refused it, or cannot be reached.
        """
        await self._client.abort_multipart_upload(bucket, key, upload_id)


def _part_of(listed: dict[str, object]) -> PartInfo:
    try:
        return PartInfo.model_validate(listed)
    except ValidationError as error:
        wrong = ", ".join(str(detail["loc"][0]) for detail in error.errors() if detail["loc"])
        raise StorageOperationException(
            f"the server describes a part without a usable {wrong}", backend=Backend.S3
        ) from None


_: type[IS3MultipartUpload] = S3MultipartUploadImpl
