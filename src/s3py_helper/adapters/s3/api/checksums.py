"""Whether a CRC-32 travels with uploads: the setting `checksum`, and what is learned about the server."""

from collections.abc import Mapping
from typing import Final, Literal

from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.errors import ErrorContext
from s3py_helper.adapters.s3.api.object_headers import CRC32_HEADER, crc32_text
from s3py_helper.domain.errors import IntegrityException, StorageException, StorageOperationException
from s3py_helper.domain.file_id import Backend

type ChecksumSetting = Literal["auto", "required", "off"]

_NOT_IMPLEMENTED: Final = 501


class ChecksumPolicy:
    """What is done about checksums now.

    Attributes:
        wanted: Whether to send a checksum with the next upload, and to ask for one with downloads.
    """

    def __init__(self, setting: ChecksumSetting) -> None:
        self._required = setting == "required"
        self._may_give_up = setting == "auto"
        self.wanted = setting != "off"

    def headers(self, crc32: int) -> dict[str, str]:
        """What an upload of bytes with that CRC-32 says about them."""
        return {CRC32_HEADER: crc32_text(crc32)} if self.wanted else {}

    def learn_from(self, error: StorageException) -> bool:
        """Whether an upload with a checksum failed because of it alone, and should be sent once more without one."""
        cause = error.__cause__
        if not self._may_give_up or not isinstance(cause, ErrorResponse):
            return False
        if cause.status != _NOT_IMPLEMENTED and "checksum" not in f"{cause.code} {cause.message}".lower():
            return False
        if isinstance(error, IntegrityException):
            return False
        self.wanted = False
        return True

    def check_confirmed(self, crc32: int, headers: Mapping[str, str], context: ErrorContext) -> None:
        """Compare what the server says that it has stored.

        Raises:
            IntegrityException: It has stored something else.
            StorageOperationException: It says nothing, and the setting is `required`.
        """
        if not self.wanted:
            return
        confirmed = headers.get(CRC32_HEADER)
        if confirmed is None:
            if self._required:
                raise StorageOperationException(
                    f"the server does not confirm checksums, and the setting checksum is 'required'; {context}",
                    operation=context.operation,
                    backend=Backend.S3,
                )
        elif confirmed != crc32_text(crc32):
            raise IntegrityException(
                f"the server has stored other bytes than were sent; {context}",
                operation=context.operation,
                backend=Backend.S3,
            )
