"""Looking at copies again, without trusting what they remember of themselves."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Outcome
from s3py_helper.application.ports.migration_target import MigrationTarget, TargetObject
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.errors import FileNotFoundException, IntegrityException
from s3py_helper.domain.migration import ID_METADATA, METADATA_SUFFIX, FileState, Level, moved_key

_AT_ONCE: Final = 16
_MOST_SHOWN: Final = 1000
_COPIES: Final = (FileState.COPIED, FileState.VERIFIED, FileState.DRAINED, FileState.MISSING_AT_SOURCE)


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """How much to read back: everything is listed and asked for in any case.

    Attributes:
        group: Only this group.
        read_share: The part of the files, from 0 to 1, whose bytes are read.
    """

    group: str | None = None
    read_share: float = 0.0


@dataclass(slots=True)
class VerifyResult:
    """What a verification has found.

    Attributes:
        levels: The number of files at each level.
        failed: Files that are not what they should be, with the reason; the first thousand.
        failed_count: How many there were.
        bytes_read: Bytes that were read back.
        strangers: Objects below the prefix that belong to no file of the ledger; the first thousand.
        strangers_count: How many there were.
    """

    levels: dict[Level, int] = field(default_factory=lambda: dict.fromkeys(Level, 0))
    failed: dict[str, str] = field(default_factory=dict[str, str])
    failed_count: int = 0
    bytes_read: int = 0
    strangers: list[str] = field(default_factory=list[str])
    strangers_count: int = 0


class Verifier:
    """Lists the target beside the ledger, asks for every object, and reads some.

    Args:
        target: S3.
        ledger: What should be there.
        prefix: The front of the keys.
        on_file: Is called for every file that was looked at, with the level and what is wrong.
    """

    def __init__(
        self,
        target: MigrationTarget,
        ledger: Ledger,
        prefix: str,
        *,
        on_file: Callable[[LedgerFile, Level | None, str | None], None] = lambda _file, _level, _problem: None,
    ) -> None:
        self._target = target
        self._ledger = ledger
        self._prefix = prefix
        self._on_file = on_file
        self._clock_began = 0.0

    async def verify(self, options: VerifyOptions) -> VerifyResult:
        """Look at every copy of the ledger, and note how far each is proven.

        A file whose copy is missing or wrong is planned again, or quarantined where its source is drained already.
        """
        result = VerifyResult()
        self._clock_began = await self._ledger.now() - time.monotonic()
        groups = sorted({tally.group for tally in await self._ledger.tallies()})
        for group in groups:
            if options.group in {None, group}:
                await self._verify_group(group, options, result)
        return result

    @property
    def _now(self) -> int:
        """By the ledger's clock, which drains go by."""
        return int(self._clock_began + time.monotonic())

    async def _verify_group(self, group: str, options: VerifyOptions, result: VerifyResult) -> None:
        """Ledger and listing are in the same order, so neither has to be held in memory."""
        pending: set[asyncio.Task[None]] = set()
        async with AsyncExitStack() as opened:
            files = await opened.enter_async_context(self._ledger.files(group=group, states=_COPIES))
            listing = await opened.enter_async_context(self._target.list(f"{self._prefix}fastdfs/{group}/"))
            objects = _Merged(listing, result)
            try:
                async with asyncio.TaskGroup() as tasks:
                    async for file in files:
                        listed = await objects.at(file.key or moved_key(self._prefix, file.file_id))
                        while len(pending) >= _AT_ONCE:
                            await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                        task = tasks.create_task(self._verify_file(file, listed, options, result))
                        pending.add(task)
                        task.add_done_callback(pending.discard)
                    await objects.rest()
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from None

    async def _verify_file(
        self, file: LedgerFile, listed: TargetObject | None, options: VerifyOptions, result: VerifyResult
    ) -> None:
        level, problem = await self._judged(file, listed, options, result)
        if problem is not None:
            state = FileState.QUARANTINED if file.state is FileState.DRAINED else FileState.PLANNED
            outcome = Outcome(file.file_id, file.fence, state, f"verify: {problem}")
        else:
            state = FileState.VERIFIED if file.state is FileState.COPIED else file.state
            outcome = Outcome(file.file_id, file.fence, state, file.reason, level=level, verified_at=self._now)
        if not (await self._ledger.record([outcome]))[0]:
            return  # deleted or changed meanwhile: what was found belongs to another state of the file
        if problem is not None:
            result.failed_count += 1
            if len(result.failed) < _MOST_SHOWN:
                result.failed[str(file.file_id)] = problem
        if level is not None:
            result.levels[level] += 1
        self._on_file(file, level, problem)

    async def _judged(
        self, file: LedgerFile, listed: TargetObject | None, options: VerifyOptions, result: VerifyResult
    ) -> tuple[Level | None, str | None]:
        if listed is None:
            return None, "its object is not listed"
        if listed.size != file.size:
            return None, f"its object has {listed.size} bytes instead of {file.size}"
        there = await self._target.head(listed.key)
        if there is None:
            return None, "its object is listed, but not there"
        if there.metadata.get(ID_METADATA) != str(file.file_id):
            return None, "its object is somebody else's"
        level = Level.LISTED
        if there.crc32 is not None and file.crc32 is not None:
            if there.crc32 != file.crc32:
                return None, f"its object has the CRC-32 {there.crc32:08x} instead of {file.crc32:08x}"
            level = Level.CHECKSUM
        sampled = random.random() < options.read_share  # noqa: S311 - a sample, no secret
        # Where the target tells no checksum, only reading proves anything.
        if sampled or level is Level.LISTED:
            try:
                crc32, size = await self._read(there.key)
            except (IntegrityException, FileNotFoundException) as error:
                return None, f"its object cannot be read back: {error.message}"
            result.bytes_read += size
            if size != file.size or (file.crc32 is not None and crc32 != file.crc32):
                return None, f"its object reads as {size} bytes with the CRC-32 {crc32:08x}"
            level = Level.READ
        return level, None

    async def _read(self, key: str) -> tuple[int, int]:
        async with self._target.open(key) as chunks:
            body = IncomingBody(chunks)
            async for _ in body:
                pass
        return body.crc32, body.received


class _Merged:
    """A listing that is asked for keys in ascending order."""

    def __init__(self, objects: AsyncIterator[TargetObject], result: VerifyResult) -> None:
        self._objects = objects
        self._result = result
        self._next: TargetObject | None = None
        self._ended = False

    async def at(self, key: str) -> TargetObject | None:
        """The object of that key; those before it belong to nobody."""
        while (current := await self._current()) is not None and current.key.encode() < key.encode():
            self._stranger(current)
            self._next = None
        if current is None or current.key != key:
            return None
        self._next = None
        return current

    async def rest(self) -> None:
        """The remaining objects, which belong to nobody."""
        while (current := await self._current()) is not None:
            self._stranger(current)
            self._next = None

    async def _current(self) -> TargetObject | None:
        if self._next is None and not self._ended:
            self._next = await anext(self._objects, None)
            self._ended = self._next is None
        return self._next

    def _stranger(self, found: TargetObject) -> None:
        if found.key.endswith(METADATA_SUFFIX):
            return
        self._result.strangers_count += 1
        if len(self._result.strangers) < _MOST_SHOWN:
            self._result.strangers.append(found.key)
