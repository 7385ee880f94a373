"""An applier over a ledger whose copies go as a test says."""

import asyncio
from collections.abc import Callable
from typing import Final, cast

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.applying import Applier, CleanUp
from s3py_helper.application.migration.copying import FileCopier
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.ports.ledger import LedgerFile, Outcome, PlannedFile
from s3py_helper.domain.errors import StorageException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import LARGE_FILE, FileKind, FileState
from tests.support.recorder import Recorder

DOWN: Final = StorageUnavailableException("down")


class Copier:
    """Copies files as a test says, and remembers which, and how many at once.

    Attributes:
        copied: In order.
        most: How many were under way at once, at most; large ones apart.
        holding: While it is not set, copies wait.
    """

    def __init__(self, work: Callable[[LedgerFile], Outcome | None] = lambda _file: None) -> None:
        self.copied: list[FileId] = []
        self.most: dict[bool, int] = {False: 0, True: 0}
        self.holding = asyncio.Event()
        self.holding.set()
        self.allowed: list[int] = []
        self.under_way: dict[bool, int] = {False: 0, True: 0}
        self._work = work

    def arrived(self) -> int:
        return 7

    def allow(self, puts_at_once: int) -> None:
        self.allowed.append(puts_at_once)

    async def copy(self, file: LedgerFile) -> Outcome:
        large = (file.size or 0) >= LARGE_FILE
        self.copied.append(file.file_id)
        self.under_way[large] += 1
        self.most[large] = max(self.most[large], self.under_way[large])
        try:
            await asyncio.sleep(0)
            await self.holding.wait()
            return self._work(file) or Outcome(file.file_id, file.fence, FileState.COPIED, size=file.size)
        finally:
            self.under_way[large] -= 1


def raising(error: StorageException) -> Callable[[LedgerFile], Outcome | None]:
    """Work that fails each time."""

    def work(_file: LedgerFile) -> Outcome | None:
        raise error

    return work


def applier_of(
    copier: Copier,
    ledger: SqliteLedger,
    *,
    observer: Recorder | None = None,
    pace: Pace | None = None,
    on_outcome: Callable[[LedgerFile, Outcome], None] = lambda _file, _outcome: None,
    clean_up: CleanUp | None = None,
) -> Applier:
    """An applier that copies by it."""
    return Applier(
        cast("FileCopier", copier), ledger, pace or Pace(ledger), observer=observer or Recorder(),
        on_outcome=on_outcome, clean_up=clean_up,
    )  # fmt: skip


async def plan(ledger: SqliteLedger, count: int, *, group: str = "group1", size: int = 4) -> list[FileId]:
    """Slaves of one size."""
    ids = [FileId.parse(f"{group}/M00/00/{number:02X}/{size}.txt") for number in range(count)]
    await ledger.plan([PlannedFile(file_id, FileKind.SLAVE, size) for file_id in ids])
    return ids


async def states(ledger: SqliteLedger) -> dict[FileId, FileState]:
    """Of every file of the ledger."""
    async with ledger.files() as files:
        return {file.file_id: file.state async for file in files}


async def noted(ledger: SqliteLedger) -> list[dict[str, object]]:
    """What the ledger's events say of copying, the last call first, without what differs each time."""
    return [
        {name: value for name, value in detail.items() if name not in {"seconds", "worker"}}
        for _, _, detail in await ledger.events(name="apply")
    ]
