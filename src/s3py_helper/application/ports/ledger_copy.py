"""Everything that a ledger holds, as rows that do not depend on where it lies."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

type Value = str | int | bool | None
type Row = tuple[Value, ...]

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "file": (
        "id", "grp", "kind", "state", "fence", "size", "crc32", "mtime", "attempts", "next_at", "lease_owner",
        "lease_until", "reason", "level", "proof", "object_key", "etag", "upload_id", "changed_at", "verified_at",
        "accepted", "pending", "seen",
    ),
    "route": ("grp", "route"),
    "source": ("name", "grp", "scanned_at", "files", "complete"),
    "event": ("number", "at", "name", "detail"),
    "setting": ("name", "value"),
}  # fmt: skip
"""Every table, with its columns in the order of a row; rows are in the order of the first. A state is its name, and
what a ledger computes for itself is left out."""

SETTINGS: Final = ("limits", "run")
"""The settings that are copied: the others say whose the ledger is, and of which version."""


class Contents:
    """How many rows of a table were met, and their digest."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = hashlib.sha256()

    def add(self, rows: Sequence[Row]) -> None:
        """Count rows, in their order."""
        self.rows += len(rows)
        self._sum.update("".join(f"{row!r}\n" for row in rows).encode("utf-8", "backslashreplace"))

    @property
    def digest(self) -> str:
        """SHA-256 of all rows."""
        return self._sum.hexdigest()


class LedgerOrigin(Protocol):
    """A ledger that is copied from; nobody else can use it meanwhile."""

    async def identity(self) -> str:
        """Which migration it belongs to."""
        ...

    async def held(self) -> int:
        """How many files workers hold, by leases that have not ended."""
        ...

    async def count(self, table: str) -> int:
        """How many rows of a table there are to copy."""
        ...

    def rows(self, table: str) -> AsyncIterator[Sequence[Row]]:
        """All rows of a table, some at a time."""
        ...

    async def leave_behind(self, where: str) -> None:
        """Note that the ledger has moved: from now on it is refused, with a message that says where it is."""
        ...


class LedgerDestination(Protocol):
    """A ledger that is copied to. What is written takes effect as a whole, when the block ends without an error."""

    async def take(self, table: str, rows: Sequence[Row]) -> Sequence[Row]:
        """Write rows of a table; returns them as they were kept."""
        ...

    def rows(self, table: str) -> AsyncIterator[Sequence[Row]]:
        """What was written, read again."""
        ...


type OpenDestination = AbstractAsyncContextManager[LedgerDestination]
