"""Removing what a failed upload may have left, even where that is uncertain."""

from typing import Final

from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.application.background import BackgroundCleanUp
from s3py_helper.domain.errors import BucketNotFoundException, FileNotFoundException
from s3py_helper.domain.file_id import Backend

GRACE_SECONDS: Final = 5.0
"""Seconds to wait for the response to a cancelled request: once it is there, nothing more can happen."""

LOOKS_AFTER: Final = (5.0, 30.0)
"""Seconds after which a server is asked once more whether it has carried out a request that was given up."""


async def remove_uncertain_object(objects: ObjectApi, background: BackgroundCleanUp, bucket: str, key: str) -> None:
    """Delete an object that may be there, or may appear later, under a key that nobody else uses.

    A server may carry out a request that was given up after the deletion, when it had not read it before: so it is
    asked again later.
    """

    async def look_again() -> None:
        try:
            await objects.head_object(bucket, key)
        except (FileNotFoundException, BucketNotFoundException):
            return
        await objects.delete_object(bucket, key)

    # Before the deletion, whose failure must not prevent these.
    for seconds in LOOKS_AFTER:
        background.later(seconds, Backend.S3, object_named(bucket, key), look_again)
    await objects.delete_object(bucket, key)


def object_named(bucket: str, key: str) -> str:
    """An object, as the event names it when it could not be removed."""
    return f"the object s3:{bucket}/{key}"
