"""Storing an object with one request that leaves nothing behind when it fails."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from s3py_helper.adapters.s3.api.errors import was_not_carried_out
from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.adapters.s3.api.recovery import Outcome
from s3py_helper.adapters.s3.upload.rollback import GRACE_SECONDS, object_named, remove_uncertain_object
from s3py_helper.application.background import BackgroundCleanUp
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.file_id import Backend


async def stored_or_nothing[Result](
    objects: ObjectApi,
    background: BackgroundCleanUp,
    bucket: str,
    key: str,
    request: Coroutine[Any, Any, Result],
    outcome: Outcome,
) -> Result:
    """The result of a request that stores an object under a key that nobody else uses.

    When it fails or is cancelled, nothing stays behind.

    Args:
        objects: The service.
        background: Where the clean-up goes on when it takes long.
        bucket: The object's bucket.
        key: Its key.
        request: Stores it.
        outcome: What `request` says about attempts whose response was lost.
    """
    storing = asyncio.get_running_loop().create_task(request)
    try:
        return await asyncio.shield(storing)
    except BaseException:  # the object may be there all the same, when only the response was lost
        storing.add_done_callback(_note_outcome)
        if not storing.done() or storing.cancelled() or _may_be_there(storing.exception(), outcome):

            async def roll_back() -> None:
                await _roll_back(objects, background, bucket, key, storing, outcome)

            await background.run(Backend.S3, object_named(bucket, key), roll_back)
        raise


async def _roll_back(
    objects: ObjectApi,
    background: BackgroundCleanUp,
    bucket: str,
    key: str,
    storing: asyncio.Future[Any],
    outcome: Outcome,
) -> None:
    if not storing.done():
        await asyncio.wait([storing], timeout=GRACE_SECONDS)
    if not storing.done():
        storing.cancel()
        await asyncio.wait([storing])
    if storing.cancelled() or outcome.uncertain:
        await remove_uncertain_object(objects, background, bucket, key)
    elif _may_be_there(storing.exception(), outcome):
        await objects.delete_object(bucket, key)


def _note_outcome(storing: asyncio.Future[Any]) -> None:
    """Mark the error of a task as seen: nobody may be waiting for it any more."""
    if not storing.cancelled():
        storing.exception()


def _may_be_there(error: BaseException | None, outcome: Outcome) -> bool:
    """Whether the object may have been stored; it has not when every attempt was refused."""
    cause = error.__cause__ if isinstance(error, StorageException) else None
    return outcome.uncertain or not (isinstance(cause, Exception) and was_not_carried_out(cause))
