"""Given keys on servers that ignore the condition, or whose response is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.naming import S3NamedWrites
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import (
    FileNotFoundException,
    PreconditionFailedException,
    RouteNotSupportedException,
    StorageOperationException,
)
from s3py_helper.testing import body_of
from tests.support.recorder import Recorder
from tests.support.s3.pretend_s3 import PretendS3, Seen, pretend_s3, saying
from tests.support.s3.scripted import error
from tests.support.s3.server import S3Server

pytestmark = pytest.mark.timeout(60)

MIB = 1024 * 1024
PERF = S3PerfConfig(multipart_part_size=5 * MIB, multipart_threshold=5 * MIB)
BLOB = NewBlob("named/a.bin", "a.bin")
SIZES = pytest.mark.parametrize("size", [1000, 11 * MIB], ids=["object", "parts"])


@pytest.fixture
async def s3() -> AsyncIterator[PretendS3]:
    async with pretend_s3() as server:
        yield server


@pytest.fixture
async def naming(s3: PretendS3) -> AsyncIterator[S3NamedWrites]:
    async with S3Session(s3.server.config(perf=PERF)) as session:
        yield S3NamedWrites(session)


def _stores(seen: Seen) -> bool:
    """The request that makes the object."""
    ends = seen.method == "POST" and "uploadId" in seen.query
    return seen.path.endswith("a.bin") and (ends or (seen.method == "PUT" and not seen.query))


def _ignoring(part: str) -> Callable[[Seen], bool]:
    method = "PUT" if part == "object" else "POST"
    return lambda seen: seen.method == method and seen.headers.get("if-none-match") == "*"


@pytest.mark.parametrize("part", ["object", "parts"])
async def test_a_server_that_ignores_the_condition_is_not_trusted(
    s3: PretendS3, naming: S3NamedWrites, part: str
) -> None:
    async def overwrite(server: PretendS3, seen: Seen) -> object:
        return await server.obey(Seen(seen.method, seen.target, seen.path, seen.query, {}, seen.body))

    s3.plan(overwrite, _ignoring(part))  # type: ignore[arg-type]  # what it gives is what `obey` gives
    place = naming.place_of(None, BLOB.key)
    for _ in range(2):
        with pytest.raises(RouteNotSupportedException, match="ignores If-None-Match"):
            await naming.require_free(place)
        with pytest.raises(RouteNotSupportedException):
            await naming.create(BLOB, body_of(b"x"))
    assert (s3.objects, s3.uploads) == ({}, {})


async def test_each_bucket_is_tried_once(s3: PretendS3, naming: S3NamedWrites) -> None:
    for number in range(3):
        await naming.create(NewBlob(f"named/{number}", "a"), body_of(b"x"))
    assert sum("s3py-probe-" in seen.path and str(seen).startswith("POST") for seen in s3.requests) == 2
    assert len(s3.objects) == 3


async def test_a_probe_whose_parts_cannot_be_removed_is_reported(s3: PretendS3) -> None:
    s3.plan(
        saying(lambda: error(403, "AccessDenied")),
        lambda seen: seen.method == "DELETE" and "uploadId" in seen.query,
    )
    recorder = Recorder()
    async with S3Session(s3.server.config(perf=PERF), recorder) as session:
        await S3NamedWrites(session).create(BLOB, body_of(b"x"))
    [failed] = recorder.of(RollbackFailed)
    assert failed.what.startswith("a multipart upload of the object s3:tests/named/s3py-probe-")
    assert len(s3.uploads) == 1


@SIZES
async def test_an_object_whose_response_was_lost_is_known_again(
    s3: PretendS3, naming: S3NamedWrites, size: int
) -> None:
    s3.plan(saying(lambda: error(500, "InternalError"), obey=True), _stores)
    info = await naming.create(BLOB, body_of(bytes(size)))
    assert (info.size, len(s3.objects)) == (size, 1)


@SIZES
async def test_the_same_content_does_not_make_somebody_elses_object_ones_own(
    s3: PretendS3, naming: S3NamedWrites, size: int
) -> None:
    await naming.create(BLOB, body_of(bytes(size)))
    with pytest.raises(PreconditionFailedException):
        await naming.create(BLOB, body_of(bytes(size)))
    assert len(s3.objects) == 1


async def test_what_is_missing_for_it_is_not_a_file_that_somebody_asked_for(
    s3: PretendS3, naming: S3NamedWrites
) -> None:
    s3.plan(saying(lambda: error(404, "NoSuchKey")), _stores)
    with pytest.raises(StorageOperationException) as failed:
        await naming.create(BLOB, body_of(b"x"))
    assert not isinstance(failed.value, FileNotFoundException)


@SIZES
async def test_somebody_elses_object_is_not_taken_for_ones_own(s3: PretendS3, naming: S3NamedWrites, size: int) -> None:
    place = f"/{s3.server.config().default_bucket}/{BLOB.key}"

    async def another_comes_first(server: PretendS3, seen: Seen) -> object:
        put = Seen("PUT", seen.target, place, {}, {}, b"\x01" * size)
        await server.obey(put)
        return error(500, "InternalError")

    s3.plan(another_comes_first, _stores)  # type: ignore[arg-type]  # what it gives is what `error` gives
    with pytest.raises(PreconditionFailedException):
        await naming.create(BLOB, body_of(bytes(size)))
    assert s3.objects[place].body == b"\x01" * size
    assert s3.uploads == {}


async def test_of_many_large_files_at_once_one_gets_the_key(moto: S3Server) -> None:
    async with S3Session(moto.config(perf=PERF)) as session:
        naming, blob = S3NamedWrites(session), NewBlob("named/large.bin", "large.bin")
        bodies = (body_of(bytes([number]) * 11 * MIB) for number in range(4))
        outcomes = await asyncio.gather(*(naming.create(blob, body) for body in bodies), return_exceptions=True)
        assert sum(isinstance(outcome, BlobInfo) for outcome in outcomes) == 1
        assert {type(outcome) for outcome in outcomes} == {BlobInfo, PreconditionFailedException}
