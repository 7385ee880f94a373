"""Listings as servers write them, and as they should not."""

from collections.abc import Callable
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.errors import StorageException, StorageOperationException, StorageUnavailableException
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.raw_server import Peer, raw_server
from tests.support.s3.scripted import scripted_server
from tests.support.s3.server import S3Server
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)

ONCE = S3PerfConfig(max_retries=0)
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def entry(key: str, *, size: str | None = "5") -> str:
    told = "" if size is None else f"<Size>{size}</Size>"
    return (
        f"<Contents><Key>{key}</Key><LastModified>2026-11-25T12:00:00.000Z</LastModified>"
        f"<ETag>&quot;x&quot;</ETag>{told}<StorageClass>STANDARD</StorageClass></Contents>"
    )


def page(*entries: str, token: str | None = None, truncated: bool | None = None, more: str = "") -> str:
    truncated = token is not None if truncated is None else truncated
    told = "" if token is None else f"<NextContinuationToken>{token}</NextContinuationToken>"
    return (
        f'<?xml version="1.0"?>\n<ListBucketResult {NAMESPACE}><IsTruncated>{str(truncated).lower()}</IsTruncated>'
        f"{told}{more}{''.join(entries)}</ListBucketResult>"
    )


async def listed(respond: Callable[[web.Request], web.StreamResponse], prefix: str = "") -> list[BlobInfo]:
    async def answer(request: web.Request) -> web.StreamResponse:
        return respond(request)

    async with (
        scripted_server(answer) as server,
        S3Session(server.config(perf=ONCE)) as session,
        S3Listing(session).list(prefix) as blobs,
    ):
        return [blob async for blob in blobs]


def xml(text: str) -> web.Response:
    return web.Response(text=text, content_type="application/xml")


async def test_everything_that_an_entry_tells_is_passed_on() -> None:
    [blob] = await listed(lambda _request: xml(page(entry("a.txt"))))
    assert (str(blob.file_id), blob.size, blob.etag, blob.storage_class) == ("s3:tests/a.txt", 5, '"x"', "STANDARD")
    assert blob.last_modified is not None
    assert blob.last_modified.isoformat() == "2026-11-25T12:00:00+00:00"


async def test_a_listing_is_asked_for_by_prefix_and_goes_on_by_token() -> None:
    prefix = "été & more/"
    first_page = page(entry(escape(f"{prefix}a")), token="one &amp; two")
    seen: list[dict[str, str]] = []

    def respond(request: web.Request) -> web.Response:
        seen.append(dict(request.query))
        return xml(page(entry(escape(f"{prefix}b"))) if "continuation-token" in request.query else first_page)

    blobs = await listed(respond, prefix)
    assert [blob.file_id.key for blob in blobs] == [f"{prefix}a", f"{prefix}b"]
    first = {"list-type": "2", "encoding-type": "url", "max-keys": "1000", "prefix": prefix}
    assert seen == [first, first | {"continuation-token": "one & two"}]


@pytest.mark.parametrize("key", ["a b+c.txt", "été/100%.txt", "a&b<c>.txt", "合🗂"])
@pytest.mark.parametrize("encodes", [True, False])
async def test_keys_are_decoded_where_the_server_has_encoded_them(key: str, encodes: bool) -> None:
    shown = quote(key, safe="/") if encodes else escape(key)
    more = "<EncodingType>url</EncodingType>" if encodes else ""
    [blob] = await listed(lambda _request: xml(page(entry(shown), more=more)))
    assert blob.file_id.key == key


def seven_bytes() -> web.Response:
    return web.Response(body=bytes(7), headers={"ETag": '"x"'})


async def test_a_size_that_is_missing_is_asked_for() -> None:
    def respond(request: web.Request) -> web.Response:
        if request.method == "HEAD":
            return web.Response(status=404) if request.path.endswith("gone") else seven_bytes()
        return xml(page(entry("a", size=None), entry("gone", size=None), entry("b", size="many")))

    assert [(blob.file_id.key, blob.size) for blob in await listed(respond)] == [("a", 7), ("b", 7)]


async def test_a_page_without_a_token_is_followed_by_what_comes_after_its_last_key() -> None:
    def respond(request: web.Request) -> web.Response:
        if request.query.get("start-after") == "b":
            return xml(page(entry("c")))
        assert "start-after" not in request.query
        return xml(page(entry("a"), entry("b"), truncated=True))

    assert [blob.file_id.key for blob in await listed(respond)] == ["a", "b", "c"]


@pytest.mark.parametrize("circle", [1, 2, 3, 7])
async def test_a_listing_that_goes_round_in_circles_ends_with_an_error(circle: int) -> None:
    pages = 0

    def respond(request: web.Request) -> web.Response:
        nonlocal pages
        pages += 1
        number = int(request.query.get("continuation-token", "-1"))
        return xml(page(entry("a"), token=str((number + 1) % circle)))

    with pytest.raises(StorageOperationException, match="does not go on"):
        await listed(respond)
    assert pages < 100


async def test_a_listing_of_parts_that_goes_round_in_circles_ends() -> None:
    pages = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal pages
        pages += 1
        following = "2" if request.query["part-number-marker"] == "1" else "1"
        return xml(
            "<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>x</ETag><Size>5</Size></Part>"
            f"<IsTruncated>true</IsTruncated><NextPartNumberMarker>{following}</NextPartNumberMarker></ListPartsResult>"
        )

    async with scripted_server(answer) as server, S3Session(server.config(perf=ONCE)) as session:
        parts = await session.objects.multipart.parts("tests", "a", "upload")
    assert parts
    assert pages < 10


async def test_one_that_never_ends_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3py_helper.adapters.s3.api.xml._LARGEST", 256 * 1024)
    sent = 0

    async def behave(peer: Peer) -> None:
        nonlocal sent
        await peer.head()
        await peer.answer(b"HTTP/1.1 200 OK\r\n\r\n<ListBucketResult>")
        for _ in range(1000):
            await peer.answer(b" " * 64 * 1024)
            sent += 64 * 1024

    async with raw_server(behave) as server, S3Session(server.s3().config(perf=ONCE)) as session:
        with pytest.raises(StorageException, match="cannot be read"):
            async with S3Listing(session).list() as blobs:
                await anext(blobs)
        await until(lambda: server.open == 0)
    assert sent < 16 * 1024 * 1024


async def test_one_that_never_shows_anything_ends_with_an_error() -> None:
    def respond(request: web.Request) -> web.Response:
        return xml(page(token=str(int(request.query.get("continuation-token", "0")) + 1)))

    with pytest.raises(StorageOperationException, match="does not go on"):
        await listed(respond)


async def test_a_page_that_promises_more_without_showing_anything_ends_with_an_error() -> None:
    with pytest.raises(StorageOperationException, match=r"does not go on.*bucket 'tests'"):
        await listed(lambda _request: xml(page(truncated=True)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html><body>Please log in</body></html>",
        page(entry("a")).replace("</ListBucketResult>", ""),
        "<Error><Code>InternalError</Code></Error>",
        "[]",
        "<a" * 1000,
    ],
    ids=["empty", "a web page", "cut", "an error", "JSON", "nonsense"],
)
async def test_what_is_no_listing_is_no_empty_one(text: str) -> None:
    with pytest.raises(StorageUnavailableException):
        await listed(lambda _request: xml(text))


@pytest.mark.parametrize(
    "odd",
    [
        "<Contents/>",
        "<Contents><Key/></Contents>",
        "<Contents><Key>a</Key><Size>-1</Size></Contents>",
        "<Contents><Key>a</Key><Size>5</Size><LastModified>yesterday</LastModified><ETag/></Contents>",
        "<Contents><Key>a&#x9;b</Key><Size>5</Size></Contents>",
        "<Contents><Size>5</Size><Key>..</Key></Contents>",
    ],
)
async def test_odd_entries_raise_nothing_raw(odd: str) -> None:
    def respond(request: web.Request) -> web.Response:
        return seven_bytes() if request.method == "HEAD" else xml(page(odd))

    try:
        blobs = await listed(respond)
    except StorageException:
        return
    assert all(blob.size >= 0 for blob in blobs)


async def test_real_servers_list_keys_in_any_script(s3_server: S3Server, s3_inspector: S3Inspector) -> None:
    keys = sorted(["scripts/a b+c.txt", "scripts/été 100%.txt", "scripts/a&b<c>.txt", "scripts/合🗂"], key=str.encode)
    for key in keys:
        await s3_inspector.put(key, b"12345")
    async with S3Session(s3_server.config()) as session, S3Listing(session, page_size=1).list("scripts/") as blobs:
        assert [(blob.file_id.key, blob.size) async for blob in blobs] == [(key, 5) for key in keys]


async def test_an_object_that_no_id_can_name_is_left_out() -> None:
    more = "<EncodingType>url</EncodingType>"
    blobs = await listed(lambda _: xml(page(entry("a"), entry("b%0Ac"), entry("d"), more=more)))
    assert [blob.file_id.key for blob in blobs] == ["a", "d"]
