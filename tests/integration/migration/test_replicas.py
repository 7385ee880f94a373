"""Two processes of the service on one ledger: what one does, the other knows within the time that is documented."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from s3py_helper.application.migration.relocation import ROUTES_SECONDS
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.domain.file_id import FileId
from tests.support.fastdfs import FakeCluster
from tests.support.migration.bench import Bench
from tests.support.postgres.server import PostgresServer
from tests.support.rehearsal.commands import Commands
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import S3Server

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]

_schemas: Final = itertools.count()


@pytest.fixture(params=["SQLite", "PostgreSQL"])
async def bench(
    request: pytest.FixtureRequest, seaweedfs: S3Server, scenario_bucket: S3Inspector, tmp_path: Path
) -> AsyncIterator[Bench]:
    ledger = None
    if request.param == "PostgreSQL":
        server: PostgresServer = request.getfixturevalue("postgres")
        ledger = server.url(schema=f"replicas_{next(_schemas)}")
    async with FakeCluster() as cluster:
        yield Bench(seaweedfs, scenario_bucket, cluster.tracker_address, tmp_path, ledger)


class Replica:
    """One of the processes, as its clients see it."""

    def __init__(self, folder: Path, bench: Bench) -> None:
        folder.mkdir()
        self.folder = folder
        self.commands = Commands(folder, bench.environment)
        self.url = ""

    async def status(self, client: aiohttp.ClientSession, file_id: str, method: str = "GET") -> int:
        path = f"/files/{file_id}/download" if method == "GET" else f"/files/{file_id}"
        async with client.request(method, self.url + path) as response:
            await response.read()
            return response.status


async def within(seconds: float, condition: Callable[[], Awaitable[bool]]) -> None:
    began = time.monotonic()
    while not await condition():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.02)


async def test_replicas_know_of_each_other_s_deletions_and_of_routes(bench: Bench, tmp_path: Path) -> None:
    deleted, lost, kept = await bench.upload(b"deleted", b"lost in FastDFS", b"kept")
    async with AsyncExitStack() as opened:
        client = await opened.enter_async_context(aiohttp.ClientSession())
        manager = await opened.enter_async_context(bench.manager())
        await bench.plan(manager)
        await bench.apply(manager)
        one, other = (Replica(tmp_path / name, bench) for name in ("one", "other"))
        for replica in (one, other):
            replica.url = await opened.enter_async_context(replica.commands.service())
            assert [await replica.status(client, file_id) for file_id in (deleted, lost, kept)] == [200] * 3

        # A tombstone is seen by the next request, wherever it goes.
        assert await one.status(client, deleted, "DELETE") == 200
        bench.truth.removed(deleted)
        assert await other.status(client, deleted) == 404
        assert await other.status(client, deleted, "DELETE") == 404

        # A route is seen by all within two seconds. What FastDFS has lost tells who follows it.
        await bench.files.delete(FileId.parse(lost))
        assert [await replica.status(client, lost) for replica in (one, other)] == [404, 404]
        await manager.migration.verify(VerifyOptions())
        code, said = await one.commands.says("migrate", "route", "group1", "s3-first")
        assert code == 0, said

        async def both_follow() -> bool:
            return [await replica.status(client, lost) for replica in (one, other)] == [200, 200]

        await within(ROUTES_SECONDS + 1, both_follow)

        # What one stores the other gives, also when the first is no more; and nothing is left where it ran.
        form = aiohttp.FormData()
        form.add_field("file", b"new", filename="new.txt")
        async with client.post(f"{one.url}/files/upload", data=form) as response:
            new = (await response.json())["file_id"]
        assert await other.status(client, new) == 200
        assert {path.name for path in one.folder.iterdir()} <= {"service.log", "stderr.log"}
        assert await other.status(client, kept) == 200
