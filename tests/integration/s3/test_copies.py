"""Copies within the service."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.errors import FileNotFoundException, PreconditionFailedException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import new_blob
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.pretend_s3 import PretendS3, Seen, Stored, pretend_s3, saying
from tests.support.s3.server import DEFAULT_BUCKET, S3Server

pytestmark = pytest.mark.timeout(60)

MIB = 1024 * 1024
DESCRIBED = {
    "CacheControl": "max-age=60",
    "ContentDisposition": 'attachment; filename="a.txt"',
    "ContentEncoding": "gzip",
    "ContentLanguage": "de",
    "ContentType": "text/plain",
    "Metadata": {"old": "one"},
}


@pytest.mark.parametrize("size", [5, 6 * MIB], ids=["at once", "in parts"])
async def test_what_belongs_to_the_bytes_goes_with_them(
    s3_server: S3Server, s3_inspector: S3Inspector, size: int
) -> None:
    source = FileId(Backend.S3, DEFAULT_BUCKET, f"described/{size}")
    await s3_inspector.put(source.key, bytes(size), Expires="Wed, 21 Oct 2037 07:28:00 GMT", **DESCRIBED)
    target = new_blob("new.bin", content_type="application/x-new", metadata={"new": "two"})
    async with S3Session(s3_server.config()) as session:
        copied = await S3Copy(session, in_one_request=MIB, part_size=5 * MIB).copy(source, target)
        info = await S3BlobStore(session).info(copied.file_id)
    head = await s3_inspector.head(target.key)
    for name in ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage"):
        assert head[name] == DESCRIBED[name]
    assert "2037" in str(head.get("ExpiresString") or head["Expires"])
    assert (head["ContentType"], info.metadata) == ("application/x-new", {"new": "two"})
    assert (copied.content_encoding, info.content_encoding) == ("gzip", "gzip")


@pytest.mark.parametrize("size", [5, 6 * MIB], ids=["at once", "in parts"])
async def test_the_tags_go_with_them(s3_server: S3Server, s3_inspector: S3Inspector, size: int) -> None:
    source = FileId(Backend.S3, DEFAULT_BUCKET, f"tagged/{size}")
    await s3_inspector.put(source.key, bytes(size), Tagging="project=a%20%2B%20b&kept=")
    target = new_blob()
    async with S3Session(s3_server.config()) as session:
        await S3Copy(session, in_one_request=MIB, part_size=5 * MIB).copy(source, target)
    assert await s3_inspector.tags(target.key) == {"project": "a + b", "kept": ""}


@pytest.fixture
async def s3() -> AsyncIterator[PretendS3]:
    async with pretend_s3() as server:
        yield server


@pytest.mark.parametrize("size", [5, 6 * MIB], ids=["at once", "in parts"])
async def test_the_storage_class_goes_with_them(s3: PretendS3, size: int) -> None:
    s3.objects["/tests/source"] = Stored(bytes(size), {"ETag": '"x"', "x-amz-storage-class": "STANDARD_IA"})
    async with S3Session(s3.server.config()) as session:
        copying = S3Copy(session, in_one_request=MIB, part_size=5 * MIB)
        copied = await copying.copy(FileId(Backend.S3, "tests", "source"), new_blob())
    assert copied.storage_class == "STANDARD_IA"
    assert s3.objects[f"/tests/{copied.file_id.key}"].headers["x-amz-storage-class"] == "STANDARD_IA"


async def test_the_largest_object_of_one_request_is_copied_in_one(s3: PretendS3) -> None:
    s3.objects["/tests/source"] = Stored(bytes(MIB), {"ETag": '"x"'})
    async with S3Session(s3.server.config()) as session:
        await S3Copy(session, in_one_request=MIB).copy(FileId(Backend.S3, "tests", "source"), new_blob())
    assert [seen.method for seen in s3.requests] == ["HEAD", "PUT"]


async def test_an_encoding_that_says_nothing_about_the_bytes_does_not(s3: PretendS3) -> None:
    headers = {"ETag": '"x"', "content-encoding": "aws-chunked,gzip"}
    s3.objects["/tests/source"] = Stored(b"12345", headers)
    async with S3Session(s3.server.config()) as session:
        source = FileId(Backend.S3, "tests", "source")
        copied = await S3Copy(session).copy(source, new_blob())
        assert (await S3BlobStore(session).info(source)).content_encoding == "gzip"
    assert copied.content_encoding == "gzip"
    assert s3.objects[f"/tests/{copied.file_id.key}"].headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("size", [5, 6 * MIB], ids=["at once", "in parts"])
async def test_a_source_that_is_replaced_meanwhile_is_not_mixed_up(s3: PretendS3, size: int) -> None:
    s3.objects["/tests/source"] = Stored(bytes(size), {"ETag": '"old"'})

    async def replace(server: PretendS3, seen: Seen) -> web.StreamResponse:
        server.objects["/tests/source"].headers["ETag"] = '"new"'
        return await server.obey(seen)

    s3.plan(replace, lambda seen: seen.method in {"PUT", "POST"})
    async with S3Session(s3.server.config()) as session:
        copying = S3Copy(session, in_one_request=MIB, part_size=5 * MIB)
        with pytest.raises(PreconditionFailedException):
            await copying.copy(FileId(Backend.S3, "tests", "source"), new_blob())
    assert list(s3.objects) == ["/tests/source"]
    assert s3.uploads == {}


async def test_a_source_that_is_deleted_meanwhile_is_named_as_the_caller_knows_it(s3: PretendS3) -> None:
    s3.objects["/tests/source"] = Stored(b"12345", {"ETag": '"x"'})

    async def delete(server: PretendS3, seen: Seen) -> web.StreamResponse:
        del server.objects["/tests/source"]
        return await server.obey(seen)

    s3.plan(delete, lambda seen: seen.method == "PUT")
    async with S3Session(s3.server.config()) as session:
        with pytest.raises(FileNotFoundException) as raised:
            await S3Copy(session).copy(FileId(Backend.S3, "tests", "source"), new_blob())
    assert raised.value.file_id == "s3:tests/source"


async def test_parts_are_copied_several_at_once_and_no_more(s3: PretendS3) -> None:
    s3.objects["/tests/source"] = Stored(bytes(40 * MIB), {"ETag": '"x"'})
    running = highest = 0

    async def slowly(server: PretendS3, seen: Seen) -> web.StreamResponse:
        nonlocal running, highest
        running += 1
        highest = max(highest, running)
        await asyncio.sleep(0.02)
        running -= 1
        return await server.obey(seen)

    s3.plan(slowly, lambda seen: "partNumber" in seen.query, times=99)
    async with S3Session(s3.server.config()) as session:
        copying = S3Copy(session, in_one_request=MIB, part_size=5 * MIB)
        copied = await copying.copy(FileId(Backend.S3, "tests", "source"), new_blob())
    assert 1 < highest <= 4
    assert len(s3.objects[f"/tests/{copied.file_id.key}"].body) == 40 * MIB


async def test_tags_are_written_as_in_a_url(s3: PretendS3) -> None:
    s3.objects["/tests/source"] = Stored(bytes(6 * MIB), {"ETag": '"x"', "x-amz-tagging-count": "1"})
    tags = "<Tagging><TagSet><Tag><Key>cost centre</Key><Value>R&amp;D + more</Value></Tag></TagSet></Tagging>"
    s3.plan(
        saying(lambda: web.Response(text=tags, content_type="application/xml")), lambda seen: "tagging" in seen.query
    )
    async with S3Session(s3.server.config()) as session:
        copying = S3Copy(session, in_one_request=MIB, part_size=5 * MIB)
        await copying.copy(FileId(Backend.S3, "tests", "source"), new_blob())
    [begun] = [seen for seen in s3.requests if "uploads" in seen.query]
    assert begun.headers["x-amz-tagging"] == "cost%20centre=R%26D%20%2B%20more"
