"""Whether a CRC-32 is sent with uploads: the setting `checksum`, and what has been learned about the server."""

import time
from collections.abc import Callable
from typing import Final, Literal

from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.errors import ErrorContext
from s3py_helper.application.ports.observer import FallbackTaken, Observer
from s3py_helper.domain.errors import IntegrityException, StorageException, StorageOperationException
from s3py_helper.domain.file_id import Backend

type ChecksumSetting = Literal["auto", "required", "off"]

ASKED_AGAIN_AFTER: Final = 600.0
"""Seconds after which a bucket whose server did not know checksums is sent one again: servers get updated."""

_NOT_IMPLEMENTED: Final = 501
_BAD_REQUEST: Final = 400
# The codes with which servers refuse a header that they do not know.
_UNKNOWN_HEADER_CODES: Final = frozenset({"InvalidArgument", "InvalidRequest", "NotImplemented", "UnsupportedHeader"})
_HEADER_WORDS: Final = ("x-amz-checksum", "x-amz-sdk-checksum", "checksum algorithm", "checksum-algorithm")


class ChecksumPolicy:
    """Whether checksums are used at the moment, by bucket: one endpoint may stand for several servers.

    Attributes:
        required: Whether a server must confirm them.
    """

    def __init__(
        self, setting: ChecksumSetting, observer: Observer, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.required = setting == "required"
        self._off = setting == "off"
        self._observer = observer
        self._now = now
        self._without_until: dict[str, float] = {}

    def wanted(self, bucket: str) -> bool:
        """Whether to send a checksum with the next upload to the bucket, and to ask for one with downloads."""
        if self._off:
            return False
        if not self._without_until or bucket not in self._without_until:
            return True
        if self._now() < self._without_until[bucket]:
            return False
        del self._without_until[bucket]
        return True

    def may_be_the_reason(self, error: StorageException) -> bool:
        """Whether an upload was refused because the server does not implement its checksum headers.

        If the same upload succeeds without them, they were the reason: see `give_up`.
        """
        cause = error.__cause__
        if self.required or not isinstance(cause, ErrorResponse):
            return False
        if cause.status == _NOT_IMPLEMENTED:
            return True
        message = cause.message.lower()
        return (
            cause.status == _BAD_REQUEST
            and cause.code in _UNKNOWN_HEADER_CODES
            and (cause.code == "NotImplemented" or any(word in message for word in _HEADER_WORDS))
        )

    def give_up(self, bucket: str, error: StorageException) -> None:
        """Send no checksums to the bucket for a while: an upload was refused with one, and accepted without."""
        self._without_until[bucket] = self._now() + ASKED_AGAIN_AFTER
        what = f"checksums of uploads to the bucket {bucket!r}, for the next {ASKED_AGAIN_AFTER / 60:g} minutes"
        self._observer.notify(FallbackTaken(Backend.S3, what, str(error.__cause__)))

    def refuse(self, confirmed: str | None, context: ErrorContext) -> None:
        """To be called when a server does not confirm the checksum that was sent.

        Args:
            confirmed: The different one that it confirms; `None` where it confirms none, which is tolerated by default.
            context: The upload.

        Raises:
            IntegrityException: The server has stored something else.
            StorageOperationException: It confirms none, and the setting is `required`.
        """
        if confirmed is not None:
            raise IntegrityException(
                f"the server has stored other bytes than were sent; {context}",
                operation=context.operation,
                backend=Backend.S3,
            )
        if self.required:
            raise StorageOperationException(
                f"the server does not confirm checksums, and the setting checksum is 'required'; {context}",
                operation=context.operation,
                backend=Backend.S3,
            )
