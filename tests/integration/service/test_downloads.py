"""What goes out through the download endpoint."""

import asyncio
import os
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.errors import FileNotFoundException, IntegrityException, StorageUnavailableException
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.entrypoints.http import create_files_router
from s3py_helper.testing import body_of
from tests.integration.service.conftest import Service, both_parsers
from tests.integration.service.running import served, services_on
from tests.support.waiting import until

CONTENT = os.urandom(400_000)


@pytest.fixture
async def path(client: httpx.AsyncClient) -> str:
    answer = await client.post("/files/upload", files={"file": ("Größe.txt", CONTENT, "text/plain")})
    return f"/files/{quote(answer.json()['file_id'])}/download"


async def test_the_whole_file_comes_with_all_that_is_known_of_it(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.content == CONTENT
    headers = dict(answer.headers)
    assert headers.pop("last-modified").endswith(" GMT")
    assert headers.pop("etag").startswith('"')
    del headers["date"], headers["server"]
    assert headers == {
        "accept-ranges": "bytes",
        "cache-control": "no-cache",
        "content-disposition": "attachment; filename=\"Gr__e.txt\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.txt",
        "content-length": str(len(CONTENT)),
        "content-type": "text/plain",
        "x-content-type-options": "nosniff",
    }


async def test_head_tells_the_same_without_the_bytes(service: Service, client: httpx.AsyncClient, path: str) -> None:
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
    assert service.store.calls["open"] == 1


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=100000-", 100_000, 400_000),
        ("bytes=-7", 399_993, 400_000),
        ("bytes=399999-999999", 399_999, 400_000),
        ("bytes=-999999", 0, 400_000),
    ],
)
async def test_a_range_gives_a_part(client: httpx.AsyncClient, path: str, wanted: str, start: int, stop: int) -> None:
    answer = await client.get(path, headers={"Range": wanted})
    assert answer.status_code == 206
    assert answer.content == CONTENT[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/400000"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize("wanted", ["bytes=400000-", "bytes=-0", "bytes=999999-"])
async def test_a_range_beyond_the_end_is_refused(client: httpx.AsyncClient, path: str, wanted: str) -> None:
    answer = await client.get(path, headers={"Range": wanted})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */400000")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("ignored", ["lines=1-2", "bytes=9-5", "bytes=0-1,9-5", "bytes=", "nonsense"])
async def test_a_range_that_is_not_understood_gives_the_whole_file(
    client: httpx.AsyncClient, path: str, ignored: str
) -> None:
    answer = await client.get(path, headers={"Range": ignored})
    assert (answer.status_code, len(answer.content)) == (200, 400_000)


async def test_head_does_not_know_ranges(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.head(path, headers={"Range": "bytes=0-1"})
    assert (answer.status_code, answer.headers["content-length"]) == (200, "400000")


async def test_what_the_client_has_already_is_not_sent_again(
    service: Service, client: httpx.AsyncClient, path: str
) -> None:
    known = (await client.head(path)).headers
    for condition in ({"If-None-Match": f'"v0", {known["etag"]}'}, {"If-Modified-Since": known["last-modified"]}):
        for method in ("GET", "HEAD"):
            answer = await client.request(method, path, headers={**condition, "Range": "bytes=999999-"})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == known["etag"]
            assert answer.headers["cache-control"] == known["cache-control"]
            assert "content-length" not in answer.headers
    assert service.store.calls["open"] == 0


async def test_lines_of_one_header_are_one_list(client: httpx.AsyncClient, path: str) -> None:
    etag = (await client.head(path)).headers["etag"]
    answer = await client.get(path, headers=[("If-None-Match", '"v0"'), ("If-None-Match", etag)])
    assert answer.status_code == 304


async def test_another_version_than_the_one_named_is_not_sent(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"If-Match": '"v0"'})
    assert answer.status_code == 412
    assert answer.json()["type"].endswith(":precondition-failed")
    assert (
        await client.head(path, headers={"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"})
    ).status_code == 412


async def test_a_download_is_resumed_only_from_the_same_version(client: httpx.AsyncClient, path: str) -> None:
    etag = (await client.head(path)).headers["etag"]
    same = await client.get(path, headers={"Range": "bytes=300000-", "If-Range": etag})
    assert (same.status_code, same.content) == (206, CONTENT[300_000:])
    other = await client.get(path, headers={"Range": "bytes=300000-", "If-Range": '"v0"'})
    assert (other.status_code, other.content) == (200, CONTENT)


@pytest.mark.parametrize(
    ("name", "content_type", "shown"),
    [("a.png", "image/png", "inline"), ("a.svg", "image/svg+xml", "attachment"), ("a.html", "text/html", "attachment")],
)
async def test_inline_is_granted_where_it_is_safe(
    client: httpx.AsyncClient, name: str, content_type: str, shown: str
) -> None:
    attach = (await client.post("/files/upload", files={"file": (name, b"x", content_type)})).json()
    answer = await client.get(f"/files/{attach['file_id']}/download", params={"inline": 1})
    assert answer.headers["content-disposition"].startswith(shown)
    assert answer.headers["content-type"] == content_type


async def test_an_empty_file_is_sent(client: httpx.AsyncClient) -> None:
    attach = (await client.post("/files/upload", files={"file": ("empty", b"")})).json()
    answer = await client.get(f"/files/{attach['file_id']}/download")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    part = await client.get(f"/files/{attach['file_id']}/download", headers={"Range": "bytes=0-"})
    assert (part.status_code, part.headers["content-range"]) == (416, "bytes */0")


@pytest.mark.parametrize(
    "key",
    ["plain.txt", "a/b/c.txt", "two words", "100%", "100%41", "a+b", "尺寸/ß", "a?b#c", "x/download", "x/info"],
)
@pytest.mark.parametrize("slashes", ["/", ""], ids=["slashes as they are", "slashes encoded"])
async def test_any_id_can_be_asked_for(service: Service, client: httpx.AsyncClient, key: str, slashes: str) -> None:
    await service.kept.write(NewBlob(key, "a.txt", "my-bucket"), body_of(b"content"))
    path = f"/files/{quote(f's3:my-bucket/{key}', safe=slashes)}"
    assert (await client.get(f"{path}/download")).content == b"content"
    assert (await client.get(f"{path}/info")).json()["file_id"] == f"s3:my-bucket/{key}"
    assert (await client.delete(path)).json() == {"detail": "deleted"}
    assert not service.kept.file_ids


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("file_id", "status"),
    [
        ("s3:my-bucket/none", 404),
        ("s3:my-bucket", 400),
        ("s3:my-bucket/a//b", 400),
        ("group1/M00/00/00/x", 403),
        ("s3:secrets/x", 403),
    ],
)
async def test_what_cannot_be_sent_is_a_problem(
    client: httpx.AsyncClient, method: str, file_id: str, status: int
) -> None:
    answer = await client.request(method, f"/files/{file_id}/download")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_may_not_be_downloaded_is_not_described_by_head_either(service: Service, method: str) -> None:
    services = services_on(service.store, policy=RoutingPolicy(StorageMode.S3, readable=set()))
    app = FastAPI()
    app.include_router(create_files_router(lambda: services))
    async with served(app) as url, httpx.AsyncClient() as client:
        assert (await client.request(method, f"{url}/files/s3:my-bucket/a/download")).status_code == 403


async def test_info_has_the_published_members(client: httpx.AsyncClient, path: str) -> None:
    info = (await client.get(path.replace("/download", "/info"))).json()
    assert info["file_name"] == "Größe.txt"
    assert info["file_size"] == 400_000
    assert info["last_modify_time"].endswith("+00:00")


async def test_deleting_twice_says_that_nothing_is_left(client: httpx.AsyncClient, path: str) -> None:
    file = path.removesuffix("/download")
    assert (await client.delete(file)).status_code == 200
    assert (await client.delete(file)).status_code == 404


async def test_a_failure_before_the_first_byte_is_a_problem(
    service: Service, client: httpx.AsyncClient, path: str
) -> None:
    service.store.fail("open", StorageUnavailableException("no route to host"))
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    service.store.fail("open", FileNotFoundException("gone"))
    assert (await client.get(path)).status_code == 404
    assert (await client.get(path)).status_code == 200


@both_parsers
@pytest.mark.parametrize("error", [IntegrityException("the bytes are damaged"), RuntimeError("a bug")])
async def test_a_failure_in_the_middle_cuts_the_connection(
    service: Service, client: httpx.AsyncClient, path: str, error: Exception
) -> None:
    service.store.fail("read", error, after_bytes=200_000)
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(path)
    assert (await client.get(path)).content == CONTENT


@both_parsers
async def test_a_source_that_waits_is_closed_when_the_client_goes_away(
    service: Service, client: httpx.AsyncClient, path: str
) -> None:
    gate = service.store.hold("read", after_bytes=100_000)
    async with client.stream("GET", path) as answer:
        chunks = answer.aiter_raw()  # dropping it would close the connection
        await anext(chunks)
        await gate.reached.wait()
        await until(_downloads)
    await until(lambda: not _downloads())


def _downloads() -> list[asyncio.Task[object]]:
    """Those that look whether their client is still there."""
    return [task for task in asyncio.all_tasks() if "_Client._until_left" in repr(task)]
