"""Uploads that end at random moments leave no multipart upload and no object."""

import asyncio
import os
import random

import pytest

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.errors import StorageException
from s3py_helper.testing import body_of, leak_guard, new_blob
from tests.support.proxy import Act, Direction, Fault, FaultProxy
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import S3Server

UPLOADS = int(os.environ.get("S3PY_STORM_UPLOADS", "500"))
"""How many; 500 take less than a minute."""

PART_SIZE = 5 * 1024 * 1024
AT_ONCE = 8
SIZES = (100, 300_000, PART_SIZE + 1, 3 * PART_SIZE)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_uploads_cancelled_or_cut_at_random_moments_leave_nothing(
    seaweedfs: S3Server, proxy: FaultProxy, inspector: S3Inspector
) -> None:
    chance = random.Random(2026)
    perf = S3PerfConfig(
        multipart_part_size=PART_SIZE, multipart_threshold=PART_SIZE, parts_in_flight=2, max_retries=1, read_timeout=5
    )
    gate = asyncio.Semaphore(AT_ONCE)
    outcomes: dict[str, int] = {"stored": 0, "cancelled": 0, "failed": 0}
    kept: set[str] = set()

    async def suffer(store: S3BlobStore) -> None:
        async with gate:
            blob = new_blob(folder="storm")
            outcome = await _one_upload(store, proxy, blob, chance)
            outcomes[outcome] += 1
            if outcome == "stored":
                kept.add(blob.key)

    async with S3Session(seaweedfs.config(endpoint=proxy.endpoint, perf=perf)) as connection, leak_guard():
        store = S3BlobStore(connection)
        await store.write(new_blob(folder="storm"), body_of(bytes(PART_SIZE + 1)))
        before = set(await inspector.keys("storm/"))
        async with asyncio.TaskGroup() as group:
            for _ in range(UPLOADS):
                group.create_task(suffer(store))

    assert outcomes["cancelled"] > UPLOADS / 10
    assert outcomes["failed"] > UPLOADS / 25
    assert await inspector.unfinished_uploads("storm/") == []
    assert set(await inspector.keys("storm/")) == before | kept


async def _one_upload(store: S3BlobStore, proxy: FaultProxy, blob: NewBlob, chance: random.Random) -> str:
    content = bytes(chance.choice(SIZES))
    if chance.random() < 0.5:
        direction = chance.choice(list(Direction))
        after = chance.randrange(len(content) + 600) if direction is Direction.REQUEST else chance.randrange(300)
        method = chance.choice(["POST", "PUT"])
        times = chance.choice([1, 9, 9])
        proxy.plan(
            Fault(chance.choice([Act.CUT, Act.RESET]), direction, after),
            request_starts=method,
            contains=blob.key,
            times=times,
        )
    writing = asyncio.create_task(store.write(blob, body_of([content[:100_000], content[100_000:]])))
    if chance.random() < 0.5:
        await asyncio.wait([writing], timeout=chance.random() * 0.4)
        writing.cancel()
    try:
        await writing
    except asyncio.CancelledError:
        return "cancelled"
    except StorageException:
        return "failed"
    return "stored"
