"""Links, listing, copying, health and missing buckets on two real servers."""

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp
import pytest
from yarl import URL

from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.mount import open_backend
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.domain.errors import (
    BucketNotFoundException,
    FileNotFoundException,
    InvalidArgumentException,
    StorageException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, leak_guard, new_blob, read_all
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import DEFAULT_BUCKET, S3Server

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def backend(s3_server: S3Server) -> AsyncIterator[MountedBackend]:
    async with open_backend(s3_server.config()) as backend:
        yield backend


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_download_link_serves_the_file_under_the_name_that_was_asked_for(
    backend: MountedBackend, browser: aiohttp.ClientSession
) -> None:
    assert backend.presigning is not None
    written = await backend.store.write(new_blob("отчёт 1+2.pdf"), body_of(b"%PDF"))
    link = await backend.presigning.download_url(
        written.file_id, MINUTE, file_name='отчёт "1".pdf', content_type="application/x-report"
    )
    async with browser.get(URL(link, encoded=True), headers={"Range": "bytes=1-2"}) as answer:
        assert (answer.status, await answer.read()) == (206, b"PD")
        assert answer.headers["Content-Type"] == "application/x-report"
        assert answer.headers["Content-Disposition"] == (
            "attachment; filename=\"_____ _1_.pdf\"; filename*=UTF-8''%D0%BE%D1%82%D1%87%D1%91%D1%82%20%221%22.pdf"
        )


async def test_a_link_may_be_shown_in_the_browser(backend: MountedBackend, browser: aiohttp.ClientSession) -> None:
    assert backend.presigning is not None
    written = await backend.store.write(new_blob("a.txt"), body_of(b"text"))
    link = await backend.presigning.download_url(written.file_id, MINUTE, inline=True)
    async with browser.get(URL(link, encoded=True)) as answer:
        assert (await answer.read(), answer.headers["Content-Disposition"]) == (b"text", "inline")


async def test_a_file_goes_up_through_a_link_with_its_name_and_metadata(
    backend: MountedBackend, browser: aiohttp.ClientSession
) -> None:
    assert backend.presigning is not None
    blob = new_blob("отчёт.pdf", size=4, content_type="application/pdf", metadata={"author": "Иван"})
    link = await backend.presigning.upload_url(blob, MINUTE)
    async with browser.put(URL(link.url, encoded=True), data=b"%PDF", headers=link.headers) as answer:
        assert answer.status == 200
    info = await backend.store.info(FileId.parse(link.file_id))
    assert (info.size, info.file_name, info.content_type) == (4, "отчёт.pdf", "application/pdf")
    assert info.metadata == {"author": "Иван"}
    assert await read_all(backend.store, FileId.parse(link.file_id)) == b"%PDF"


@pytest.mark.parametrize("s3_server", ["seaweedfs"], indirect=True)
async def test_a_link_is_bound_to_what_was_signed(
    backend: MountedBackend, browser: aiohttp.ClientSession, s3_inspector: S3Inspector
) -> None:
    assert backend.presigning is not None
    blob = new_blob("a.pdf", size=4, content_type="application/pdf")
    link = await backend.presigning.upload_url(blob, MINUTE)
    url = URL(link.url, encoded=True)
    async with browser.put(url, data=b"%PDF", headers=link.headers | {"content-type": "text/html"}) as answer:
        assert answer.status == 403
    async with browser.get(url) as answer:
        assert answer.status == 403
    assert await s3_inspector.keys(blob.key) == []


@pytest.mark.parametrize("expires_in", [timedelta(0), timedelta(days=7, seconds=1), timedelta(seconds=-5)])
async def test_a_link_has_a_lifetime_that_s3_allows(backend: MountedBackend, expires_in: timedelta) -> None:
    assert backend.presigning is not None
    with pytest.raises(InvalidArgumentException, match="1 second to 7 days"):
        await backend.presigning.download_url(FileId(Backend.S3, DEFAULT_BUCKET, "a"), expires_in)


async def test_listing_yields_everything_below_a_prefix_in_order(backend: MountedBackend) -> None:
    assert backend.listing is not None
    for name in ("c", "a", "b"):
        blob = new_blob(f"{name}.txt", folder="listed/été")
        await backend.store.write(blob, body_of(name.encode()))
    async with backend.listing.list("listed/été/") as blobs:
        found = [blob async for blob in blobs]
    assert [blob.file_id.key for blob in found] == sorted(blob.file_id.key for blob in found)
    assert [blob.size for blob in found] == [1, 1, 1]
    info = await backend.store.info(found[0].file_id)
    assert found[0].etag == info.etag
    assert found[0].last_modified is not None
    assert found[0].last_modified.utcoffset() is not None


async def test_listing_goes_on_beyond_a_page(s3_server: S3Server, s3_inspector: S3Inspector) -> None:
    keys = [f"many/{number:02}" for number in range(11)]
    for key in keys:
        await s3_inspector.put(key, b"")
    async with (
        S3Session(s3_server.config()) as connection,
        S3Listing(connection, page_size=3).list("many/") as blobs,
    ):
        assert [blob.file_id.key async for blob in blobs] == keys


async def test_listing_may_stop_early(backend: MountedBackend) -> None:
    assert backend.listing is not None
    await backend.store.write(new_blob("a.txt", folder="early"), body_of(b"x"))
    async with leak_guard(), backend.listing.list("early/") as blobs:
        assert (await anext(blobs)).size == 1


async def test_listing_a_bucket_that_is_not_there_says_so(backend: MountedBackend) -> None:
    assert backend.listing is not None
    with pytest.raises(BucketNotFoundException, match=r"no such bucket.*'not-there'"):
        async with backend.listing.list(bucket="not-there") as blobs:
            await anext(blobs)


@pytest.mark.parametrize("size", [5, 11 * 1024 * 1024], ids=["at once", "in parts"])
async def test_a_copy_has_the_bytes_of_the_source_and_a_description_of_its_own(
    s3_server: S3Server, backend: MountedBackend, s3_inspector: S3Inspector, size: int
) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    source = await backend.store.write(new_blob("source é.bin"), body_of(content))
    target = new_blob("копия.txt", content_type="text/plain", metadata={"by": "Иван"})
    async with S3Session(s3_server.config()) as connection:
        copying = S3Copy(connection, in_one_request=1024 * 1024, part_size=5 * 1024 * 1024)
        copied = await copying.copy(source.file_id, target)
    info = await backend.store.info(copied.file_id)
    assert (info.size, info.file_name, info.content_type) == (size, "копия.txt", "text/plain")
    assert info.metadata == {"by": "Иван"}
    assert info.etag == copied.etag
    assert await read_all(backend.store, copied.file_id) == content
    assert await s3_inspector.unfinished_uploads(target.key) == []


async def test_copying_what_is_not_there_leaves_nothing(backend: MountedBackend, s3_inspector: S3Inspector) -> None:
    assert backend.copying is not None
    target = new_blob()
    with pytest.raises(FileNotFoundException):
        await backend.copying.copy(FileId(Backend.S3, DEFAULT_BUCKET, "not/there"), target)
    assert await s3_inspector.keys(target.key) == []


async def test_a_service_that_answers_is_healthy(backend: MountedBackend) -> None:
    await backend.health.check()


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"default_bucket": "not-there"}, id="no such bucket"),
        pytest.param({"endpoint": "http://127.0.0.1:9"}, id="nobody listens"),
    ],
)
async def test_a_service_that_cannot_be_used_is_not_healthy(s3_server: S3Server, settings: dict[str, str]) -> None:
    async with open_backend(s3_server.config(**settings)) as backend:
        with pytest.raises(StorageException, match="health check failed"):
            await backend.health.check()


async def test_missing_buckets_are_made_on_request(s3_server: S3Server, s3_inspector: S3Inspector) -> None:
    config = s3_server.config(
        default_bucket="made-first", buckets=["made-second", DEFAULT_BUCKET], create_bucket_if_missing=True
    )
    for _ in range(2):
        async with open_backend(config) as backend:
            for bucket in (None, "made-second"):
                written = await backend.store.write(new_blob(bucket=bucket), body_of(b"x"))
                assert await read_all(backend.store, written.file_id) == b"x"
                await backend.store.delete(written.file_id)
    for bucket in ("made-first", "made-second"):
        s3_inspector.sdk.delete_bucket(Bucket=bucket)


async def test_links_name_the_endpoint_that_is_configured(s3_server: S3Server, backend: MountedBackend) -> None:
    assert backend.presigning is not None
    link = await backend.presigning.download_url(FileId(Backend.S3, DEFAULT_BUCKET, "a"), MINUTE)
    assert link.startswith(f"{s3_server.endpoint}/{DEFAULT_BUCKET}/a?")
    assert s3_server.secret_key not in urlsplit(link).query
