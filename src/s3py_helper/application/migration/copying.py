"""The copy of one file: read, proven by the target, and looked at again at the source."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from isal import isal_zlib

from s3py_helper.application.migration.large_files import LargeFileCopier
from s3py_helper.application.migration.moved_metadata import MovedMetadata, moved_metadata
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.migration.planning import kind_by_facts
from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Outcome
from s3py_helper.application.ports.migration_source import MigrationSource, SourceFacts, SourceMetadata
from s3py_helper.application.ports.migration_target import MigrationTarget, NewObject, TargetAbilities, TargetObject
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.errors import (
    FileNotFoundException,
    IntegrityException,
    InvalidArgumentException,
    PreconditionFailedException,
    StorageUnavailableException,
)
from s3py_helper.domain.fastdfs_name import FastdfsName
from s3py_helper.domain.migration import (
    ID_METADATA,
    METADATA_SUFFIX,
    FileKind,
    FileState,
    moved_key,
)
from s3py_helper.domain.part_plan import MIB

SINGLE_PUT_BYTES: Final = 64 * MIB
"""Larger files are copied in parts, and go on in the middle after an interruption."""


class SourceGone(Exception):
    """The file's own source server has no such file."""


class SourceDown(Exception):
    """The file's own source server is out of reach, and what stands in for it proves nothing."""


class SourceChanged(Exception):
    """The file is not what it was when the copy began."""


class Conflict(Exception):
    """Another object lies under the file's key."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that is proven."""

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
        abilities: What the target was seen to do.
        prefix: The front of the keys.
        pace: Holds the copy to the limits of the migration.
    """

    def __init__(
        self,
        source: MigrationSource,
        target: MigrationTarget,
        ledger: Ledger,
        abilities: TargetAbilities,
        prefix: str,
        pace: Pace,
    ) -> None:
        self._source = source
        self._target = target
        self._ledger = ledger
        self._abilities = abilities
        self._prefix = prefix
        self._pace = pace
        self._large = LargeFileCopier(source, target, ledger, pace)

    async def copy(self, file: LedgerFile) -> Outcome:
        """Copy a claimed file and say what became of it.

        Raises:
            StorageException: Something failed that another attempt may mend.
        """
        try:
            copied = await self._copied(file)
        except SourceGone:
            return Outcome(file.file_id, file.fence, FileState.GONE, "not-found: its source has no such file")
        except SourceDown:
            return self._later(file, "source-down: its source is out of reach, and a stand-in proves nothing")
        except Conflict as conflict:
            return Outcome(file.file_id, file.fence, FileState.QUARANTINED, f"conflict: {conflict}")
        except IntegrityException as error:
            return Outcome(file.file_id, file.fence, FileState.QUARANTINED, f"corrupt: {error.message}")
        return await self._post_checked(copied)

    async def _copied(self, file: LedgerFile) -> Copied:
        facts = _planned_facts(file) or await self._existing(file)
        described = await self._source.metadata(file.file_id)
        kind = kind_by_facts(file.kind, facts)  # once more: the plan did not reach the source of every file
        file = replace(file, kind=kind, size=facts.size, crc32=facts.crc32, mtime=facts.mtime)
        stored, proof = await self._stored(file, described)
        return Copied(file, stored, facts, proof)

    async def _existing(self, file: LedgerFile) -> SourceFacts:
        facts = await self._source.facts(file.file_id)
        if facts.exists:
            return facts
        raise SourceGone if facts.at_source else SourceDown

    async def _stored(self, file: LedgerFile, described: SourceMetadata) -> tuple[TargetObject, str]:
        """Try the replicas in turn: where one serves damaged bytes, another may have the good ones."""
        sums = _trusted_sum(file)
        metadata = moved_metadata(file.file_id, described.file_name, file.mtime or 0, described.metadata)
        crc32, proof = await self._sum_by_reading(file) if sums is None else sums
        new = NewObject(
            key=moved_key(self._prefix, file.file_id),
            size=file.size or 0,
            crc32=crc32,
            content_type=described.content_type,
            file_name=described.file_name,
            metadata=metadata.pairs,
        )
        await self._store_more(new, metadata)
        return await self._store_from_any(file, new), proof if self._abilities.checks_crc32 else f"{proof}+read-back"

    async def _store_from_any(self, file: LedgerFile, new: NewObject) -> TargetObject:
        """From the source as it is asked usually; where it gives damaged bytes, from each other server in turn."""
        try:
            return await self._store_from(None, file, new)
        except FileNotFoundException:
            await self._existing(file)
            raise
        except IntegrityException as error:
            damaged = error
        for server in () if _may_change(file.kind) else (await self._source.replicas(file.file_id))[1:]:
            try:
                return await self._store_from(server, file, new)
            except (IntegrityException, FileNotFoundException):
                continue
        raise damaged

    async def _store_from(self, server: str | None, file: LedgerFile, new: NewObject) -> TargetObject:
        try:
            if new.size > SINGLE_PUT_BYTES:
                return await self._proven(await self._large.copy(file, new, server), new)
            async with self._bytes(file, server) as chunks:
                body = IncomingBody(_not_empty(chunks), size=new.size)
                stored = await self._target.put(new, body)
                if new.crc32 is not None and body.crc32 != new.crc32:
                    # A target that does not check has stored them: what it holds now is not the file.
                    await self._target.delete(new.key)
                    raise IntegrityException(f"{server or 'the source'} gave other bytes than were uploaded")
            return await self._proven(stored, new)
        except PreconditionFailedException:
            return await self._adopted(file, new)
        except InvalidArgumentException as error:
            # The only input here is the source: it gave more or fewer bytes than it said.
            raise IntegrityException(
                f"{server or 'the source'} does not give what it states: {error.message}"
            ) from error

    async def _proven(self, stored: TargetObject, new: NewObject) -> TargetObject:
        """What a target that does not check has stored is read back: whole, since a sample proves a sample."""
        if self._abilities.checks_crc32 or await self._read_back_equals(new):
            return stored
        await self._target.delete(new.key)
        raise IntegrityException(f"the target has stored other bytes than were sent: {new.key}")

    async def _adopted(self, file: LedgerFile, new: NewObject) -> TargetObject:
        """What is there already may be a copy of an earlier attempt, whose answer or ledger entry was lost."""
        there = await self._target.head(new.key)
        if there is None:
            raise StorageUnavailableException(f"the object {new.key} came and went")
        if there.metadata.get(ID_METADATA) != str(file.file_id):
            raise Conflict(f"another object has the key {new.key}")
        if there.size == new.size and there.crc32 is not None and there.crc32 == new.crc32:
            return there
        if there.size == new.size and there.crc32 is None and await self._read_back_equals(new):
            return there
        if file.kind is FileKind.APPENDER and there.etag is not None:
            # Ours, but of an earlier state of the file.
            async with self._bytes(file, None) as chunks:
                return await self._target.put(
                    replace(new, replaces=there.etag), IncomingBody(_not_empty(chunks), size=new.size)
                )
        raise Conflict(f"the object {new.key} has {there.size} bytes with another checksum")

    async def _post_checked(self, copied: Copied) -> Outcome:
        """A file that was deleted or changed while it was copied must not come back, or stay as it was."""
        file = copied.file
        facts = await self._source.facts(file.file_id)
        if not facts.exists:
            return await self._undone(copied, at_source=facts.at_source)
        if _may_change(file.kind) and (facts.size, facts.crc32) != (copied.facts.size, copied.facts.crc32):
            return self._later(file, "changed: it was written to while it was copied", failed=False)
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

    async def _undone(self, copied: Copied, *, at_source: bool) -> Outcome:
        file = copied.file
        if not at_source:
            return self._later(file, "source-down: its source went away while it was copied")
        gone = Outcome(file.file_id, file.fence, FileState.GONE, "not-found: it was deleted while it was copied")
        # First the fenced entry, then the deletion: a worker whose claim was lost deletes nothing, because after the
        # drain a missing source is how it should be. Only a deletion through the kit leaves the key to this worker.
        row = await self._ledger.find(file.file_id)
        deleted = row is not None and row.state is FileState.DELETED
        if deleted or (await self._ledger.record([gone]))[0]:
            await self._target.delete(copied.stored.key)
            await self._target.delete(copied.stored.key + METADATA_SUFFIX)
        return gone

    async def _store_more(self, new: NewObject, metadata: MovedMetadata) -> None:
        """The second object first: the file must not be seen without it."""
        if metadata.more is None:
            return
        more = replace(
            new,
            key=new.key + METADATA_SUFFIX,
            size=len(metadata.more),
            crc32=isal_zlib.crc32(metadata.more),
            content_type="application/json",
            file_name=None,
            metadata={ID_METADATA: metadata.pairs[ID_METADATA]},
        )
        content = metadata.more

        async def once() -> AsyncIterator[bytes]:
            yield content

        there = await self._target.head(more.key)
        if there is not None and (there.size, there.crc32) == (len(content), more.crc32):
            return  # of an earlier attempt
        replaces = None if there is None else there.etag
        await self._target.put(replace(more, replaces=replaces), IncomingBody(once(), size=len(content)))

    async def _sum_by_reading(self, file: LedgerFile) -> tuple[int, str]:
        """Read a file of whose content nobody states a sum; the copy that follows has to agree with it."""
        replicas = await self._source.replicas(file.file_id)
        async with self._bytes(file, replicas[-1] if replicas else None) as chunks:
            body = IncomingBody(_not_empty(chunks), size=file.size)
            async for _ in body:
                pass
        return body.crc32, "two-reads"

    async def _read_back_equals(self, new: NewObject) -> bool:
        async with self._target.open(new.key) as chunks:
            body = IncomingBody(_not_empty(chunks))
            async for _ in body:
                pass
        return body.crc32 == new.crc32

    @asynccontextmanager
    async def _bytes(self, file: LedgerFile, server: str | None) -> AsyncGenerator[AsyncIterator[bytes]]:
        if not file.size:
            yield _nothing()
            return
        async with self._source.open(file.file_id, server=server) as chunks:
            yield self._pace.paced(chunks)

    def _later(self, file: LedgerFile, reason: str, *, failed: bool = True) -> Outcome:
        return Outcome(file.file_id, file.fence, FileState.PLANNED, reason, failed=failed)


def _planned_facts(file: LedgerFile) -> SourceFacts | None:
    """What the plan saw of a file whose content cannot change; its source is asked after the copy anyway."""
    name = FastdfsName.decode(file.file_id.key) if file.kind in {FileKind.NORMAL, FileKind.TRUNK} else None
    if name is None or name.size is None or name.size != file.size:
        return None
    return SourceFacts(exists=True, at_source=True, size=name.size, mtime=file.mtime or 0, crc32=name.crc32)


def _trusted_sum(file: LedgerFile) -> tuple[int, str] | None:
    """The CRC-32 that the target is asked to prove, and where it comes from."""
    if not file.size:
        return 0, "crc32:empty"
    if file.kind in {FileKind.NORMAL, FileKind.TRUNK}:
        name = FastdfsName.decode(file.file_id.key)
        if name is not None and name.crc32 is not None:
            return name.crc32, "crc32:id"
    if file.kind in {FileKind.APPENDER, FileKind.SLAVE} and file.crc32 is not None:
        return file.crc32, "crc32:server"
    return None


def _may_change(kind: FileKind) -> bool:
    return kind is FileKind.APPENDER


async def _not_empty(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        if chunk:
            yield chunk


async def _nothing() -> AsyncIterator[bytes]:
    for nothing in list[bytes]():
        yield nothing
