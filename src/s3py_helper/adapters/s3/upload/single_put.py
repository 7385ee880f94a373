"""Storing an object with one request, without a trace when that fails."""

import asyncio
from collections.abc import Mapping
from typing import Final

from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.errors import ErrorContext
from s3py_helper.adapters.s3.api.objects import ObjectApi
from s3py_helper.adapters.s3.http.faults import NotConnected
from s3py_helper.adapters.s3.http.payload import Payload
from s3py_helper.adapters.s3.upload.rollback import remove_object
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.domain.errors import StorageException

_GRACE_SECONDS: Final = 5.0


async def put_or_nothing(
    objects: ObjectApi, bucket: str, key: str, body: Payload, headers: dict[str, str]
) -> Mapping[str, str]:
    """Store an object under a key that nobody else uses; gives the answer's headers."""
    sending = asyncio.ensure_future(objects.put_object(bucket, key, body, headers))
    try:
        return await asyncio.shield(sending)
    except BaseException:  # the object may be there all the same, when only the answer was lost
        await completed(_take_back(objects, bucket, key, sending))
        raise


async def _take_back(objects: ObjectApi, bucket: str, key: str, sending: "asyncio.Task[Mapping[str, str]]") -> None:
    # A request that was cut off may still be carried out, and after the deletion: the answer tells when it is over.
    await asyncio.wait([sending], timeout=_GRACE_SECONDS)
    sending.cancel()
    await asyncio.wait([sending])
    if not sending.cancelled() and _is_certainly_absent(sending.exception()):
        return
    await remove_object(objects, ErrorContext("upload", objects.endpoint.url, bucket, key), bucket, key)


def _is_certainly_absent(error: BaseException | None) -> bool:
    """The service refused for good, or never heard of it."""
    match error:
        case StorageException(__cause__=ErrorResponse(), retryable=False):
            return True
        case StorageException(__cause__=NotConnected()):
            return True
        case _:
            return False
