"""The numbers."""

from dataclasses import dataclass, replace
from typing import Final

from s3py_helper.domain.arguments import require_amount, require_number, require_optional_number
from s3py_helper.domain.errors import InvalidArgumentException

DEFAULT_IDLE_TIMEOUT: Final = 60.0
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a service grants its clients; `docs/http.md` explains how the numbers work together.

    Raises:
        InvalidArgumentException: A number makes no sense; the message names it.

    Attributes:
        idle_timeout: Seconds for which a client may neither send nor take a byte before it is given up.
        min_upload_rate: Bytes per second that a client has to send on average, over `idle_timeout` seconds; 0 for any.
        concurrent_uploads: How many uploads are stored at a time, and as many small ones besides.
        concurrent_downloads: How many larger files are sent at a time; small ones are not counted.
        concurrent_archives: How many archives are sent at a time.
        list_memory: Bytes of memory for all lists of files for archives together, from their receipt to the end of the
            archive; a list takes about eight times the size of its JSON. Short lists are not counted.
        queue_timeout: Seconds that a request waits for one of these places before it is refused with 503.
        client_share: The part of each of these limits that one client address may use, above 0 and up to 1.
        max_file_size: Refuse a larger upload by its declared length already; `None` leaves it to the validator of the
            services, which counts bytes anyway.
    """

    idle_timeout: float = DEFAULT_IDLE_TIMEOUT
    min_upload_rate: float = 500.0
    concurrent_uploads: int = 32
    concurrent_downloads: int = 128
    concurrent_archives: int = 16
    list_memory: int = 256 * MIB
    queue_timeout: float = 20.0
    client_share: float = 0.5
    max_file_size: int | None = None

    def divided(self, workers: int) -> "Limits":
        """What each of that many processes may grant, so that the limits hold over all of them."""
        return replace(
            self,
            concurrent_uploads=max(1, self.concurrent_uploads // workers),
            concurrent_downloads=max(1, self.concurrent_downloads // workers),
            concurrent_archives=max(1, self.concurrent_archives // workers),
            list_memory=max(1, self.list_memory // workers),
        )

    def __post_init__(self) -> None:
        for name in ("concurrent_uploads", "concurrent_downloads", "concurrent_archives", "list_memory"):
            require_number(getattr(self, name), name, least=1)
        require_optional_number(self.max_file_size, "max_file_size")
        for name in ("idle_timeout", "min_upload_rate", "queue_timeout", "client_share"):
            require_amount(getattr(self, name), name)
        if not self.idle_timeout:
            raise InvalidArgumentException("idle_timeout is above 0, got 0")
        if not 0 < self.client_share <= 1:
            raise InvalidArgumentException(f"client_share is above 0 and at most 1, got {self.client_share}")
