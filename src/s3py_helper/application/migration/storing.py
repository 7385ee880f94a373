"""Storing one object of a migration: from a given server, proven, and adopted where it is there already."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Final

from isal import isal_zlib

from s3py_helper.application.concurrency.gate import Gate
from s3py_helper.application.concurrency.room import Room
from s3py_helper.application.migration.large_files import LargeFileCopier
from s3py_helper.application.migration.moved_metadata import MovedMetadata
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.ports.ledger import Ledger, LedgerFile
from s3py_helper.application.ports.migration_source import MigrationSource
from s3py_helper.application.ports.migration_target import MigrationTarget, NewObject, TargetAbilities, TargetObject
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.errors import (
    IntegrityException,
    InvalidArgumentException,
    PreconditionFailedException,
    StorageUnavailableException,
)
from s3py_helper.domain.migration import ID_METADATA, METADATA_SUFFIX, FileKind
from s3py_helper.domain.part_plan import MIB

SINGLE_PUT_BYTES: Final = 16 * MIB
"""Larger files are copied in parts, and continue in the middle after an interruption."""

PUTS_AT_ONCE: Final = 16
"""More would gain nothing: the target's processor is the limit."""

_IN_MEMORY: Final = 64 * MIB
"""Bytes of all copies of a worker together: what is sent is held until the target has it, for another attempt."""


class Conflict(Exception):
    """Another object lies under the file's key."""


class ObjectStorer:
    """Puts files into the target; see `FileCopier` for the arguments.

    Attributes:
        puts: Bounds the requests under way that store a whole file.
    """

    def __init__(
        self, source: MigrationSource, target: MigrationTarget, ledger: Ledger, abilities: TargetAbilities, pace: Pace
    ) -> None:
        self._source = source
        self._target = target
        self._abilities = abilities
        self._pace = pace
        self.puts = Gate(PUTS_AT_ONCE)
        self._room = Room(_IN_MEMORY)
        self._large = LargeFileCopier(source, target, ledger, pace, self._room)

    @property
    def arrived(self) -> int:
        """Bytes that the target has of large files under way."""
        return self._large.arrived

    def room_for(self, file: LedgerFile) -> AbstractAsyncContextManager[None]:
        """Holds the memory that a file's bytes take while the block is open."""
        return self._room.of(file.size or 0)

    async def store(
        self, server: str | None, file: LedgerFile, new: NewObject, content: bytes | None = None
    ) -> TargetObject:
        """Store a file as one server sends it; `None` stands for the usual one.

        Args:
            server: Which server.
            file: The file.
            new: The object to be.
            content: Its bytes, where they were fetched before: the caller holds the room for them.

        Raises:
            IntegrityException: The server does not send the right bytes, or the target has stored others.
            FileNotFoundException: The server does not have it.
            Conflict: Another object has its key.
            StorageException: Something failed that another attempt may mend.
        """
        if new.replaces is None and not self._abilities.refuses_overwriting and await self._target.head(new.key):
            return await self._adopted(server, file, new, content)  # the target would not say so
        try:
            if new.size > SINGLE_PUT_BYTES:
                return await self._proven(await self._large.copy(file, new, server), new)
            if content is not None:
                return await self._proven(await self._put_held(new, content), new)
            async with self._room.of(new.size), self.puts, self._bytes(file, server) as chunks:
                body = IncomingBody(_not_empty(chunks), size=new.size)
                stored = await self._target.put(new, body)
                if new.crc32 is not None and body.crc32 != new.crc32:
                    # A target that does not check has stored them: its object is not the file.
                    await self._target.delete(new.key)
                    raise IntegrityException(f"{server or 'the source'} gave other bytes than were uploaded")
            return await self._proven(stored, new)
        except PreconditionFailedException:
            return await self._adopted(server, file, new, content)
        except InvalidArgumentException as error:
            # The only input here is the source: it sent more or fewer bytes than it announced.
            raise IntegrityException(
                f"{server or 'the source'} does not give what it states: {error.message}"
            ) from error

    async def _put_held(self, new: NewObject, content: bytes) -> TargetObject:
        async with self.puts:
            await self._pace.next_bytes(len(content))
            return await self._target.put(new, content)

    async def _proven(self, stored: TargetObject, new: NewObject) -> TargetObject:
        """What a target that does not check has stored is read back: whole, since a sample proves a sample."""
        if self._abilities.checks_crc32 or await self._read_back_equals(new):
            return stored
        await self._target.delete(new.key)
        raise IntegrityException(f"the target has stored other bytes than were sent: {new.key}")

    async def _adopted(
        self, server: str | None, file: LedgerFile, new: NewObject, content: bytes | None
    ) -> TargetObject:
        """What is there already may be the copy of an earlier attempt, whose response or ledger entry was lost."""
        there = await self._target.head(new.key)
        if there is None or new.replaces is not None:
            raise StorageUnavailableException(f"the object {new.key} was changed by somebody else meanwhile")
        if there.metadata.get(ID_METADATA) != str(file.file_id):
            raise Conflict(f"another object has the key {new.key}")
        # Planned again although this copy is known: it was found wrong, whatever the target says, or is outdated.
        is_doubted = file.etag is not None and there.etag == file.etag
        is_equal = there.size == new.size and (
            await self._read_back_equals(new) if there.crc32 is None or is_doubted else there.crc32 == new.crc32
        )
        if is_equal and _described_alike(there, new):
            return there
        if there.etag is not None and (is_equal or is_doubted or file.kind is FileKind.APPENDER):
            # Ours, but of an earlier state of the file.
            return await self.store(server, file, replace(new, replaces=there.etag), content)
        raise Conflict(f"the object {new.key} has {there.size} bytes with another checksum")

    async def store_more(self, new: NewObject, metadata: MovedMetadata) -> None:
        """Store what the headers cannot hold. Comes first: the file must not be visible without it."""
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
        there = await self._target.head(more.key)
        if there is not None and (there.size, there.crc32) == (len(content), more.crc32):
            return  # of an earlier attempt
        replaces = None if there is None else there.etag
        await self._target.put(replace(more, replaces=replaces), content)

    async def sum_by_reading(self, file: LedgerFile) -> tuple[int, str]:
        """Read a file whose checksum nobody knows; the copy that follows has to agree with it."""
        replicas = await self._source.replicas(file.file_id)
        async with self._bytes(file, replicas[-1] if replicas else None) as chunks:
            body = IncomingBody(_not_empty(chunks), size=file.size)
            try:
                async for _ in body:
                    pass
            except InvalidArgumentException as error:
                raise IntegrityException(f"its servers do not agree: {error.message}") from error
        return body.crc32, "two-reads"

    async def _read_back_equals(self, new: NewObject) -> bool:
        try:
            async with self._target.open(new.key) as chunks:
                body = IncomingBody(_not_empty(chunks))
                async for _ in body:
                    pass
        except IntegrityException:  # not even what the target itself says of it
            return False
        return body.crc32 == new.crc32

    @asynccontextmanager
    async def _bytes(self, file: LedgerFile, server: str | None) -> AsyncGenerator[AsyncIterator[bytes]]:
        if not file.size:
            yield _nothing()
            return
        async with self._source.open(file.file_id, server=server) as chunks:
            yield self._pace.paced(chunks)


def _described_alike(there: TargetObject, new: NewObject) -> bool:
    return (
        there.metadata == new.metadata
        and there.file_name == new.file_name
        and (new.content_type is None or there.content_type == new.content_type)
    )


async def _not_empty(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        if chunk:
            yield chunk


async def _nothing() -> AsyncIterator[bytes]:
    for nothing in list[bytes]():
        yield nothing
