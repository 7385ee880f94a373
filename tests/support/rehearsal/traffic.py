"""Readers, writers and deleters that go on through all phases of a migration, and judge every answer."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from tests.support.migration.truth import digest
from tests.support.rehearsal.between import LedgerReader
from tests.support.rehearsal.old_files import Kind, OldFile, append_past_the_kit
from tests.support.waiting import until

_PATIENCE: Final = aiohttp.ClientTimeout(total=30)
_DELETE_ATTEMPTS: Final = 5


@dataclass(slots=True)
class Seen:
    """What the traffic saw.

    Attributes:
        answers: How often each status came, by phase and kind of request.
        unexpected: What should not have been, in words; the first hundred.
        unexpected_count: How often.
        seconds: How long each read took, by phase.
    """

    answers: Counter[tuple[str, str, int]] = field(default_factory=Counter[tuple[str, str, int]])
    unexpected: list[str] = field(default_factory=list[str])
    unexpected_count: int = 0
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def wonder(self, words: str) -> None:
        self.unexpected_count += 1
        if len(self.unexpected) < 100:
            self.unexpected.append(words)


class Traffic:
    """Clients of one service, as users are: they know ids, and neither phases nor backends.

    Args:
        url: The service.
        tracker: For appends by the bare protocol.
        files: The old files; their records are kept up to date.
        ledger: Is asked for files that are being copied: deletions aim at them, for there they hurt most.
        reads_per_second: Reads begun in a second, however long they take.
    """

    def __init__(
        self, url: str, tracker: str, files: Sequence[OldFile], ledger: LedgerReader, *, reads_per_second: float = 50
    ) -> None:
        self.seen = Seen()
        self.phase = "before"
        self.may_append = True
        self._deletions = 0
        self._deletions_rest = False
        self._url = f"{url}/files"
        self._tracker = tracker
        self._files = files
        self._by_id = {file.file_id: file for file in files}
        self._ledger = ledger
        self._pause = 1 / reads_per_second
        self._random = random.Random(1)
        self._new: list[tuple[str, str]] = []
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Begin nothing more; what is under way is finished."""
        self._stopping.set()

    @asynccontextmanager
    async def without_deletions(self) -> AsyncGenerator[None]:
        """Nothing is deleted in the block: an auditor needs a truth that keeps still."""
        self._deletions_rest = True
        await until(lambda: not self._deletions, within=60)
        yield
        self._deletions_rest = False

    async def run(self) -> None:
        """Until it is stopped."""
        async with aiohttp.ClientSession(timeout=_PATIENCE) as session, asyncio.TaskGroup() as group:
            group.create_task(self._keep_beginning(group, lambda: self._read(session), self._pause))
            group.create_task(self._keep_beginning(group, lambda: self._delete(session), 0.5))
            group.create_task(self._keep_beginning(group, lambda: self._upload(session), 0.5))
            group.create_task(self._keep_appending())

    async def _keep_beginning(
        self, group: asyncio.TaskGroup, begin: Callable[[], Awaitable[None]], pause: float
    ) -> None:
        """Begin one after each pause, whether or not the others have ended: a slow service gets no rest."""

        async def guarded() -> None:
            try:
                await begin()
            except (aiohttp.ClientError, TimeoutError) as error:
                self.seen.wonder(f"{self.phase}: no answer: {error!r}")

        due = time.monotonic()
        while not self._stopping.is_set():
            due += pause
            group.create_task(guarded())
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _read(self, session: aiohttp.ClientSession) -> None:
        if self._new and self._random.random() < 0.05:
            await self._read_new(session)
            return
        file = self._random.choice(self._files)
        how = self._random.choices(("GET", "HEAD", "range", "info"), (70, 10, 15, 5))[0]
        was_gone, phase, began, oldest = file.is_gone, self.phase, time.monotonic(), file.settled
        headers = {}
        if how == "range" and file.kind is Kind.NORMAL and file.size:
            first = self._random.randrange(file.size)
            last = min(file.size - 1, first + self._random.randrange(1, 5000))
            headers = {"Range": f"bytes={first}-{last}"}
        method, url = ("HEAD" if how == "HEAD" else "GET"), f"{self._url}/{file.file_id}"
        async with session.request(method, f"{url}/{'info' if how == 'info' else 'download'}", headers=headers) as got:
            body = await got.read()
        self.seen.answers[phase, how, got.status] += 1
        self.seen.seconds[phase].append(time.monotonic() - began)
        if not _status_fits(got.status, file, was_gone=was_gone, asked_part=bool(headers)):
            self.seen.wonder(f"{phase}: {how} of {file.file_id} ({file.kind}): status {got.status}: {body[:200]!r}")
        elif got.status == 206:
            start, _, end = headers["Range"].removeprefix("bytes=").partition("-")
            if body != file.content[int(start) : int(end) + 1]:
                self.seen.wonder(f"{phase}: {headers} of {file.file_id}: wrong bytes")
        elif got.status == 200 and how in {"GET", "range"} and digest(body) not in file.digests[oldest:]:
            self.seen.wonder(f"{phase}: GET of {file.file_id} ({file.kind}): wrong bytes ({len(body)})")

    async def _read_new(self, session: aiohttp.ClientSession) -> None:
        file_id, expected = self._random.choice(self._new)
        async with session.get(f"{self._url}/{file_id}/download") as got:
            body = await got.read()
        self.seen.answers[self.phase, "GET new", got.status] += 1
        if got.status != 200 or digest(body) != expected:
            self.seen.wonder(f"{self.phase}: GET of the new file {file_id}: status {got.status}, {len(body)} bytes")

    async def _upload(self, session: aiohttp.ClientSession) -> None:
        content = self._random.randbytes(self._random.randrange(1, 20_000))
        form = aiohttp.FormData()
        form.add_field("file", content, filename="new.bin")
        async with session.post(f"{self._url}/upload", data=form) as got:
            answer = await got.json()
        self.seen.answers[self.phase, "POST", got.status] += 1
        if got.status == 200:
            self._new.append((answer["file_id"], digest(content)))
        else:
            self.seen.wonder(f"{self.phase}: POST: status {got.status}: {answer}")

    async def _delete(self, session: aiohttp.ClientSession) -> None:
        if self._deletions_rest:
            return
        file = self._by_id.get(await self._ledger.one_in("copying") or "") or self._random.choice(self._files)
        if file.is_leaving or self._deletions_rest:
            return
        file.is_leaving = True
        self._deletions += 1
        try:
            await self._delete_for_certain(session, file)
        finally:
            self._deletions -= 1

    async def _delete_for_certain(self, session: aiohttp.ClientSession, file: OldFile) -> None:
        """Ask again where no answer came, as every client may: without one, nobody knows whether the file is gone."""
        for attempt in range(_DELETE_ATTEMPTS):
            try:
                async with session.delete(f"{self._url}/{file.file_id}") as got:
                    body = await got.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                self.seen.wonder(f"{self.phase}: DELETE of {file.file_id}: no answer: {error!r}")
                continue
            self.seen.answers[self.phase, "DELETE", got.status] += 1
            file.is_gone = got.status in {200, 404}
            if got.status != 200 and not (got.status == 404 and attempt):
                self.seen.wonder(f"{self.phase}: DELETE of {file.file_id}: status {got.status}: {body[:200]!r}")
            if file.is_gone:
                return

    async def _keep_appending(self) -> None:
        appenders = [file for file in self._files if file.kind is Kind.APPENDER]
        while appenders and not self._stopping.is_set():
            file = self._random.choice(appenders)
            if self.may_append and not file.is_leaving:
                was_leaving = file.is_leaving
                try:
                    await append_past_the_kit(self._tracker, file, self._random.randbytes(500))
                except AssertionError:
                    # Deleted meanwhile, as it may be: nobody holds the file for a program that knows of no migration.
                    if file.is_leaving == was_leaving:
                        raise
            await asyncio.sleep(0.2)


def _status_fits(status: int, file: OldFile, *, was_gone: bool, asked_part: bool) -> bool:
    good = 206 if asked_part else 200
    if was_gone:
        return status == 404
    if file.is_leaving:
        return status in {good, 404}
    return status == good
