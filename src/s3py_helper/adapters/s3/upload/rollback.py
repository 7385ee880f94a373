"""Removing what an upload that failed may have left."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from s3py_helper.adapters.s3.api.errors import ErrorContext
from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.domain.errors import StorageException

CLEAN_UP_SECONDS: Final = 15.0
"""How long it may take; the caller is waiting for its error."""

_log = logging.getLogger(__name__)


@asynccontextmanager
async def best_effort(context: ErrorContext) -> AsyncGenerator[None]:
    """Bound the time of a clean-up, and log its failure: the error that led to it is the one to report."""
    try:
        async with asyncio.timeout(CLEAN_UP_SECONDS):
            yield
    except (StorageException, TimeoutError) as error:
        _log.warning("something may be left of an upload that failed (%s): %s", context, error)


async def remove_object(objects: ObjectApi, context: ErrorContext, bucket: str, key: str) -> None:
    """Delete an object that may or may not be there, under a key that nobody else uses."""
    async with best_effort(context):
        await objects.delete_object(bucket, key)
