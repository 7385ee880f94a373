"""Files as the body of a request."""

import asyncio
import hashlib
import os
from base64 import b64encode
from collections.abc import AsyncIterator
from urllib.parse import unquote

import httpx
import pytest

from s3py_helper.domain.errors import StorageUnavailableException
from tests.integration.service.conftest import LIMIT, Service, both_parsers
from tests.integration.service.raw import connected
from tests.support.waiting import until

CONTENT = os.urandom(300_000)


async def _chunks(content: bytes = CONTENT) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 70_000):
        yield content[at : at + 70_000]


@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
@both_parsers
async def test_put_makes_a_file_of_the_name_in_the_path(client: httpx.AsyncClient, *, chunked: bool) -> None:
    body = _chunks() if chunked else CONTENT
    answer = await client.put("/files/Gr%C3%B6%C3%9Fe%20a.png?folder=photos", content=body)
    assert answer.status_code == 201
    attach = answer.json()
    assert (attach["file_name"], attach["file_size"]) == ("Größe a.png", len(CONTENT))
    assert attach["content_type"] == "image/png"
    assert unquote(answer.headers["location"]) == f"/files/{attach['file_id']}"
    assert attach["file_id"].startswith("s3:my-bucket/photos/")
    assert (await client.get(answer.headers["location"])).content == CONTENT


async def test_putting_twice_makes_two_files(client: httpx.AsyncClient) -> None:
    one, other = [
        (await client.put("/files/a.txt", content=text, headers={"If-None-Match": "*"})).headers["location"]
        for text in (b"one", b"other")
    ]
    assert [(await client.get(path)).content for path in (one, other)] == [b"one", b"other"]
    assert (await client.put("/files/a.txt", content=b"", headers={"If-Match": "*"})).status_code == 412


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="a b.txt"', "a b.txt"),
        ("attachment; filename=plain.txt; filename*=UTF-8''Gr%C3%B6%C3%9Fe.txt", "Größe.txt"),
        ('inline; filename="c.txt"', "c.txt"),
    ],
)
async def test_post_takes_the_name_from_the_disposition(client: httpx.AsyncClient, disposition: str, name: str) -> None:
    headers = {"Content-Disposition": disposition, "Content-Type": "text/x-own"}
    answer = await client.post("/files", content=_chunks(), headers=headers)
    assert answer.status_code == 201
    assert (answer.json()["file_name"], answer.json()["content_type"]) == (name, "text/x-own")
    assert (await client.get(answer.headers["location"])).content == CONTENT


@pytest.mark.parametrize(
    ("headers", "status", "told"),
    [
        ({}, 400, "needs a name"),
        ({"Content-Disposition": "attachment"}, 400, "needs a name"),
        ({"Content-Disposition": 'attachment; filename="a.exe"'}, 400, "exe"),
        ({"Content-Disposition": 'attachment; filename="a"', "Content-Encoding": "gzip"}, 415, "Content-Encoding"),
        ({"Content-Disposition": 'attachment; filename="a"', "Content-Range": "bytes 0-1/5"}, 400, "part"),
        ({"Content-Disposition": 'attachment; filename="a"', "Content-MD5": "?"}, 400, "Content-MD5"),
    ],
)
async def test_what_cannot_be_stored_is_refused(
    service: Service, client: httpx.AsyncClient, headers: dict[str, str], status: int, told: str
) -> None:
    answer = await client.post("/files", content=b"x", headers=headers)
    assert (answer.status_code, told in answer.json()["detail"]) == (status, True)
    assert service.store.calls["write"] == 0


async def test_a_name_with_a_folder_is_no_name(client: httpx.AsyncClient) -> None:
    assert (await client.put("/files/a/b.txt", content=b"x")).status_code == 405
    disposition = {"Content-Disposition": 'attachment; filename="../b.txt"'}
    assert (await client.post("/files", content=b"x", headers=disposition)).status_code == 400


@pytest.mark.parametrize("header", ["Content-Digest", "Repr-Digest", "Content-MD5"])
@pytest.mark.parametrize("size", [10, 300_000])
async def test_other_bytes_than_the_digest_says_leave_nothing(
    service: Service, client: httpx.AsyncClient, header: str, size: int
) -> None:
    def headers(content: bytes) -> dict[str, str]:
        digest = hashlib.md5(content) if header == "Content-MD5" else hashlib.sha256(content)
        text = b64encode(digest.digest()).decode()
        return {header: text if header == "Content-MD5" else f"sha-256=:{text}:"}

    content = CONTENT[:size]
    answer = await client.put("/files/a.bin", content=content, headers=headers(content + b"x"))
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (400, "digest-mismatch")
    assert [blob async for blob in _kept(service)] == []
    answer = await client.put("/files/a.bin", content=content, headers=headers(content))
    assert answer.status_code == 201


async def test_a_form_has_digests_as_a_whole(service: Service, client: httpx.AsyncClient) -> None:
    wrong = {"Content-Digest": f"sha-256=:{'A' * 43}=:"}
    answer = await client.post("/files/upload", files={"file": ("a.txt", b"x")}, headers=wrong)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (400, "digest-mismatch")
    assert [blob async for blob in _kept(service)] == []


async def _kept(service: Service) -> AsyncIterator[object]:
    async with service.kept.list() as blobs:
        async for blob in blobs:
            yield blob


def _head(name: str, *lines: str) -> bytes:
    return "\r\n".join([f"PUT /files/{name} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()


@both_parsers
async def test_a_client_that_waits_is_told_to_go_on_only_when_its_file_is_wanted(service: Service) -> None:
    refused = [("a.exe", "Content-Length: 3", 400), ("a.bin", f"Content-Length: {LIMIT + 1}", 413)]
    for name, length, status in refused:
        async with connected(service.url) as client:
            await client.send(_head(name, length, "Expect: 100-continue"))
            assert (await client.response()).status == status
    async with connected(service.url) as client:
        await client.send(_head("a.bin", "Content-Length: 3", "Expect: 100-continue"))
        assert (await client.response()).status == 100
        await client.send(b"abc")
        assert (await client.response()).status == 201


@both_parsers
@pytest.mark.parametrize("framing", ["Content-Length: 300000", "Transfer-Encoding: chunked"])
async def test_a_client_that_leaves_leaves_nothing(service: Service, framing: str) -> None:
    async with connected(service.url) as client:
        chunk = b"11170\r\n" + bytes(70_000) + b"\r\n" if "chunked" in framing else bytes(70_000)
        await client.send(_head("a.bin", framing), chunk)
        await until(lambda: service.store.calls["write"] == 1)
        client.reset()
    async with httpx.AsyncClient(base_url=service.url) as other:
        assert (await other.put("/files/b.txt", content=b"b")).status_code == 201
    await until(lambda: not _writing())
    assert len([blob async for blob in _kept(service)]) == 1


def _writing() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if "run_asgi" in repr(task)]


async def test_each_file_of_a_batch_may_stand_for_itself(service: Service, client: httpx.AsyncClient) -> None:
    service.store.fail("write", StorageUnavailableException("away"), after_bytes=1000)
    files = [
        ("files", ("a.bin", bytes(2_000_000))),
        ("files", ("b.exe", bytes(2_000_000))),
        ("files", ("c.txt", b"c")),
    ]
    answer = await client.post("/files/batch-upload?each=true", files=files)
    assert answer.status_code == 200
    away, refused, stored = answer.json()
    assert (away["file"], away["problem"]["status"], away["problem"]["file_name"]) == (None, 503, "a.bin")
    assert (refused["problem"]["status"], refused["problem"]["file_name"]) == (400, "b.exe")
    assert stored["problem"] is None
    assert (await client.get(f"/files/{stored['file']['file_id']}")).content == b"c"


async def test_a_batch_that_is_cut_off_leaves_nothing_even_so(service: Service, client: httpx.AsyncClient) -> None:
    body = b'--edge\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\na\r\n--edge\r\nCont'
    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    answer = await client.post("/files/batch-upload?each=true", content=body, headers=headers)
    assert (answer.status_code, service.store.calls["write"]) == (400, 1)
    assert [blob async for blob in _kept(service)] == []
