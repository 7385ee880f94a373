"""How an archive is to be made."""

from dataclasses import dataclass
from typing import Final, Literal

from s3py_helper.application.zip.policy import COMPRESSIONS, Compression
from s3py_helper.domain.errors import InvalidArgumentException

type OnError = Literal["raise", "skip"]
"""`raise` cuts the archive at a file that cannot be read, `skip` leaves the file out and lists it in the archive."""

_ON_ERROR: Final = ("raise", "skip")


@dataclass(frozen=True, slots=True)
class ZipOptions:
    """The choices that callers have.

    Attributes:
        compression: Which files are compressed.
        on_error: What becomes of files that cannot be read.
        verify_first: Ask the backends for every file before the first byte is written.

    Raises:
        InvalidArgumentException: A value is not one of those listed.
    """

    compression: Compression = "auto"
    on_error: OnError = "raise"
    verify_first: bool = False

    def __post_init__(self) -> None:
        _require_one_of("compression", self.compression, COMPRESSIONS)
        _require_one_of("on_error", self.on_error, _ON_ERROR)


def _require_one_of(argument: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidArgumentException(f"{argument} is one of {', '.join(map(repr, allowed))}, got {value!r}")
