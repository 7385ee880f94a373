"""S3 as a migration needs it: written once, proven by the server, resumed in the middle."""

import asyncio
import zlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.migration_target import S3MigrationTarget
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.ports.migration_target import NewObject
from s3py_helper.domain.errors import FileNotFoundException, IntegrityException, PreconditionFailedException
from s3py_helper.testing import body_of
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.pretend_s3 import PretendS3, Seen, pretend_s3, saying
from tests.support.s3.scripted import error
from tests.support.s3.server import DEFAULT_BUCKET, S3Server

MIB = 1024 * 1024
MARKS = {"s3py-fastdfs-id": "group1/M00/00/00/a.txt", "s3py-fastdfs-mtime": "1700000000", "author": "Ада"}

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def target(s3_server: S3Server) -> AsyncIterator[S3MigrationTarget]:
    async with S3Session(s3_server.config()) as session:
        yield S3MigrationTarget(session, DEFAULT_BUCKET)


def new_object(key: str, content: bytes, **more: object) -> NewObject:
    facts: dict[str, object] = {"file_name": "отчёт.txt", "metadata": MARKS, **more}
    return NewObject(key, len(content), zlib.crc32(content), "text/plain", **facts)  # type: ignore[arg-type] # as given


async def test_an_object_is_written_once(target: S3MigrationTarget, s3_inspector: S3Inspector) -> None:
    content = b"moved"
    new = new_object("moved/fastdfs/once", content)
    stored = await target.put(new, body_of(content))
    with pytest.raises(PreconditionFailedException):
        await target.put(new_object(new.key, b"other"), body_of(b"other"))
    assert await s3_inspector.read(new.key) == content
    there = await target.head(new.key)
    assert there is not None
    assert (there.size, there.etag) == (5, stored.etag)
    assert there.crc32 in {None, zlib.crc32(content)}, "moto forgets it"
    assert there.metadata == MARKS
    assert (await s3_inspector.head(new.key))["ContentType"] == "text/plain"
    changed = await target.put(new_object(new.key, b"later", replaces=there.etag), body_of(b"later"))
    assert await s3_inspector.read(new.key) == b"later"
    with pytest.raises(PreconditionFailedException):
        await target.put(new_object(new.key, b"stale", replaces=there.etag), body_of(b"stale"))
    assert changed.etag != there.etag
    await target.delete(new.key)
    assert await target.head(new.key) is None
    await target.delete(new.key)


async def test_bytes_that_are_not_those_of_the_id_are_not_stored(
    target: S3MigrationTarget, s3_inspector: S3Inspector
) -> None:
    new = new_object("moved/fastdfs/rotten", b"good bytes")
    with pytest.raises(IntegrityException):
        await target.put(new, body_of(b"bad! bytes"))
    assert await s3_inspector.keys("moved/fastdfs/rotten") == []


async def test_a_file_without_a_name_gets_none(target: S3MigrationTarget, s3_inspector: S3Inspector) -> None:
    await target.put(new_object("moved/fastdfs/nameless", b"x", file_name=None), body_of(b"x"))
    assert "--real-file-name--" not in (await s3_inspector.head("moved/fastdfs/nameless"))["Metadata"]


async def test_an_upload_goes_on_where_it_was_interrupted(target: S3MigrationTarget, s3_inspector: S3Inspector) -> None:
    content = bytes(range(256)) * (11 * MIB // 256)
    new = new_object("moved/fastdfs/large", content)
    upload_id = await target.begin(new)
    first = await target.send_part(new.key, upload_id, 1, body_of(content[: 5 * MIB], size=5 * MIB))
    assert (new.key, upload_id) in await target.uploads("moved/fastdfs/")
    [there] = await target.parts(new.key, upload_id)
    assert (there.number, there.size) == (1, 5 * MIB)
    rest = content[5 * MIB :]
    second = await target.send_part(new.key, upload_id, 2, body_of(rest, size=len(rest)))
    done = await target.complete(new, upload_id, [there, second])
    assert first.size == there.size
    assert await s3_inspector.read(new.key) == content
    described = await target.head(new.key)
    assert described is not None
    assert (described.size, described.etag, described.metadata) == (len(content), done.etag, MARKS)
    assert await target.uploads("moved/fastdfs/") == []
    with pytest.raises(FileNotFoundException):
        await target.parts(new.key, upload_id)


async def test_a_whole_with_another_sum_is_not_made(target: S3MigrationTarget, s3_inspector: S3Inspector) -> None:
    abilities = await target.probe("moved/")
    content = b"x" * (5 * MIB)
    new = NewObject("moved/fastdfs/wrong-whole", len(content), zlib.crc32(content) ^ 1, "text/plain", None)
    upload_id = await target.begin(new)
    part = await target.send_part(new.key, upload_id, 1, body_of(content, size=len(content)))
    if abilities.checks_whole:
        with pytest.raises(IntegrityException):
            await target.complete(new, upload_id, [part])
        assert await s3_inspector.keys(new.key) == []
    await target.abort(new.key, upload_id)
    await target.abort(new.key, upload_id)


async def test_a_multipart_upload_overwrites_nothing(target: S3MigrationTarget, s3_inspector: S3Inspector) -> None:
    content = b"y" * (5 * MIB)
    new = new_object("moved/fastdfs/taken", content)
    await s3_inspector.put(new.key, b"somebody else's")
    upload_id = await target.begin(new)
    part = await target.send_part(new.key, upload_id, 1, body_of(content, size=len(content)))
    with pytest.raises(PreconditionFailedException):
        await target.complete(new, upload_id, [part])
    await target.abort(new.key, upload_id)
    assert await s3_inspector.read(new.key) == b"somebody else's"


async def test_what_the_server_can_do_is_seen(target: S3MigrationTarget, s3_inspector: S3Inspector) -> None:
    abilities = await target.probe("probed/")
    assert abilities.writable
    assert abilities.shows_missing
    assert abilities.refuses_overwriting
    assert abilities.md5_etags
    assert await s3_inspector.keys("probed/") == []
    assert await s3_inspector.unfinished_uploads("probed/") == []


@pytest.mark.parametrize("s3_server", ["seaweedfs"], indirect=True)
async def test_seaweedfs_proves_copies(target: S3MigrationTarget) -> None:
    abilities = await target.probe("probed/")
    assert abilities.checks_crc32
    assert abilities.checks_whole


async def test_objects_are_listed_in_order_and_read(target: S3MigrationTarget) -> None:
    for name in ("c", "a", "b"):
        await target.put(new_object(f"moved/listed/{name}", name.encode()), body_of(name.encode()))
    async with target.list("moved/listed/") as objects:
        assert [(found.key, found.size) async for found in objects] == [
            ("moved/listed/a", 1),
            ("moved/listed/b", 1),
            ("moved/listed/c", 1),
        ]
    async with target.open("moved/listed/b") as chunks:
        assert b"".join([chunk async for chunk in chunks]) == b"b"


async def test_no_upload_is_no_error_to_abort(target: S3MigrationTarget) -> None:
    await target.abort("moved/none", "no-such-upload")


async def test_all_uploads_under_way_are_found(target: S3MigrationTarget, s3_inspector: S3Inspector) -> None:
    """A page has a thousand at most, and may end between two uploads of one object."""
    prefix = "moved/fastdfs/many/"
    turns = asyncio.Semaphore(16)

    async def begin(number: int) -> tuple[str, str]:
        async with turns:
            new = new_object(f"{prefix}{number % 700:04}", b"some bytes", metadata={})
            return new.key, await target.begin(new)

    begun = await asyncio.gather(*map(begin, range(1100)))
    found = await target.uploads(prefix)
    assert len(found) == len(begun)
    assert set(found) == set(begun)

    async def abort(upload: tuple[str, str]) -> None:
        async with turns:
            await target.abort(*upload)

    await asyncio.gather(*map(abort, found))
    assert await s3_inspector.unfinished_uploads(prefix) == []


@pytest.fixture
async def s3() -> AsyncIterator[PretendS3]:
    async with pretend_s3() as server:
        yield server


async def test_checksums_that_are_switched_off_are_not_asked_for(s3: PretendS3) -> None:
    async with S3Session(s3.server.config(checksum="off")) as session:
        target, new = S3MigrationTarget(session, DEFAULT_BUCKET), new_object("moved/fastdfs/a", b"some bytes")
        upload_id = await target.begin(new)
        part = await target.send_part(new.key, upload_id, 1, body_of(b"some bytes"))
        await target.complete(new, upload_id, [part])
    assert not [name for seen in s3.requests for name in seen.headers if "checksum" in name]


async def test_a_server_that_compares_a_sum_and_forgets_it_proves_nothing_later(s3: PretendS3) -> None:
    async def forget(server: PretendS3, seen: Seen) -> web.StreamResponse:
        response = await server.obey(seen)
        response.headers.pop("x-amz-checksum-crc32", None)
        return response

    s3.plan(saying(lambda: error(400, "BadDigest")), lambda seen: seen.method == "PUT")
    s3.plan(forget, lambda seen: seen.method == "HEAD", times=9)
    async with S3Session(s3.server.config()) as session:
        abilities = await S3MigrationTarget(session, DEFAULT_BUCKET).probe("probed/")
    assert (abilities.checks_crc32, abilities.checks_whole) == (False, False)
    assert not s3.objects


async def test_keys_that_are_not_told_what_is_missing_are_seen(s3: PretendS3) -> None:
    s3.plan(saying(lambda: error(403, "AccessDenied")), lambda seen: seen.method in {"HEAD", "GET"}, times=2)
    async with S3Session(s3.server.config()) as session:
        abilities = await S3MigrationTarget(session, DEFAULT_BUCKET).probe("probed/")
    assert not abilities.shows_missing
    assert abilities.writable


async def test_a_part_that_is_not_described_is_sent_again(s3: PretendS3) -> None:
    parts = (
        "<PartNumber>1</PartNumber><Size></Size>",
        "<PartNumber>x</PartNumber>",
        "<PartNumber>3</PartNumber><Size>7</Size>",
    )
    listed = "".join(f"<Part>{part}<ETag>x</ETag></Part>" for part in parts)
    page = f"<ListPartsResult>{listed}</ListPartsResult>"
    s3.plan(saying(lambda: web.Response(text=page, content_type="application/xml")), lambda seen: seen.method == "GET")
    async with S3Session(s3.server.config()) as session:
        found = await S3MigrationTarget(session, DEFAULT_BUCKET).parts("moved/fastdfs/a", "an-upload")
    assert [(part.number, part.size) for part in found] == [(3, 7)]


async def test_a_list_of_uploads_that_does_not_say_how_to_go_on_ends(s3: PretendS3) -> None:
    upload = "<Upload><Key>moved/fastdfs/a</Key><UploadId>an-upload</UploadId></Upload>"
    page = f"<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>{upload}</ListMultipartUploadsResult>"
    response = saying(lambda: web.Response(text=page, content_type="application/xml"))
    s3.plan(response, lambda seen: seen.method == "GET", times=9)
    async with S3Session(s3.server.config()) as session:
        found = await S3MigrationTarget(session, DEFAULT_BUCKET).uploads("moved/fastdfs/")
    assert found == [("moved/fastdfs/a", "an-upload")]
    assert len(s3.requests) == 1
