"""What the contracts of the optional ports leave open, on two real servers."""

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from s3py_helper.adapters.s3.api import retrying
from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.mount import open_backend
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.domain.errors import (
    BucketNotFoundException,
    InvalidArgumentException,
    StorageException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.scripted import scripted_server
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


async def test_a_listed_object_has_its_entity_tag_and_time(backend: MountedBackend) -> None:
    assert backend.listing is not None
    written = await backend.store.write(new_blob("a.txt", folder="listed/été"), body_of(b"a"))
    async with backend.listing.list("listed/été/") as blobs:
        [listed] = [blob async for blob in blobs]
    assert listed.etag == (await backend.store.info(written.file_id)).etag
    assert listed.last_modified is not None


async def test_a_prefix_is_compared_as_it_is(backend: MountedBackend) -> None:
    """SeaweedFS takes it for a path and tidies it."""
    assert backend.listing is not None
    await backend.store.write(new_blob("a.txt", folder="tidy"), body_of(b"a"))
    for prefix in ("/tidy/", "tidy//", "./tidy/"):
        async with backend.listing.list(prefix) as blobs:
            assert [blob async for blob in blobs] == []


async def test_listing_goes_on_beyond_a_page(s3_server: S3Server, s3_inspector: S3Inspector) -> None:
    keys = [f"many/{number:02}" for number in range(11)]
    for key in keys:
        await s3_inspector.put(key, b"")
    async with (
        S3Session(s3_server.config()) as connection,
        S3Listing(connection, page_size=3).list("many/") as blobs,
    ):
        assert [blob.file_id.key async for blob in blobs] == keys


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


async def test_a_link_for_a_known_size_takes_no_other(backend: MountedBackend) -> None:
    assert backend.presigning is not None
    link = await backend.presigning.upload_url(new_blob(size=4), MINUTE)
    assert link.headers["content-length"] == "4"
    assert "content-length" in parse_qs(urlsplit(link.url).query)["X-Amz-SignedHeaders"][0].split(";")


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


async def test_a_bucket_that_was_made_in_words_only_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "_LONGEST_PAUSE", 0.0)

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "PUT":
            return web.Response(text="<html>Please log in</html>", content_type="text/html")
        return web.Response(status=404)

    async with scripted_server(answer) as server:
        with pytest.raises(BucketNotFoundException):
            async with open_backend(server.config(create_bucket_if_missing=True)):
                pass


async def test_a_bucket_may_take_a_moment_to_be_there() -> None:
    looks = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal looks
        looks += request.method == "HEAD"
        missing = request.method == "HEAD" and looks < 4
        return web.Response(status=404 if missing else 200, headers={"x-amz-request-id": "1"})

    async with (
        scripted_server(answer) as server,
        open_backend(server.config(create_bucket_if_missing=True)),
    ):
        assert looks == 4


async def test_links_name_the_endpoint_that_is_configured(s3_server: S3Server, backend: MountedBackend) -> None:
    assert backend.presigning is not None
    link = await backend.presigning.download_url(FileId(Backend.S3, DEFAULT_BUCKET, "a"), MINUTE)
    assert link.startswith(f"{s3_server.endpoint}/{DEFAULT_BUCKET}/a?")
    assert s3_server.secret_key not in urlsplit(link).query
