"""Archives over HTTP."""

import io
import os
import zipfile

import httpx
import pytest

from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.entrypoints.http.downloads.archive import MAX_LIST_BYTES
from tests.integration.service.conftest import Service, both_parsers


async def _stored(client: httpx.AsyncClient, name: str, content: bytes) -> str:
    return str((await client.post("/files/upload", files={"file": (name, content)})).json()["file_id"])


def _contents(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


async def test_an_archive_holds_the_files_under_the_names_asked_for(client: httpx.AsyncClient) -> None:
    first, second = await _stored(client, "a.txt", b"aaa" * 100), await _stored(client, "b.txt", b"b")
    answer = await client.post(
        "/files/download-zip", json=[{"file_id": first, "file_name": "docs/Größe.txt"}, {"file_id": second}]
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == 'attachment; filename="files.zip"'
    assert _contents(answer.content) == {"docs/Größe.txt": b"aaa" * 100, "b.txt": b"b"}


async def test_the_length_is_told_when_nothing_is_compressed(client: httpx.AsyncClient) -> None:
    file_id = await _stored(client, "a.jpg", os.urandom(200_000))
    answer = await client.post("/files/download-zip", json=[{"file_id": file_id}], params={"compression": "never"})
    assert answer.headers["content-length"] == str(len(answer.content))
    compressed = await client.post("/files/download-zip", json=[{"file_id": file_id}], params={"compression": "always"})
    assert "content-length" not in compressed.headers


async def test_nothing_makes_an_empty_archive(client: httpx.AsyncClient) -> None:
    assert _contents((await client.post("/files/download-zip", json=[])).content) == {}


@pytest.mark.parametrize("verify_first", [True, False])
async def test_a_missing_file_is_a_problem_before_the_archive_begins(
    client: httpx.AsyncClient, *, verify_first: bool
) -> None:
    files = [{"file_id": "s3:my-bucket/none"}]
    answer = await client.post("/files/download-zip", json=files, params={"verify_first": verify_first})
    assert (answer.status_code, answer.json()["file_id"]) == (404, "s3:my-bucket/none")


async def test_a_missing_file_can_be_left_out(client: httpx.AsyncClient) -> None:
    files = [{"file_id": "s3:my-bucket/none"}, {"file_id": await _stored(client, "a.txt", b"a")}]
    answer = await client.post("/files/download-zip", json=files, params={"on_error": "skip"})
    assert _contents(answer.content).keys() == {"a.txt", "_missing.txt"}


async def test_a_name_cannot_add_lines_to_the_list_of_what_is_missing(client: httpx.AsyncClient) -> None:
    forged = "a.txt: stored (s3:my-bucket/a)\r\nb\n\u2028c\x1b[2J.txt"
    files = [{"file_id": "s3:my-bucket/none", "file_name": forged}]
    answer = await client.post("/files/download-zip", json=files, params={"on_error": "skip"})
    listed = _contents(answer.content)["_missing.txt"].decode()
    lines = listed.removesuffix("\r\n").splitlines()
    assert len(lines) == 2
    assert lines[1].endswith(": not found (s3:my-bucket/none)")
    assert lines[1].isprintable()


@both_parsers
async def test_a_file_that_breaks_off_cuts_the_connection(service: Service, client: httpx.AsyncClient) -> None:
    file_id = await _stored(client, "a.jpg", os.urandom(3_000_000))
    service.store.fail("read", StorageUnavailableException("gone"), after_bytes=2_500_000)
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post("/files/download-zip", json=[{"file_id": file_id}])


@pytest.mark.parametrize(
    ("body", "headers", "status", "told"),
    [
        ("[{}]", {"Content-Type": "application/json"}, 422, "body.0.file_id: Field required"),
        ("[{", {"Content-Type": "application/json"}, 422, "Invalid JSON"),
        ("{}", {"Content-Type": "application/json"}, 422, "valid array"),
        ("[]", {"Content-Type": "text/plain"}, 400, "application/json, got 'text/plain'"),
        ('[{"file_id": "s3:my-bucket"}]', {"Content-Type": "application/json"}, 400, "names no object key"),
        ('[{"file_id": "s3:secrets/x"}]', {"Content-Type": "application/json"}, 403, "bucket 'secrets'"),
    ],
)
async def test_a_list_that_cannot_be_served_is_a_problem(
    client: httpx.AsyncClient, body: str, headers: dict[str, str], status: int, told: str
) -> None:
    answer = await client.post("/files/download-zip", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert told in answer.json()["detail"]


async def test_a_long_list_is_served(client: httpx.AsyncClient) -> None:
    file_id = await _stored(client, "a.txt", b"a")
    answer = await client.post("/files/download-zip", json=[{"file_id": file_id}] * 2000)
    assert len(_contents(answer.content)) == 2000


async def test_a_list_without_end_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/files/download-zip", content=b"[" + b" " * MAX_LIST_BYTES, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


async def test_unknown_options_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/files/download-zip", json=[], params={"compression": "best"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["query", "compression"]
