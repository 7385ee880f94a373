"""Removing what an upload that failed may have left, also where that is not known for sure."""

from typing import Final

from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.application.background import BackgroundCleanUp
from s3py_helper.domain.errors import BucketNotFoundException, FileNotFoundException
from s3py_helper.domain.file_id import Backend

GRACE_SECONDS: Final = 5.0
"""How long the response to a cancelled request is still waited for: it says that there is nothing more to come."""

LOOKS_AFTER: Final = (5.0, 30.0)
"""Seconds after which a server is asked once more whether it has carried out what nobody waited for any longer."""


async def remove_uncertain_object(objects: ObjectApi, background: BackgroundCleanUp, bucket: str, key: str) -> None:
    """Delete an object that may be there, or may appear later, under a key that nobody else uses.

    A server may carry out a request that was given up, and that it has not read yet, after the deletion: therefore
    it is looked at again later.
    """

    async def look_again() -> None:
        try:
            await objects.head_object(bucket, key)
        except (FileNotFoundException, BucketNotFoundException):
            return
        await objects.delete_object(bucket, key)

    # Before the deletion, whose failure must not keep them from happening.
    for seconds in LOOKS_AFTER:
        background.later(seconds, Backend.S3, object_named(bucket, key), look_again)
    await objects.delete_object(bucket, key)


def object_named(bucket: str, key: str) -> str:
    """An object, for the event that it could not be removed."""
    return f"the object s3:{bucket}/{key}"
