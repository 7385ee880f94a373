"""What the tests of ledgers have in common."""

# ruff: noqa: S101 - assertions are what a test kit is made of, and numbers what they compare

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import pytest

from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Outcome, PlannedFile
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import (
    FileKind,
    FileState,
)

type OpenLedger = Callable[[str], AbstractAsyncContextManager[Ledger]]
"""Opens the one ledger of the test, each time anew, as a deployment of that identity."""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now


def planned(
    number: int, group: str = "group1", *, size: int | None = 10, kind: FileKind = FileKind.NORMAL
) -> PlannedFile:
    """A file as a plan finds it."""
    file_id = FileId.parse(f"{group}/M00/00/00/{number:08}.bin")
    return PlannedFile(file_id, kind, size, crc32=number, mtime=1_700_000_000)


def planned_in_folder(number: int, group: str = "group1", *, size: int = 10) -> PlannedFile:
    """A file in a folder of its own: the folder is what its shard follows from."""
    file_id = FileId.parse(f"{group}/M00/{number >> 8:02X}/{number & 255:02X}/{number:08}.bin")
    return PlannedFile(file_id, FileKind.NORMAL, size, crc32=number, mtime=1_700_000_000)


def copied(claim: LedgerFile) -> Outcome:
    """A claim that went well."""
    return Outcome(
        claim.file_id, claim.fence, FileState.COPIED, proof="crc32:id", key=f"fastdfs/{claim.file_id}", etag='"e"'
    )


class LedgerHarness:
    """Override the fixture `open_ledger`; use the fixture `clock` as the ledger's."""

    @pytest.fixture
    def clock(self) -> Clock:
        """The time that the ledger goes by."""
        return Clock()

    @pytest.fixture
    def open_ledger(self, clock: Clock) -> OpenLedger:
        """See `OpenLedger`."""
        raise NotImplementedError("override the fixture `open_ledger`")

    @pytest.fixture
    async def ledger(self, open_ledger: OpenLedger):  # type: ignore[no-untyped-def]
        """An open ledger."""
        async with open_ledger("one") as ledger:
            yield ledger


async def found(ledger: Ledger, number: int) -> LedgerFile:
    found = await ledger.find(planned(number).file_id)
    assert found is not None
    return found


async def ids(ledger: Ledger, states: Sequence[FileState]) -> list[FileId]:
    async with ledger.files(states=states) as files:
        return [file.file_id async for file in files]
