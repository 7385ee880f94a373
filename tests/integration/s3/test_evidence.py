"""Success is believed when S3 has said so, and not because of a status."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.buckets import create_missing_buckets
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.ports.observer import RequestRetried
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import (
    AccessDeniedException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.storage.s3raw.client.s3_client import S3Client
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.recorder import Recorder
from tests.support.s3.pretend_s3 import PretendS3, Seen, Stored, pretend_s3, saying
from tests.support.s3.raw_server import Peer, raw_server
from tests.support.s3.scripted import error

pytestmark = pytest.mark.timeout(30)

MIB = 1024 * 1024
PERF = S3PerfConfig(multipart_part_size=5 * MIB, multipart_threshold=5 * MIB, max_retries=1)
SMALL, LARGE = b"0123456789", bytes(6 * MIB)
SOURCE = FileId(Backend.S3, "tests", "source")
PAGE = "<!DOCTYPE html>\n<html><body>Please log in</body></html>"


def page() -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


def page_with_etag() -> web.Response:
    return web.Response(text=PAGE, content_type="text/html", headers={"ETag": '"of-the-page"'})


def error_with_etag() -> web.Response:
    text = "<?xml version='1.0'?>\n<Error><Code>InternalError</Code></Error>"
    return web.Response(text=text, content_type="application/xml", headers={"ETag": '"x"'})


LIES: dict[str, Callable[[], web.Response]] = {
    "a web page": page,
    "a web page with an ETag": page_with_etag,
    "an error document": error_with_etag,
    "nothing": web.Response,
    "an empty result": lambda: web.Response(text="<Result/>", content_type="application/xml"),
    "accepted": lambda: web.Response(status=202, headers={"ETag": '"x"'}),
    "transformed": lambda: web.Response(status=203, headers={"ETag": '"x"'}),
}
REQUESTS: dict[str, Callable[[Seen], bool]] = {
    "object": lambda seen: seen.method == "PUT" and not seen.query,
    "part": lambda seen: seen.method == "PUT" and seen.query.get("partNumber") == "2",
    "completion": lambda seen: seen.method == "POST" and "uploadId" in seen.query,
    "copy": lambda seen: "x-amz-copy-source" in seen.headers and not seen.query,
    "copied part": lambda seen: "x-amz-copy-source" in seen.headers and seen.query.get("partNumber") == "2",
}
STORING = [way for way in REQUESTS if way != "completion"]
"""A completion that was carried out counts, whatever the response: the object is looked at."""


@pytest.fixture
async def s3() -> AsyncIterator[PretendS3]:
    async with pretend_s3() as server:
        yield server


async def store_by(s3: PretendS3, way: str, recorder: Recorder | None = None, perf: S3PerfConfig = PERF) -> None:
    async with S3Session(s3.server.config(perf=perf), recorder or Recorder()) as session:
        if way in {"object", "part", "completion"}:
            await S3BlobStore(session).write(new_blob(), body_of(SMALL if way == "object" else LARGE))
            return
        await S3BlobStore(session).write(new_blob(), body_of(LARGE))
        [key] = [path.removeprefix("/tests/") for path in s3.objects]
        copying = S3Copy(session, in_one_request=10 * MIB if way == "copy" else MIB, part_size=5 * MIB)
        await copying.copy(FileId(Backend.S3, "tests", key), new_blob())


def left_of(s3: PretendS3, way: str) -> int:
    """How many objects and uploads are there beside the source of a copy."""
    return len(s3.objects) + len(s3.uploads) - ("cop" in way)


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize(("way", "obey"), [*((way, False) for way in REQUESTS), *((way, True) for way in STORING)])
async def test_a_success_without_evidence_is_none_and_leaves_nothing(
    s3: PretendS3, way: str, lie: str, obey: bool
) -> None:
    s3.plan(saying(LIES[lie], obey=obey), REQUESTS[way], times=99)
    with pytest.raises(StorageUnavailableException) as raised:
        await store_by(s3, way)
    assert raised.value.retryable
    assert left_of(s3, way) == 0


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("way", REQUESTS)
async def test_one_that_passes_is_outlasted(s3: PretendS3, way: str, lie: str) -> None:
    recorder = Recorder()
    s3.plan(saying(LIES[lie]), REQUESTS[way])
    await store_by(s3, way, recorder)
    assert left_of(s3, way) == 1
    assert len(recorder.of(RequestRetried)) == 1


@pytest.mark.parametrize("lie", LIES)
async def test_an_upload_that_began_without_our_learning_its_id_is_aborted_and_no_other(
    s3: PretendS3, lie: str
) -> None:
    s3.plan(saying(LIES[lie], obey=True), lambda seen: "uploads" in seen.query)
    await store_by(s3, "part")
    assert [stored.body for stored in s3.objects.values()] == [LARGE]
    assert s3.uploads == {}


@pytest.mark.parametrize("lie", LIES)
async def test_a_completion_that_nobody_confirmed_counts_when_the_object_is_there(s3: PretendS3, lie: str) -> None:
    s3.plan(saying(LIES[lie], obey=True), REQUESTS["completion"])
    await store_by(s3, "completion")
    [stored] = s3.objects.values()
    assert stored.body == LARGE


@pytest.mark.parametrize("size", [5, 6 * MIB - 1, 6 * MIB + 1])
async def test_an_object_of_another_size_is_not_the_one_that_was_completed(s3: PretendS3, size: int) -> None:
    async def complete_wrongly(server: PretendS3, seen: Seen) -> web.StreamResponse:
        await server.obey(seen)
        server.objects[seen.path].body = bytes(size)
        return web.Response()

    s3.plan(complete_wrongly, REQUESTS["completion"])
    with pytest.raises(StorageException):
        await store_by(s3, "completion")
    assert left_of(s3, "completion") == 0


async def test_a_completed_object_with_another_checksum_is_refused(s3: PretendS3) -> None:
    async def complete_wrongly(server: PretendS3, seen: Seen) -> web.StreamResponse:
        await server.obey(seen)
        server.objects[seen.path].headers["x-amz-checksum-crc32"] = "AAAAAA=="
        return web.Response()

    s3.plan(complete_wrongly, REQUESTS["completion"])
    with pytest.raises(StorageException, match="other bytes than were sent"):
        await store_by(s3, "completion")
    assert left_of(s3, "completion") == 0


@pytest.mark.parametrize("way", ["object", "part"])
@pytest.mark.parametrize("status", [200, 201, 204])
async def test_every_status_that_confirms_storing_counts_with_an_etag(s3: PretendS3, way: str, status: int) -> None:
    async def confirm(server: PretendS3, seen: Seen) -> web.StreamResponse:
        response = await server.obey(seen)
        return web.Response(status=status, headers={"ETag": response.headers["ETag"]})

    s3.plan(confirm, REQUESTS[way], times=99)
    await store_by(s3, way)
    assert left_of(s3, way) == 1


async def test_a_few_words_in_the_body_do_not_matter(s3: PretendS3) -> None:
    s3.plan(saying(lambda: web.Response(text="stored, thank you", headers={"ETag": '"x"'})), REQUESTS["object"])
    await store_by(s3, "object")


async def test_a_tag_of_a_completed_upload_is_one_by_the_rfc_however_the_server_writes_it(s3: PretendS3) -> None:
    page = "<CompleteMultipartUploadResult><ETag>x-2</ETag></CompleteMultipartUploadResult>"
    s3.plan(saying(lambda: web.Response(text=page, content_type="application/xml"), obey=True), REQUESTS["completion"])
    async with S3Session(s3.server.config(perf=PERF)) as session:
        written = await S3BlobStore(session).write(new_blob(), body_of(LARGE))
    assert written.etag == '"x-2"'


@pytest.mark.parametrize("way", REQUESTS)
@pytest.mark.parametrize("status", [500, 502, 507, 520, 524, 529, 599])
async def test_whatever_the_5xx_another_attempt_is_made(s3: PretendS3, way: str, status: int) -> None:
    s3.plan(saying(lambda: web.Response(status=status)), REQUESTS[way])
    await store_by(s3, way)
    assert left_of(s3, way) == 1


@pytest.mark.parametrize("way", STORING)
@pytest.mark.parametrize("status", [500, 501, 507, 520, 524, 529, 599])
async def test_what_a_5xx_has_stored_all_the_same_is_rolled_back(s3: PretendS3, way: str, status: int) -> None:
    s3.plan(saying(lambda: web.Response(status=status), obey=True), REQUESTS[way], times=99)
    with pytest.raises(StorageException):
        await store_by(s3, way, perf=PERF.model_copy(update={"max_retries": 0}))
    assert left_of(s3, way) == 0


@pytest.mark.parametrize("way", ["object", "copy"])
async def test_a_refusal_does_not_hide_that_an_earlier_attempt_may_have_stored(s3: PretendS3, way: str) -> None:
    s3.plan(saying(lambda: web.Response(status=503), obey=True), REQUESTS[way])
    s3.plan(saying(lambda: error(403, "AccessDenied")), REQUESTS[way])
    with pytest.raises(AccessDeniedException):
        await store_by(s3, way)
    assert left_of(s3, way) == 0


async def test_what_was_only_refused_is_not_deleted(s3: PretendS3) -> None:
    s3.plan(saying(lambda: error(403, "AccessDenied")), REQUESTS["object"])
    with pytest.raises(AccessDeniedException):
        await store_by(s3, "object")
    assert [seen.method for seen in s3.requests] == ["PUT"]


@pytest.mark.parametrize("way", ["object", "part", "completion", "copied part"])
@pytest.mark.parametrize("code", ["", "NoSuchUpload", "NoSuchKey"])
async def test_what_is_missing_for_an_upload_is_not_a_file_that_somebody_asked_for(
    s3: PretendS3, way: str, code: str
) -> None:
    if way == "copied part":
        code = "NoSuchUpload"  # the others mean the source
    s3.plan(saying(lambda: error(404, code)), REQUESTS[way], times=99)
    with pytest.raises(StorageOperationException) as raised:
        await store_by(s3, way)
    assert not raised.value.retryable
    assert left_of(s3, way) == 0


@pytest.mark.parametrize("lie", ["a web page", "an error document", "accepted"])
async def test_a_deletion_without_evidence_is_none(s3: PretendS3, lie: str) -> None:
    s3.plan(saying(LIES[lie]), lambda seen: seen.method == "DELETE", times=2)
    async with S3Session(s3.server.config(perf=PERF)) as session:
        with pytest.raises(StorageUnavailableException):
            await S3BlobStore(session).delete(SOURCE)


async def test_a_refusal_with_status_200_is_the_refusal_that_its_document_tells(s3: PretendS3) -> None:
    text = "<Error><Code>AccessDenied</Code></Error>"
    s3.plan(saying(lambda: web.Response(text=text, content_type="application/xml")), REQUESTS["copy"])
    with pytest.raises(AccessDeniedException):
        await store_by(s3, "copy")


@pytest.mark.parametrize("status", [201, 202, 203, 204, 299])
async def test_a_download_has_the_status_of_one(s3: PretendS3, status: int) -> None:
    s3.plan(saying(lambda: web.Response(status=status)), lambda seen: seen.method == "GET", times=2)
    async with S3Session(s3.server.config(perf=PERF)) as session:
        with pytest.raises(StorageUnavailableException, match=f"status {status}"):
            await read_all(S3BlobStore(session), SOURCE)


PAGES = {
    "a web page": page,
    "a web page with an ETag": page_with_etag,
    "a page of another type": lambda: web.Response(text="log in", content_type="text/plain"),
    "nothing": web.Response,
}
"""What captive portals and web servers send in place of an object."""

RANGES = {"whole": None, "range": ByteRange(2, 4)}


def stored_as(body: bytes, content_type: str) -> Stored:
    """An object of a service that says no more of it than HTTP demands."""
    return Stored(body, {"Content-Type": content_type, "ETag": '"stored"'})


@pytest.mark.parametrize("portal", PAGES)
@pytest.mark.parametrize("asked", RANGES)
async def test_a_page_in_place_of_an_object_is_none(s3: PretendS3, portal: str, asked: str) -> None:
    s3.plan(saying(PAGES[portal]), lambda _seen: True, times=99)
    async with S3Session(s3.server.config(perf=PERF)) as session:
        with pytest.raises(StorageUnavailableException):
            await read_all(S3BlobStore(session), SOURCE, RANGES[asked])


@pytest.mark.parametrize("portal", PAGES)
async def test_nor_does_it_describe_one(s3: PretendS3, portal: str) -> None:
    s3.plan(saying(PAGES[portal]), lambda _seen: True, times=99)
    async with S3Session(s3.server.config(perf=PERF)) as session:
        with pytest.raises(StorageUnavailableException):
            await S3BlobStore(session).info(SOURCE)


@pytest.mark.parametrize("portal", PAGES)
async def test_nor_is_it_a_bucket_that_need_not_be_made(s3: PretendS3, portal: str) -> None:
    s3.plan(saying(PAGES[portal]), lambda _seen: True, times=99)
    async with S3Session(s3.server.config(perf=PERF)) as session:
        with pytest.raises(StorageUnavailableException):
            await create_missing_buckets(session)


@pytest.mark.parametrize("portal", [name for name in PAGES if "ETag" not in name])
@pytest.mark.parametrize("asked", RANGES)
async def test_a_page_that_passes_is_outlasted(s3: PretendS3, portal: str, asked: str) -> None:
    s3.objects["/tests/source"] = stored_as(SMALL, "text/plain")
    s3.plan(saying(PAGES[portal]), lambda _seen: True)
    async with S3Session(s3.server.config(perf=PERF)) as session:
        assert await read_all(S3BlobStore(session), SOURCE, RANGES[asked]) == (
            SMALL if asked == "whole" else SMALL[2:5]
        )


@pytest.mark.parametrize("denied", [False, True])
async def test_a_page_that_somebody_has_stored_is_an_object(s3: PretendS3, *, denied: bool) -> None:
    """From a service without headers of its own, and with keys that may not list."""
    s3.objects["/tests/source"] = stored_as(PAGE.encode(), "text/html")
    if denied:
        s3.plan(saying(lambda: error(403, "AccessDenied")), lambda seen: "list-type" in seen.query, times=9)
    async with S3Session(s3.server.config(perf=PERF)) as session:
        store = S3BlobStore(session)
        assert (await store.info(SOURCE)).content_type == "text/html"
        assert await read_all(store, SOURCE) == PAGE.encode()


@pytest.mark.parametrize("held", ["bytes 0-4/10", "bytes 5-9/10", "bytes 0-9/11"])
async def test_a_part_is_not_taken_for_the_whole(s3: PretendS3, held: str) -> None:
    first, last = held.removeprefix("bytes ").partition("/")[0].split("-")
    body = SMALL[int(first) : int(last) + 1]
    s3.plan(
        saying(lambda: web.Response(status=206, body=body, headers={"ETag": '"x"', "Content-Range": held})),
        lambda seen: seen.method == "GET",
    )
    async with S3Session(s3.server.config(perf=PERF)) as session:
        with pytest.raises(StorageException, match="for the whole object"):
            await read_all(S3BlobStore(session), SOURCE)


@pytest.mark.parametrize("lie", ["a web page", "nothing", "an empty result"])
@pytest.mark.parametrize("method", ["put", "create", "part", "complete", "get", "head"])
async def test_the_raw_client_believes_no_more_than_that(s3: PretendS3, method: str, lie: str) -> None:
    s3.plan(saying(LIES[lie]), lambda _seen: True, times=9)
    async with S3Client(s3.server.config(perf=PERF.model_copy(update={"max_retries": 0}))) as raw:
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "put": lambda: raw.put_object("tests", "k", b"x"),
            "get": lambda: raw.get_object("tests", "k"),
            "head": lambda: raw.head_object("tests", "k"),
            "create": lambda: raw.create_multipart_upload("tests", "k"),
            "part": lambda: raw.upload_part("tests", "k", "id", 1, b"x"),
            "complete": lambda: raw.complete_multipart_upload("tests", "k", "id", [{"PartNumber": 1, "ETag": "x"}]),
        }
        with pytest.raises(StorageException):
            await calls[method]()


@pytest.mark.parametrize("method", ["delete", "abort"])
async def test_nor_does_it_take_a_page_for_a_removal(s3: PretendS3, method: str) -> None:
    s3.plan(saying(LIES["a web page"]), lambda _seen: True, times=9)
    async with S3Client(s3.server.config(perf=PERF.model_copy(update={"max_retries": 0}))) as raw:
        with pytest.raises(StorageException, match="web page"):
            await (
                raw.delete_object("tests", "k")
                if method == "delete"
                else raw.abort_multipart_upload("tests", "k", "id")
            )


@pytest.mark.parametrize("status", [b"200 OK", b"400 Bad Request"])
async def test_a_response_without_end_is_not_read_to_its_end(status: bytes) -> None:
    async def behave(peer: Peer) -> None:
        await peer.head()
        await peer.answer(b'HTTP/1.1 %b\r\nETag: "x"\r\nTransfer-Encoding: chunked\r\n\r\n' % status)
        while True:
            await peer.answer(b"1000\r\n%b\r\n" % (b"x" * 4096))

    perf = S3PerfConfig(max_retries=0, operation_timeout=120)
    async with raw_server(behave) as server, S3Session(server.s3().config(perf=perf)) as session:
        writing = S3BlobStore(session).write(new_blob(), body_of(b""))
        if status == b"200 OK":
            await writing
        else:
            with pytest.raises(StorageOperationException, match="HTTP 400"):
                await writing
