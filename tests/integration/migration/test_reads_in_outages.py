"""Reads of old ids while the database of the ledger is away or silent: at once, and never of a deleted file."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from s3py_helper.application.migration.relocation import ROUTES_SECONDS
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.domain.migration import Route
from tests.support.fastdfs import FakeCluster
from tests.support.migration.bench import Bench
from tests.support.postgres.server import PostgresServer
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import S3Server

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]

_BOUND: Final = 5.0
"""Seconds. On a machine at rest they are less than 2; those who wait for a database wait 10."""
_schemas: Final = itertools.count()


@pytest.fixture
async def bench(
    database: PostgresServer, seaweedfs: S3Server, scenario_bucket: S3Inspector, tmp_path: Path
) -> AsyncIterator[Bench]:
    async with FakeCluster() as cluster:
        url = database.url(schema=f"outages_{next(_schemas)}")
        yield Bench(seaweedfs, scenario_bucket, cluster.tracker_address, tmp_path, url)


@pytest.mark.parametrize("route", [Route.FASTDFS, Route.S3_FIRST])
async def test_reads_are_answered_promptly_while_the_database_is_away(
    bench: Bench, database: PostgresServer, route: Route
) -> None:
    kept, deleted = await bench.upload(b"kept", b"deleted")
    async with bench.manager() as manager, bench.commands().service() as url, aiohttp.ClientSession() as client:

        async def asked(file_id: str) -> tuple[int, float, bool]:
            began = time.monotonic()
            async with client.get(f"{url}/files/{file_id}/download") as response:
                await response.read()
                return response.status, time.monotonic() - began, "Retry-After" in response.headers

        await bench.plan(manager)
        await bench.apply(manager)
        if route is Route.S3_FIRST:
            await manager.migration.verify(VerifyOptions(read_share=1.0))
            await manager.migration.route("group1", Route.S3_FIRST)
            await asyncio.sleep(ROUTES_SECONDS)
        assert (await asked(kept))[0] == 200
        async with client.delete(f"{url}/files/{deleted}") as response:
            assert response.status == 200
        assert (await asked(deleted))[0] == 404
        await asyncio.to_thread(database.stop)
        try:
            answers = await asyncio.gather(*(asked(kept) for _ in range(10)))
            of_deleted = await asyncio.gather(*(asked(deleted) for _ in range(10)))
        finally:
            await asyncio.to_thread(database.start)
        assert max(seconds for _, seconds, _ in (*answers, *of_deleted)) < _BOUND
        if route is Route.FASTDFS:  # where the files have always been: nothing else has to be known
            assert {status for status, _, _ in answers} == {200}
            assert {status for status, _, _ in of_deleted} == {404}
        else:
            assert {(status, told) for status, _, told in (*answers, *of_deleted)} == {(503, True)}
        async with asyncio.timeout(30):
            while (await asked(kept))[0] != 200:
                await asyncio.sleep(0.05)
        assert (await asked(deleted))[0] == 404
