"""Ledgers of migrations on PostgreSQL, by the adapter alone."""

import asyncio
import base64
import struct
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg

from s3py_helper.adapters.postgres.address import Address
from s3py_helper.adapters.postgres.ledger import PostgresLedger
from s3py_helper.adapters.postgres.places import places_for
from s3py_helper.application.ports.ledger import LedgerFile, Outcome
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState

_COLUMNS = ("place", "id", "grp", "kind", "size", "crc32", "mtime")
_AT_ONCE = 100_000
_BATCH = 10_000
"""As a plan writes them."""

_WRITERS = 2


class SharedLedger:
    """One process with a ledger, which lies in a schema named after its size."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opened = AsyncExitStack()
        self._ledger: PostgresLedger
        self._claims: list[LedgerFile] = []

    async def open(self) -> None:
        self._ledger = await self._opened.enter_async_context(PostgresLedger(self.url, "bench"))

    async def close(self) -> None:
        await self._opened.aclose()

    async def become(self, rows: int, planned: int) -> None:
        """A server that the environment names may still have it."""
        await self.close()
        self.url = f"{self.url.partition('?')[0]}?schema=bench_{rows}"
        await self.open()
        tallies = await self._ledger.tallies()
        waiting = sum(tally.files for tally in tallies if tally.state is FileState.PLANNED)
        if sum(tally.files for tally in tallies) == rows and waiting >= planned:
            return
        await self.close()
        await self._fill(rows)

    async def _fill(self, rows: int) -> None:
        """By COPY: a plan of ten million files would take the time of everything else."""
        address = Address.parse(self.url)
        owner = await asyncpg.connect(address.url)
        await owner.execute(f"drop schema if exists {address.schema} cascade")
        await self.open()
        starts = iter(range(0, rows, _AT_ONCE))

        async def copying() -> None:
            connection = await asyncpg.connect(address.url, server_settings={"search_path": address.schema})
            for start in starts:
                records = _placed(start, min(start + _AT_ONCE, rows))
                await connection.copy_records_to_table("file", columns=_COLUMNS, records=records)
            await connection.close()

        await asyncio.gather(*(copying() for _ in range(_WRITERS)))
        await owner.execute(f"vacuum (analyze) {address.schema}.file")  # as autovacuum does in a while
        await owner.close()

    async def claim(self, worker: str, limit: int) -> int:
        self._claims = await self._ledger.claim(worker, limit, 60, large=False)
        return len(self._claims)

    async def complete(self) -> int:
        return sum(await self._ledger.record([_copied(claim) for claim in self._claims]))

    async def status(self) -> int:
        tallies, _, _, _, _ = await asyncio.gather(
            self._ledger.tallies(),
            self._ledger.routes(),
            self._ledger.limits(),
            self._ledger.sources(),
            self._ledger.reasons(),
        )
        return sum(tally.files for tally in tallies)


def _copied(claim: LedgerFile) -> Outcome:
    return Outcome(
        claim.file_id,
        claim.fence,
        FileState.COPIED,
        size=claim.size,
        crc32=claim.crc32,
        proof="crc32:id",
        key=f"fastdfs/{claim.file_id}",
        etag='"0123456789abcdef0123456789abcdef"',
    )


def _placed(first: int, end: int) -> Iterator[tuple[object, ...]]:
    for start in range(first, end, _BATCH):
        made = list(_made_up(start, min(start + _BATCH, end)))
        places = places_for(FileId.parse(file_id) for file_id, *_ in made)
        yield from sorted((place, *row) for place, row in zip(places, made, strict=True))


def _made_up(first: int, end: int) -> Iterator[tuple[str, str, str, int, int, int]]:
    """Ids as servers make them, in the order of a listing."""
    for number in range(first, end):
        crc32 = number * 2654435761 % 2**32
        fields = struct.pack("!4sIQI", b"\x7f\0\0\x03", 1_700_000_000 + number, 1 << 63 | 1000, crc32)
        name = f"{base64.b64encode(fields, b'-_').decode()[:27]}{number % 1000:03}.txt"
        file_id = f"group1/M00/{number >> 8 & 255:02X}/{number & 255:02X}/{name}"
        yield (file_id, "group1", "normal", 1000, crc32, 1_700_000_000)


@asynccontextmanager
async def open_ledger(target: dict[str, Any]) -> AsyncGenerator[SharedLedger]:
    ledger = SharedLedger(target["url"])
    await ledger.open()
    yield ledger
    await ledger.close()
