"""What stands on every backend: copies, signed links, the gauge of connections."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from pydantic import SecretStr

from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.token_config import digest_of
from tests.integration.service.backends import BACKENDS, settings_of
from tests.integration.service.raw import connected
from tests.integration.service.running import served

pytestmark = pytest.mark.timeout(90)

CONTENT = bytes(range(256)) * 4000
TOKENS = {
    "reader": {"sha256": digest_of("r"), "scopes": {"read"}},
    "writer": {"sha256": digest_of("w"), "scopes": {"write"}},
}


@pytest.fixture(params=BACKENDS)
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = settings_of(
        request,
        request.param,
        tmp_path,
        api_token=SecretStr("all"),
        tokens=TOKENS,
        link_keys={"k1": SecretStr("an-invented-secret-of-enough-characters")},
    )
    headers = {"Authorization": "Bearer all"}
    async with (
        served(create_app(settings), http="ours") as url,
        httpx.AsyncClient(base_url=url, timeout=30, headers=headers) as client,
    ):
        yield client


async def _stored(client: httpx.AsyncClient, content: bytes = CONTENT) -> str:
    answer = await client.put("/files/gr%C3%BCn%20a.txt", content=content, headers={"Content-Type": "text/x-own"})
    return str(answer.json()["file_id"])


async def test_a_copy_is_a_file_of_its_own(client: httpx.AsyncClient) -> None:
    file_id = await _stored(client)
    copied = await client.post(f"/files/{file_id}/copy")
    assert copied.status_code == 201, copied.text
    attach = copied.json()
    assert (attach["file_name"], attach["file_size"]) == ("grün a.txt", len(CONTENT))
    assert attach["content_type"] == "text/x-own"
    assert attach["file_id"] != file_id
    renamed = await client.post(f"/files/{file_id}/copy", params={"file_name": "b.bin", "folder": "copies"})
    assert renamed.json()["file_name"] == "b.bin"
    assert (await client.delete(f"/files/{file_id}")).status_code == 200
    for answer in (copied, renamed):
        there = await client.get(answer.headers["location"])
        assert (there.content, there.headers["content-type"]) == (CONTENT, "text/x-own")
        assert (await client.delete(answer.headers["location"])).status_code == 200
    assert (await client.post(f"/files/{file_id}/copy")).status_code == 404


async def test_what_cannot_be_copied_is_refused(client: httpx.AsyncClient) -> None:
    file_id = await _stored(client, b"x")
    for path, token, status in (
        (f"/files/{file_id}/copy", "r", 403),
        (f"/files/{file_id}/copy", "w", 403),
        (f"/files/{file_id}/copy?file_name=a%2Fb", "all", 400),
        ("/files/%00/copy", "all", 400),
    ):
        answer = await client.post(path, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path
    assert (await client.get(f"/files/{file_id}/copy")).status_code in {400, 403, 404}
    await client.delete(f"/files/{file_id}")


async def test_a_link_needs_no_token(client: httpx.AsyncClient) -> None:
    file_id = await _stored(client)
    link = (await client.post(f"/files/{file_id}/links", params={"file_name": "für dich.txt"})).json()
    upload = (await client.post("/files/upload-links", params={"file_name": "neu.txt", "max_size": 5})).json()
    stranger = {"Authorization": "Bearer nobody's"}
    whole = await client.get(link["url"], headers=stranger)
    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert "f%C3%BCr%20dich.txt" in whole.headers["content-disposition"]
    part = await client.get(link["url"], headers={"Range": "bytes=-3", **stranger})
    assert (part.status_code, part.content) == (206, CONTENT[-3:])
    assert (await client.get(f"/files/{file_id}", headers=stranger)).status_code == 401
    changed = await client.get(f"{link['url'][:-1]}x", headers=stranger)
    assert (changed.status_code, changed.json()["type"].rpartition(":")[2]) == (403, "link-not-valid")
    assert (await client.put(upload["url"], content=b"123456", headers=stranger)).status_code == 413
    stored = await client.put(upload["url"], content=b"12345", headers=stranger)
    assert stored.status_code == 201
    assert (await client.get(f"/files/{stored.json()['file_id']}")).content == b"12345"
    for stale in (file_id, stored.json()["file_id"]):
        assert (await client.delete(f"/files/{stale}")).status_code == 200
    assert (await client.get(link["url"], headers=stranger)).status_code == 404


async def _pool(client: httpx.AsyncClient) -> tuple[dict[str, float], dict[str, float]]:
    lines = [line.rpartition(" ") for line in (await client.get("/metrics")).text.splitlines()]
    found = {name: float(value) for name, _, value in lines if name.startswith("s3py_pool_connections")}
    in_use = {name: value for name, value in found.items() if "in_use" in name}
    return in_use, {name: value for name, value in found.items() if "limit" in name}


async def test_connections_in_use_are_told(client: httpx.AsyncClient, request: pytest.FixtureRequest) -> None:
    # More than the buffers on the way take, so that a reader who stands still keeps its connection.
    file_id = await _stored(client, bytes(24_000_000))
    in_use, limits = await _pool(client)
    assert set(in_use.values()) <= {0.0}
    if "disk" in request.node.name:
        assert in_use == limits == {}
        return
    assert all(limit >= 1 for limit in limits.values())
    async with connected(str(client.base_url).rstrip("/")) as reader:
        head = f"GET /files/{quote(file_id)} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer all\r\n\r\n"
        await reader.send(head.encode())
        await reader.reader.readexactly(1000)
        in_use, _ = await _pool(client)
        assert list(in_use.values()) == [1.0]
    for _ in range(1000):
        in_use, _ = await _pool(client)
        if list(in_use.values()) == [0.0]:
            break
    else:
        pytest.fail(f"still in use: {in_use}")
    await client.delete(f"/files/{file_id}")
