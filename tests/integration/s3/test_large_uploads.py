"""Uploads of so many bytes that parts have to grow, or end."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.errors import FileTooLargeException
from s3py_helper.testing import body_of, new_blob
from tests.support.s3.pretend_s3 import PretendS3, Seen, pretend_s3
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)

MIB = 1024 * 1024
PERF = S3PerfConfig(multipart_part_size=5 * MIB, multipart_threshold=5 * MIB, parts_in_flight=3)


@pytest.fixture
async def s3() -> AsyncIterator[PretendS3]:
    async with pretend_s3() as server:
        yield server


async def test_more_bytes_than_all_parts_take_are_an_error_and_nothing_is_left(
    s3: PretendS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Instead of 5 TiB.
    monkeypatch.setattr("s3py_helper.adapters.s3.upload.writer.part_sizes", lambda *_: iter([5 * MIB, 5 * MIB]))
    async with S3Session(s3.server.config(perf=PERF)) as session:
        store = S3BlobStore(session)
        with pytest.raises(FileTooLargeException):
            await store.write(new_blob(), body_of([bytes(MIB)] * 10 + [b"x"]))
        assert (s3.objects, s3.uploads) == ({}, {})
        await store.write(new_blob(), body_of([bytes(MIB)] * 10))
        assert len(s3.objects) == 1


async def test_parts_that_have_grown_are_in_memory_up_to_a_number_of_bytes(
    s3: PretendS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3py_helper.adapters.s3.upload.in_flight_bytes.MOST_BYTES", 15 * MIB)
    sizes = [5, 5, 5, 5, 10, 10, 10]
    monkeypatch.setattr("s3py_helper.adapters.s3.upload.writer.part_sizes", lambda *_: iter([n * MIB for n in sizes]))
    in_flight = most = read = 0

    async def source() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(sum(sizes)):
            read += MIB
            yield bytes(MIB)

    stored = 0

    async def slowly(server: PretendS3, seen: Seen) -> web.StreamResponse:
        nonlocal in_flight, most, stored
        in_flight += len(seen.body)
        most = max(most, in_flight, read - stored)
        await asyncio.sleep(0.02)
        in_flight -= len(seen.body)
        stored += len(seen.body)
        return await server.obey(seen)

    s3.plan(slowly, lambda seen: seen.method == "PUT", times=99)
    async with S3Session(s3.server.config(perf=PERF)) as session:
        await S3BlobStore(session).write(new_blob(), body_of(source()))
    # One chunk is read ahead.
    assert 10 * MIB < most <= 15 * MIB + MIB


async def test_a_part_that_was_stored_does_not_stay_while_others_come(s3: PretendS3) -> None:
    held: list[int] = []

    async def source() -> AsyncIterator[bytes]:
        first = bytes(MIB)
        alone = sys.getrefcount(first)
        yield first
        for _ in range(10):
            yield bytes(MIB)
        await until(lambda: any(len(parts) == 2 for _, _, parts in s3.uploads.values()))
        await until(lambda: sys.getrefcount(first) == alone)
        held.append(sys.getrefcount(first) - alone)
        yield bytes(MIB)

    async with S3Session(s3.server.config(perf=PERF)) as session:
        await S3BlobStore(session).write(new_blob(), body_of(source()))
    assert held == [0]


async def test_parts_are_small_where_memory_is_scarce_and_as_configured_where_it_is_not(s3: PretendS3) -> None:
    perf = S3PerfConfig(upload_memory=8 * MIB)
    parts: dict[str, list[int]] = {}

    async def noted(server: PretendS3, seen: Seen) -> web.StreamResponse:
        parts.setdefault(seen.query.get("uploadId", ""), []).append(len(seen.body))
        return await server.obey(seen)

    s3.plan(noted, lambda seen: seen.method == "PUT", times=99)
    async with S3Session(s3.server.config(perf=perf)) as session:
        store = S3BlobStore(session)
        await store.write(new_blob(), body_of([bytes(MIB)] * 17))
        ((_, alone),) = parts.items()
        parts.clear()
        blobs = [new_blob(size=17 * MIB), new_blob(), new_blob(), new_blob()]
        await asyncio.gather(*(store.write(blob, body_of([bytes(MIB)] * 17, size=blob.size)) for blob in blobs))
        assert session.upload_memory.admits(10**15, own=0), "all was given back"
    assert sorted(alone) == [MIB, 8 * MIB, 8 * MIB]
    assert len(parts) == 4
    assert all(sorted(sizes) == [2 * MIB, 5 * MIB, 5 * MIB, 5 * MIB] for sizes in parts.values())
    assert [len(stored.body) for stored in s3.objects.values()] == [17 * MIB] * 5
