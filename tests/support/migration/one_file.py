"""A file that is planned, claimed and copied in memory, and what must become of it."""

from dataclasses import dataclass, replace
from typing import Final

from isal import isal_zlib

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.copying import FileCopier
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.ports.ledger import LedgerFile, Outcome, PlannedFile
from s3py_helper.application.ports.migration_source import SourceMetadata
from s3py_helper.application.ports.migration_target import TargetObject
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import ID_METADATA, MTIME_METADATA, FileKind, FileState, moved_key
from tests.support.migration.in_memory import CREATED, MemorySource, MemoryTarget
from tests.support.recorder import Recorder

DESCRIBED: Final = SourceMetadata("a.txt", "text/plain", {"author": "somebody"})
RICH: Final = replace(DESCRIBED, metadata={"Author": "in capitals"})
CONTENT: Final = b"some bytes of a file"
CRC32: Final = isal_zlib.crc32(CONTENT)


@dataclass
class World:
    """Copies a file after planning and claiming it, and says what became of it."""

    source: MemorySource
    target: MemoryTarget
    ledger: SqliteLedger
    observer: Recorder

    async def claimed(self, file_id: FileId, planned: PlannedFile) -> LedgerFile:
        await self.ledger.plan([planned])
        await self.ledger.changed(file_id)
        [claim] = await self.ledger.claim("a", 1, 60)
        return claim

    async def copied(self, file_id: FileId, *, kind: FileKind = FileKind.NORMAL, unplanned: bool = False) -> Outcome:
        kept = self.source.files.get(file_id)
        facts = None if kept is None or unplanned else (len(kept.content), isal_zlib.crc32(kept.content), kept.mtime)
        claim = await self.claimed(
            file_id,
            PlannedFile(file_id, kind, size=facts and facts[0], crc32=facts and facts[1], mtime=facts and facts[2]),
        )
        copier = FileCopier(
            self.source, self.target, self.ledger, self.target.abilities, "moved/", Pace(self.ledger), self.observer
        )
        try:
            outcome = await copier.copy(claim)
        except BaseException:
            await self.ledger.release([claim])
            raise
        assert (outcome.file_id, outcome.fence) == (file_id, claim.fence)
        assert copier.arrived() == 0
        await self.ledger.record([outcome])
        await self.ledger.release([claim])
        return outcome


def stored(file_id: FileId, described: SourceMetadata = DESCRIBED, content: bytes = CONTENT) -> TargetObject:
    """The object of a moved file."""
    return TargetObject(
        moved_key("moved/", file_id),
        len(content),
        f'"{isal_zlib.crc32(content):08x}"',
        isal_zlib.crc32(content),
        described.content_type,
        described.file_name,
        {**described.metadata, ID_METADATA: str(file_id), MTIME_METADATA: str(CREATED)},
    )


def outcome_of(file_id: FileId, outcome: Outcome, proof: str, kind: FileKind = FileKind.NORMAL) -> Outcome:
    """The outcome of a copy that went well."""
    there = stored(file_id)
    return Outcome(
        file_id, outcome.fence, FileState.COPIED, size=there.size, crc32=CRC32, mtime=CREATED, kind=kind, proof=proof,
        key=there.key, etag=there.etag,
    )  # fmt: skip
