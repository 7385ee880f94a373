"""Scenario 21: an S3 that ignores checksums and stores other bytes now and then."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.domain.migration import FileState
from tests.support.fastdfs import FakeCluster
from tests.support.migration.bench import BUCKET, Bench
from tests.support.s3.inspector import inspector_of
from tests.support.s3.pretend_s3 import PretendS3, Seen, pretend_s3

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def target() -> AsyncIterator[PretendS3]:
    """It stores what it gets, whatever sum was sent with it."""
    async with pretend_s3() as server:
        yield server


async def _flipped(server: PretendS3, seen: Seen) -> web.StreamResponse:
    body = bytearray(seen.body)
    body[0] ^= 1
    return await server.obey(replace(seen, body=bytes(body)))


async def test_21_every_flipped_byte_is_found(target: PretendS3, fake_fastdfs: FakeCluster, tmp_path: Path) -> None:
    inspector = await asyncio.to_thread(inspector_of, target.server, BUCKET)
    bench = Bench(target.server, inspector, fake_fastdfs.tracker_address, tmp_path)
    await bench.upload(*(f"flipped on the way {number}".encode() for number in range(30)))
    async with bench.manager() as manager:
        found = await manager.migration.preflight()
        assert found.abilities is not None
        assert not found.abilities.checks_crc32
        await bench.plan(manager)
        target.plan(_flipped, lambda seen: seen.method == "PUT" and "/fastdfs/" in seen.path, times=5)
        await bench.apply(manager)
        assert await bench.states(manager) == {FileState.COPIED: 30}, "read back, found out, and stored once more"
        assert (await bench.audit()).damages == {}
        [rotten, *_] = bench.truth.live
        stored = target.objects[f"/{BUCKET}/{bench.key_of(rotten)}"]
        stored.body = b"F" + stored.body[1:]
        assert (await bench.audit()).damages == {"corrupt": [rotten]}
        result = await manager.migration.verify(VerifyOptions(read_share=1.0))
        assert list(result.failed) == [rotten]
        await bench.apply(manager)
    assert (await bench.audit()).damages == {}
    inspector.sdk.close()
