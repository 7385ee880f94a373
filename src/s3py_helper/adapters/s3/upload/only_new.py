"""Storing an object with one request where there is none, under a key that others may use as well."""

from collections.abc import Mapping

from s3py_helper.adapters.s3.api.object_headers import CRC32_HEADER, ONLY_NEW, content_length, crc32_text
from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.http.payload import Payload
from s3py_helper.domain.errors import PreconditionFailedException, StorageException


async def stored_where_none_was(
    objects: ObjectApi, bucket: str, key: str, part: Payload, headers: dict[str, str]
) -> Mapping[str, str]:
    """Store it; returns the headers that confirm it.

    Raises:
        PreconditionFailedException: There is an object, other than one stored by an attempt whose response was lost.
    """
    outcome = Outcome()
    try:
        return await objects.put_object(bucket, key, part, headers | ONLY_NEW, outcome)
    except PreconditionFailedException as error:
        if not outcome.uncertain:
            raise
        try:
            there = await objects.head_object(bucket, key)
        except StorageException:
            raise error from error.__cause__
        if (content_length(there), there.get(CRC32_HEADER)) != (part.size, crc32_text(part.crc32)):
            raise
        return there
