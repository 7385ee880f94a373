"""What comes in through the upload endpoints."""

import asyncio
import contextlib
import os

import httpx
import pytest

from s3py_helper.domain.errors import StorageOperationException, StorageUnavailableException
from tests.integration.service.conftest import LIMIT, Service, both_parsers
from tests.support.waiting import until

BOUNDARY = "edge"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def _part(field: str, file_name: str | None, content: bytes) -> bytes:
    named = "" if file_name is None else f'; filename="{file_name}"'
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"{named}\r\n\r\n'.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


async def test_a_file_is_stored_with_what_the_form_says_of_it(client: httpx.AsyncClient) -> None:
    content = os.urandom(300_000)
    answer = await client.post("/files/upload", files={"file": ("Größe 尺寸.bin", content, "application/x-own")})
    assert answer.status_code == 200
    attach = answer.json()
    assert attach["file_name"] == "Größe 尺寸.bin"
    assert attach["file_size"] == len(content)
    assert attach["content_type"] == "application/x-own"
    assert (await client.get(f"/files/{attach['file_id']}/download")).content == content


async def test_folder_and_bucket_come_from_the_query(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/files/upload", params={"folder": "a/b", "bucket": "other-bucket"}, files={"file": ("c.txt", b"c")}
    )
    assert answer.json()["file_id"].startswith("s3:other-bucket/a/b/")


async def test_a_type_that_says_nothing_is_found_out(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/files/upload", files={"file": ("photo", b"\x89PNG\r\n\x1a\n", "application/octet-stream")}
    )
    assert answer.json()["content_type"] == "image/png"


@pytest.mark.parametrize("name", ['say "hi".txt', "100%.txt", "a+b c;d=e.txt", "v1..2.pdf", "naïve—name.txt"])
async def test_names_with_special_characters_come_through(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.post("/files/upload", files={"file": (name, b"x")})
    assert answer.json()["file_name"] == name


async def test_fields_that_nobody_asked_for_are_passed_over(client: httpx.AsyncClient) -> None:
    body = _part("comment", None, b"before") + _part("file", "a.txt", b"content") + _part("more", None, b"after") + END
    answer = await client.post("/files/upload", content=body, headers=FORM)
    assert (answer.status_code, answer.json()["file_size"]) == (200, 7)


async def test_a_batch_is_stored_in_order(client: httpx.AsyncClient) -> None:
    answer = await client.post("/files/batch-upload", files=[("files", (f"{n}.txt", b"x" * n)) for n in range(1, 5)])
    assert [(each["file_name"], each["file_size"]) for each in answer.json()] == [(f"{n}.txt", n) for n in range(1, 5)]


@pytest.mark.parametrize("last", ["evil.exe", "", "too-large.bin"])
async def test_a_batch_with_one_bad_file_leaves_none(service: Service, client: httpx.AsyncClient, last: str) -> None:
    content = os.urandom(LIMIT + 1) if last == "too-large.bin" else b"x"
    body = _part("files", "good.txt", b"good") + _part("files", last, content) + END
    answer = await client.post("/files/batch-upload", content=body, headers=FORM)
    assert answer.status_code in {400, 413}
    assert answer.json().get("file_name", "") == last
    assert not service.kept.file_ids


async def test_a_batch_that_the_storage_breaks_leaves_none(service: Service, client: httpx.AsyncClient) -> None:
    stored = service.store.hold("write")
    service.store.fail("write", StorageOperationException("disk on fire", operation="upload"))
    stored.released.set()
    answer = await client.post("/files/batch-upload", files=[("files", ("1.txt", b"1")), ("files", ("2.txt", b"2"))])
    assert (answer.status_code, answer.json()["file_name"]) == (500, "2.txt")
    assert not service.kept.file_ids


@pytest.mark.parametrize("field", ["file", "files"])
async def test_a_form_without_the_file_says_which_field_is_missing(client: httpx.AsyncClient, field: str) -> None:
    path = {"file": "/files/upload", "files": "/files/batch-upload"}[field]
    answer = await client.post(path, files={"document": ("a.txt", b"x")})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == f"body.{field}: Field required"


async def test_a_malformed_form_is_refused_with_the_reason(service: Service, client: httpx.AsyncClient) -> None:
    answer = await client.post("/files/upload", content=_part("file", "a.txt", b"cut short"), headers=FORM)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ends before its closing boundary" in answer.json()["detail"]
    assert not service.kept.file_ids


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (_part("file", None, b"text") + END, "not a file"),
        (_part("file", "a", b"1") + _part("file", "b", b"2") + END, "more than one field 'file'"),
        (_part("file", "a/b.txt", b"x") + END, "path separator"),
    ],
)
async def test_a_form_that_holds_something_else_is_refused(
    service: Service, client: httpx.AsyncClient, body: bytes, told: str
) -> None:
    answer = await client.post("/files/upload", content=body, headers=FORM)
    assert answer.status_code == 400
    assert told in answer.json()["detail"]
    assert not service.kept.file_ids


async def test_a_file_of_the_largest_size_is_stored(client: httpx.AsyncClient) -> None:
    answer = await client.post("/files/upload", files={"file": ("a.bin", bytes(LIMIT))})
    assert (answer.status_code, answer.json()["file_size"]) == (200, LIMIT)


@both_parsers
@pytest.mark.parametrize("beyond", [1, 30_000_000], ids=["found while streaming", "declared"])
async def test_a_larger_file_is_refused(service: Service, client: httpx.AsyncClient, beyond: int) -> None:
    answer = await client.post("/files/upload", files={"file": ("a.bin", bytes(LIMIT + beyond))})
    assert answer.status_code == 413
    assert answer.json()["type"].endswith(":file-too-large")
    assert not service.kept.file_ids


async def test_a_length_that_gives_it_away_is_refused_before_the_body_is_sent(service: Service) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /files/upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: {10 * LIMIT}\r\nExpect: 100-continue\r\n"
        f"Content-Type: {FORM['Content-Type']}\r\n\r\n".encode()
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()


async def test_an_unavailable_storage_says_when_to_come_back(service: Service, client: httpx.AsyncClient) -> None:
    service.store.fail("write", StorageUnavailableException("too busy", operation="upload", retry_after=2.5))
    answer = await client.post("/files/upload", files={"file": ("a.txt", b"x")})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert answer.json()["retryable"] is True


@both_parsers
@pytest.mark.parametrize("path", ["/files/upload", "/files/batch-upload"])
async def test_a_client_that_disconnects_leaves_nothing(service: Service, path: str) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    field = path.removesuffix("-upload").removeprefix("/files/").replace("upload", "file").replace("batch", "files")
    gate = service.store.hold("write", after_bytes=1000)
    gate.released.set()
    complete = _part(field, "first.txt", bytes(2000)) if field == "files" else b""
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3000000\r\n"
        f"Content-Type: {FORM['Content-Type']}\r\n\r\n".encode()
        + complete
        + _part(field, "last.txt", bytes(5000))[:4000]
    )
    await gate.reached.wait()
    await until(lambda: len(service.kept.file_ids) == (field == "files"))
    writer.close()
    await until(lambda: not service.kept.file_ids)


@both_parsers
async def test_a_client_that_stalls_is_given_up(service: Service) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /files/upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3000000\r\n"
        f"Content-Type: {FORM['Content-Type']}\r\n\r\n".encode()
        + _part("file", "a.txt", b"begun")
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 408")
    writer.close()
    assert not service.kept.file_ids


@both_parsers
async def test_bytes_are_taken_only_as_fast_as_they_are_stored(service: Service) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    gate = service.store.hold("write", after_bytes=1000)
    _, writer = await asyncio.open_connection(host, int(port))
    writer.transport.set_write_buffer_limits(high=0)
    # Chunked, for a declared length would be refused at once.
    writer.write(
        f"POST /files/upload HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n"
        f"Content-Type: {FORM['Content-Type']}\r\n\r\n".encode()
        + _chunk(_part("file", "a.txt", bytes(2000))[:-2])
    )
    await gate.reached.wait()
    taken = 0
    with contextlib.suppress(TimeoutError):
        while taken < 100_000_000:
            writer.write(_chunk(bytes(1_000_000)))
            async with asyncio.timeout(0.5):
                await writer.drain()
            taken += 1_000_000
    # What fills the buffers of both kernels and of the server.
    assert taken < 40_000_000
    gate.released.set()
    writer.transport.abort()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
