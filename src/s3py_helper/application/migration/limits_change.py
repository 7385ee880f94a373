"""Changing the limits of a migration while workers run."""

from dataclasses import dataclass

from s3py_helper.application.ports.ledger import Limits
from s3py_helper.domain.arguments import require_optional_number


@dataclass(frozen=True, slots=True)
class LimitsChange:
    """A change of limits. `None` leaves a limit unchanged, 0 removes it.

    Attributes:
        bytes_per_second: Of all workers together.
        files_per_second: Of all workers together.
        concurrency: Small files that each worker copies at once; 0 for its own default.
        paused: Whether workers finish the files at hand and wait.

    Raises:
        InvalidArgumentException: A limit is not a whole number, or below 0.
    """

    bytes_per_second: int | None = None
    files_per_second: int | None = None
    concurrency: int | None = None
    paused: bool | None = None

    def __post_init__(self) -> None:
        for name in ("bytes_per_second", "files_per_second", "concurrency"):
            require_optional_number(getattr(self, name), name)

    def of(self, current: Limits) -> Limits:
        """The limits that result."""
        return Limits(
            bytes_per_second=_changed(current.bytes_per_second, self.bytes_per_second),
            files_per_second=_changed(current.files_per_second, self.files_per_second),
            concurrency=_changed(current.concurrency, self.concurrency),
            paused=current.paused if self.paused is None else self.paused,
        )


def _changed(current: int | None, change: int | None) -> int | None:
    return current if change is None else change or None
