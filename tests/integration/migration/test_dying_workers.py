"""Workers that end without a word at any point: what they leave is adopted, gone on with, or removed."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from s3py_helper.domain.migration import FileState
from tests.support.migration.bench import BUCKET, Bench
from tests.support.migration.dying import DIED
from tests.support.migration.ledgers import on_both_ledgers
from tests.support.proxy import fault_proxy
from tests.support.s3.server import S3Server

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]

MIB = 1024 * 1024
ROOT = Path(__file__).parents[3]


on_one_cluster = pytest.mark.parametrize("servers", ["protocol-level"], indirect=True)
"""Where FastDFS does nothing but give bytes."""


async def dies(bench: Bench, point: str, when: str, number: int, *arguments: str) -> None:
    """Run a command that ends at that point."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.migration.dying", point, when, str(number), *arguments,
        cwd=ROOT, env=bench.environment,
    )  # fmt: skip
    assert await process.wait() == DIED, "it came past the point"


async def finishes(bench: Bench) -> None:
    """Go on as an operator does, who need not wait for the leases of the dead as long as usual."""
    bench.end_leases()
    code, summary = await bench.commands().migrate("apply")
    assert code == 0, summary
    assert set(summary["states"]) == {"copied"}


@pytest.mark.parametrize(
    ("point", "when"),
    [("claim", "after"), ("put", "before"), ("put", "after"), ("record", "before"), ("record", "after")],
)
@on_both_ledgers
async def test_3_a_copy_whose_worker_died_is_found_again(bench: Bench, point: str, when: str) -> None:
    await bench.upload(b"one", b"", b"three" * 20_000)
    async with bench.manager() as manager:
        await bench.plan(manager)
    await dies(bench, point, when, 1, "migrate", "apply")
    before = await bench.written_at()
    assert bool(before) is ((point, when) in {("put", "after"), ("record", "before"), ("record", "after")})
    await finishes(bench)
    after = await bench.written_at()
    assert {key: after[key] for key in before} == before, "what was there is adopted, not written again"
    assert (await bench.audit()).damages == {}


@on_one_cluster
@pytest.mark.parametrize(
    ("point", "when", "number"),
    [("begin", "after", 1), ("note_upload", "after", 1), ("send_part", "after", 2), ("complete", "after", 1)],
)
async def test_an_upload_in_parts_whose_worker_died_is_finished_and_none_stays_open(
    bench: Bench, point: str, when: str, number: int
) -> None:
    await bench.upload(bytes(66 * MIB))
    async with bench.manager() as manager:
        await manager.migration.preflight()  # else the worker begins with an upload of its own
        await bench.plan(manager)
    await dies(bench, point, when, number, "migrate", "apply")
    await finishes(bench)
    assert (await bench.audit()).damages == {}


@on_one_cluster
async def test_23_a_large_file_goes_on_in_the_middle_after_every_death(bench: Bench, seaweedfs: S3Server) -> None:
    await bench.upload(bytes(range(256)) * (90 * MIB // 256))
    async with bench.manager() as manager:
        await bench.plan(manager)
    async with fault_proxy(seaweedfs.endpoint) as proxy:
        bench.environment["S3PY_S3__ENDPOINT"] = proxy.endpoint
        for number in (2, 1):
            await dies(bench, "send_part", "after", number, "migrate", "apply")
            bench.end_leases()
        await finishes(bench)
        sent = [line for line in proxy.requests if "partNumber=" in line]
    at_once, parts, deaths = 3, 6, 2
    assert parts <= len(sent) <= parts + deaths * at_once, "only what was under way is sent again"
    assert (await bench.audit()).damages == {}


@pytest.mark.parametrize("how", ["through the kit", "past the kit"])
async def test_what_a_dead_worker_left_of_a_file_that_is_deleted_then_is_removed(bench: Bench, how: str) -> None:
    deleted, _ = await bench.upload(b"copied, but nobody wrote that down", b"stays")
    async with bench.manager() as manager:
        await bench.plan(manager)
    await dies(bench, "record", "before", 1, "migrate", "apply")
    assert bench.key_of(deleted) in await bench.written_at()
    async with bench.manager() as manager:
        await (bench.delete(manager, deleted) if how == "through the kit" else bench.delete_past_the_kit(deleted))
    bench.end_leases()
    async with bench.manager() as manager:
        await bench.apply(manager)
        assert (await bench.states(manager))[FileState.COPIED] == 1
    assert (await bench.audit()).damages == {}


async def test_the_upload_of_a_dead_worker_is_aborted_when_its_file_is_deleted(bench: Bench) -> None:
    [file_id] = await bench.upload(bytes(66 * MIB))
    async with bench.manager() as manager:
        await bench.plan(manager)
    await dies(bench, "send_part", "after", 1, "migrate", "apply")
    assert (await bench.audit()).unfinished == [bench.key_of(file_id)]
    async with bench.manager() as manager:
        await bench.delete(manager, file_id)
        await bench.apply(manager)
    assert (await bench.audit()).damages == {}


@on_one_cluster
async def test_what_a_probe_left_whose_worker_died_is_removed_when_it_is_old(bench: Bench) -> None:
    await dies(bench, "begin", "before", 1, "migrate", "preflight")
    await dies(bench, "begin", "after", 1, "migrate", "preflight")
    left = await bench.audit()
    assert (len(left.foreign), len(left.unfinished)) == (0, 1)
    name = f"{bench.prefix}s3py-probe-"
    old = f"{name}{int(time.time()) - 700:x}-0123456789abcdef"
    await bench.inspector.put(old, b"of a preflight long ago")
    bench.inspector.sdk.create_multipart_upload(Bucket=BUCKET, Key=old)
    async with bench.manager() as manager:
        await bench.apply(manager)
    assert (await bench.audit()).damages == {"unfinished": left.unfinished}, "its worker may still be alive"


@on_one_cluster
async def test_an_upload_of_somebody_else_s_is_left_alone(bench: Bench) -> None:
    key = f"{bench.prefix}fastdfs/not-ours"
    upload = bench.inspector.sdk.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    await bench.upload(b"one")
    async with bench.manager() as manager:
        await bench.plan(manager)
        await bench.apply(manager)
    assert (await bench.audit()).unfinished == [key]
    bench.inspector.sdk.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload)


async def test_2_nothing_is_lost_when_drains_die(bench: Bench) -> None:
    files = await bench.upload(*(f"drained {number}".encode() for number in range(5)))
    async with bench.manager() as manager:
        await bench.plan(manager)
        await bench.apply(manager)
        await bench.leave(manager)
    await dies(bench, "begin_drain", "after", 2, "migrate", "drain", "--older-than", "0s", "--yes")
    async with bench.manager() as manager:
        await bench.leave(manager, drains=True)
        assert await bench.states(manager) == {FileState.DRAINED: len(files)}
        for file_id in files:
            assert await bench.content_at_source(file_id) is None, "the one that was interrupted is deleted, too"
    assert (await bench.audit()).damages == {}
