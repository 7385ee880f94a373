"""The body of an upload on its way to storage."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Final

from fastapi import Request

from s3py_helper.domain.errors import FileTooLargeException
from s3py_helper.entrypoints.http.limits.arriving_body import arriving_body, each_of
from s3py_helper.entrypoints.http.limits.clients import client_of
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.limits.slots import Slots
from s3py_helper.entrypoints.http.uploads.body_digests import BodyDigests

SMALL_UPLOAD: Final = 64 * 1024
"""Bytes of a request that are read before it takes a place: no more than the server holds for any connection."""

_TOO_MANY_DIGITS: Final = 20


class UploadSlots:
    """Who may store files now. Small uploads have places of their own: the large ones can take minutes."""

    def __init__(self, limits: Limits) -> None:
        self.small = Slots(
            "small uploads", limits.concurrent_uploads, share=limits.client_share, patience=limits.queue_timeout
        )
        self.large = Slots(
            "uploads", limits.concurrent_uploads, share=limits.client_share, patience=limits.queue_timeout
        )


class Arrival:
    """One request's body.

    Attributes:
        declared: How many bytes it says that it has; `None` where it does not.
    """

    def __init__(self, request: Request, limits: Limits, slots: UploadSlots) -> None:
        self._request = request
        self._limits = limits
        self._slots = slots
        length = request.headers.get("content-length", "")
        self.declared: Final = int(length) if length.isdecimal() and len(length) < _TOO_MANY_DIGITS else None

    def require_size(self, *, besides: int = 0) -> None:
        """Spare both sides the transfer where the length of the request tells enough.

        Args:
            besides: Bytes that it may have besides those of files.

        Raises:
            FileTooLargeException: It holds a larger file than is allowed.
        """
        limit = self._limits.max_file_size
        if limit is not None and self.declared is not None and self.declared > limit + besides:
            raise FileTooLargeException(
                f"a request of {self.declared} bytes holds a file of more than the {limit} bytes allowed", limit=limit
            )

    @contextlib.asynccontextmanager
    async def body(self) -> AsyncGenerator[AsyncGenerator[bytes]]:
        """The bytes, as soon as there is a place for the upload; until then TCP makes the client wait.

        Asking for them is what has the server send `100 Continue` to a client that waits for it: everything that could
        be refused without them has been looked at.
        """
        limits = self._limits
        digests = BodyDigests(self._request.headers)
        arriving = arriving_body(self._request, idle_timeout=limits.idle_timeout, min_rate=limits.min_upload_rate)
        async with contextlib.aclosing(digests.checked(arriving)) as body:
            if self.declared is not None and self.declared <= SMALL_UPLOAD:
                source, slots = each_of([chunk async for chunk in body]), self._slots.small
            else:
                source, slots = body, self._slots.large
            async with slots.held_by(client_of(self._request.scope)):
                yield source
