"""The copy of one file: read, proven by the target, and looked at again at the source."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from s3py_helper.application.migration.kinds import kind_by_facts, kind_of
from s3py_helper.application.migration.moved_metadata import MovedMetadata, moved_metadata
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.migration.storing import Conflict, ObjectStorer
from s3py_helper.application.observing import LoggingObserver
from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Outcome
from s3py_helper.application.ports.migration_source import MigrationSource, SourceFacts, SourceMetadata
from s3py_helper.application.ports.migration_target import MigrationTarget, NewObject, TargetAbilities, TargetObject
from s3py_helper.application.ports.observer import FailedOver, Observer
from s3py_helper.domain.errors import (
    FileNotFoundException,
    IntegrityException,
)
from s3py_helper.domain.fastdfs_name import decoded
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.migration import (
    METADATA_SUFFIX,
    FileKind,
    FileState,
    moved_key,
)
from s3py_helper.domain.part_plan import MIB

_FETCHED_BYTES: Final = MIB
"""Up to this size a file's bytes and what is kept beside it are asked for together."""

_CHANGED: Final = "changed: it was written to while it was copied"


class SourceGone(Exception):
    """The file's own source server has no such file."""


class SourceDown(Exception):
    """The file's own source server is out of reach, and its stand-in proves nothing."""


class SourceChanged(Exception):
    """The file is not what it was when the copy began."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A proven copy."""

    file: LedgerFile
    stored: TargetObject
    facts: SourceFacts
    proof: str


class FileCopier:
    """Copies files one at a time; safe to run in any number of processes on the same ledger.

    Args:
        source: FastDFS.
        target: S3.
        ledger: Is asked whether a claim still holds before anything is deleted.
        abilities: What the target was found to do.
        prefix: The front of the keys.
        pace: Holds the copy to the limits of the migration.
        observer: Is notified where a copy is made from another server, and where something is left behind.
    """

    def __init__(
        self,
        source: MigrationSource,
        target: MigrationTarget,
        ledger: Ledger,
        abilities: TargetAbilities,
        prefix: str,
        pace: Pace,
        observer: Observer | None = None,
    ) -> None:
        self._source = source
        self._target = target
        self._ledger = ledger
        self._abilities = abilities
        self._prefix = prefix
        self._observer = observer or LoggingObserver()
        self._storer = ObjectStorer(source, target, ledger, abilities, pace)

    def arrived(self) -> int:
        """Bytes that the target has of large files under way, which come in parts."""
        return self._storer.arrived

    def allow(self, puts_at_once: int) -> None:
        """The number of small files stored at once from now on; others are fetched or checked again meanwhile."""
        self._storer.puts.resize(puts_at_once)

    async def copy(self, file: LedgerFile) -> Outcome:
        """Copy a claimed file and say what became of it.

        Raises:
            StorageException: Something failed that another attempt may mend.
        """
        try:
            copied = await self._copied_small(file) or await self._copied(file)
        except SourceGone:
            # An earlier attempt may have left an object: removing it is pending from this entry on.
            return Outcome(file.file_id, file.fence, FileState.GONE, "not-found: its source has no such file")
        except SourceDown:
            return self._later(file, "source-down: its source is out of reach, and a stand-in proves nothing")
        except SourceChanged:
            return self._later(file, _CHANGED, failed=False)
        except Conflict as conflict:
            return Outcome(file.file_id, file.fence, FileState.QUARANTINED, f"conflict: {conflict}")
        except IntegrityException as error:
            return Outcome(file.file_id, file.fence, FileState.QUARANTINED, f"corrupt: {error.message}")
        return await self._post_checked(copied)

    async def _copied_small(self, file: LedgerFile) -> Copied | None:
        """A small file whose facts are known, for one exchange with its source; `None` where it takes more."""
        facts = _planned_facts(file)
        if facts is None or not 0 < facts.size <= _FETCHED_BYTES:
            return None
        file = _with(file, facts)
        async with self._storer.room_for(file):
            fetched = await self._source.fetch(file.file_id, facts.size)
            if fetched is None:
                return None
            described, content = fetched
            stored, proof = await self._stored(file, described, content)
            return Copied(file, stored, facts, proof)

    async def _copied(self, file: LedgerFile) -> Copied:
        facts = _planned_facts(file) or await self._existing(file)
        described = await self._described(file)
        in_id = _facts_in_id(file)
        if in_id is not None and in_id.size != facts.size:
            intact = await self._from_replica(file, in_id, described)
            if intact is not None:
                return intact
        # By its facts once more: the plan may not have reached the source of every file.
        file = _with(file, facts)
        try:
            stored, proof = await self._stored(file, described)
        except IntegrityException:
            if _may_change(file.kind) and not _is_same(await self._existing(file), facts):
                raise SourceChanged from None
            raise
        return Copied(file, stored, facts, proof)

    async def _described(self, file: LedgerFile) -> SourceMetadata:
        try:
            return await self._source.metadata(file.file_id)
        except FileNotFoundException:
            await self._existing(file)
            raise

    async def _from_replica(self, file: LedgerFile, in_id: SourceFacts, described: SourceMetadata) -> Copied | None:
        """A file of another size than its id tells is one that its source has damaged, or a slave with a master's name.

        It is the former where another server has what the id tells. Where all servers agree with the source it is taken
        for a slave; a lone source proves neither.
        """
        source, *others = await self._source.replicas(file.file_id)
        new, metadata, proof = await self._new(_with(file, in_id), described)
        for server in others:
            with suppress(IntegrityException, FileNotFoundException):
                stored = await self._storer.store(server, _with(file, in_id), new)
                await self._storer.store_more(new, metadata)
                self._failed_over(source, server, f"{file.file_id} has not the size there that its id tells")
                return Copied(_with(file, in_id), stored, in_id, proof)
        if not others:
            raise IntegrityException(
                f"{source} has not as many bytes of it as its id tells, and no other server has it"
            )
        return None

    def _failed_over(self, server: str, instead: str, reason: str) -> None:
        self._observer.notify(FailedOver(Backend.FASTDFS, server, instead, reason))

    async def _existing(self, file: LedgerFile) -> SourceFacts:
        facts = await self._source.facts(file.file_id)
        if facts.exists:
            return facts
        raise SourceGone if facts.at_source else SourceDown

    async def _stored(
        self, file: LedgerFile, described: SourceMetadata, content: bytes | None = None
    ) -> tuple[TargetObject, str]:
        new, metadata, proof = await self._new(file, described)
        await self._storer.store_more(new, metadata)
        return await self._store_from_any(file, new, content), proof

    async def _new(self, file: LedgerFile, described: SourceMetadata) -> tuple[NewObject, MovedMetadata, str]:
        """The object to store, its metadata, and how it will be proven."""
        metadata = moved_metadata(file.file_id, file.mtime or 0, described)
        crc32, proof = _trusted_sum(file) or await self._storer.sum_by_reading(file)
        new = NewObject(
            key=moved_key(self._prefix, file.file_id),
            size=file.size or 0,
            crc32=crc32,
            content_type=described.content_type,
            file_name=described.file_name,
            metadata=metadata.pairs,
        )
        return new, metadata, proof if self._abilities.checks_crc32 else f"{proof}+read-back"

    async def _store_from_any(self, file: LedgerFile, new: NewObject, content: bytes | None) -> TargetObject:
        """Store it as the source sends it; where those bytes are damaged, as each other server in turn does."""
        try:
            return await self._storer.store(None, file, new, content)
        except FileNotFoundException:
            await self._existing(file)
            raise
        except IntegrityException as error:
            damaged = error
        source, *others = await self._source.replicas(file.file_id)
        if _trusted_sum(file) is None:
            others = others[:-1]  # the sum was read from the last one, which would agree with nobody but itself
        for server in () if _may_change(file.kind) else others:
            with suppress(IntegrityException, FileNotFoundException):
                stored = await self._storer.store(server, file, new)
                self._failed_over(source, server, f"damaged: {damaged.message}")
                return stored
        raise damaged

    async def _post_checked(self, copied: Copied) -> Outcome:
        """Undo or repeat a copy: a file that was deleted or changed meanwhile must not come back, or stay as it was."""
        file = copied.file
        facts = await self._source.facts(file.file_id)
        if not facts.exists:
            return await self._rolled_back(copied, at_source=facts.at_source)
        if _may_change(file.kind) and not _is_same(facts, copied.facts):
            return self._later(file, _CHANGED, failed=False)
        return Outcome(
            file.file_id,
            file.fence,
            FileState.COPIED,
            size=file.size,
            crc32=file.crc32,
            mtime=file.mtime,
            kind=file.kind,
            proof=copied.proof,
            key=copied.stored.key,
            etag=copied.stored.etag,
        )

    async def _rolled_back(self, copied: Copied, *, at_source: bool) -> Outcome:
        file = copied.file
        row = await self._ledger.find(file.file_id)
        deleted = row is not None and row.state in {FileState.DELETED, FileState.GONE}
        if not (at_source or deleted):
            return self._later(file, "source-down: its source went away while it was copied")
        gone = Outcome(file.file_id, file.fence, FileState.GONE, "not-found: it was deleted while it was copied")
        # First the fenced entry, then the deletion: a worker whose claim was lost deletes nothing, because after the
        # drain a missing source is how it should be. The key is left to this worker only where others know that the
        # file is no more, and may have removed its object before this worker's own came.
        if deleted or (await self._ledger.record([gone]))[0]:
            await self._target.delete(copied.stored.key)
            await self._target.delete(copied.stored.key + METADATA_SUFFIX)
        return gone

    def _later(self, file: LedgerFile, reason: str, *, failed: bool = True) -> Outcome:
        return Outcome(file.file_id, file.fence, FileState.PLANNED, reason, failed=failed)


def _facts_in_id(file: LedgerFile) -> SourceFacts | None:
    """The facts of a file whose content cannot change, from its id."""
    name = decoded(file.file_id.key)
    if name is None or name.size is None:
        return None
    mtime = int(name.created_at.timestamp())
    return SourceFacts(exists=True, at_source=True, size=name.size, mtime=mtime, crc32=name.crc32)


def _planned_facts(file: LedgerFile) -> SourceFacts | None:
    """The facts of a file whose content cannot change, from the plan; its source is asked after the copy anyway."""
    in_id = _facts_in_id(file)
    return in_id if in_id is not None and in_id.size == file.size else None


def _with(file: LedgerFile, facts: SourceFacts) -> LedgerFile:
    kind = kind_by_facts(kind_of(file.file_id), facts)
    if (file.size, file.crc32, file.mtime, file.kind) == (facts.size, facts.crc32, facts.mtime, kind):
        return file  # as the plan has it, usually
    return replace(file, size=facts.size, crc32=facts.crc32, mtime=facts.mtime, kind=kind)


def _trusted_sum(file: LedgerFile) -> tuple[int, str] | None:
    """The CRC-32 that the target is asked to prove, and where it comes from."""
    if not file.size:
        return 0, "crc32:empty"
    if file.kind in {FileKind.NORMAL, FileKind.TRUNK}:
        name = decoded(file.file_id.key)
        if name is not None and name.crc32 is not None:
            return name.crc32, "crc32:id"
    if file.kind in {FileKind.APPENDER, FileKind.SLAVE} and file.crc32 is not None:
        return file.crc32, "crc32:server"
    return None


def _is_same(facts: SourceFacts, before: SourceFacts) -> bool:
    return (facts.size, facts.crc32) == (before.size, before.crc32)


def _may_change(kind: FileKind) -> bool:
    return kind is FileKind.APPENDER
