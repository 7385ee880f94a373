"""Links that permit what they say, on the service and in the library."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from s3py_helper.adapters.memory.mount import open_backend
from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from s3py_helper.entrypoints.token_config import digest_of
from s3py_helper.storage import (
    InvalidArgumentException,
    LinkKey,
    LinkKeys,
    Mount,
    RouteNotSupportedException,
    ServiceLinks,
    StorageManager,
)
from tests.integration.service.running import served

pytestmark = pytest.mark.timeout(60)

SECRET = "an-invented-secret-of-enough-characters"
TOKENS = {
    "minter": {"sha256": digest_of("m"), "scopes": {"read", "write", "link"}, "folder": "a"},
    "reader": {"sha256": digest_of("r"), "scopes": {"read", "write"}},
    "linker": {"sha256": digest_of("l"), "scopes": {"link"}},
}


@asynccontextmanager
async def _client(root: Path, **more: object) -> AsyncGenerator[httpx.AsyncClient]:
    given = {
        "filesystem": FilesystemConfig(root=root),
        "link_keys": {"k1": SecretStr(SECRET)},
        "api_token": SecretStr("all"),
        "tokens": TOKENS,
    } | more
    app = create_app(Settings(_env_file=None, **given))  # type: ignore[arg-type]  # pydantic checks what tests give
    async with served(app, http="ours") as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


def _with(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _stored(client: httpx.AsyncClient, name: str = "ä b.txt", folder: str = "a") -> str:
    files = {"file": (name, b"0123456789")}
    response = await client.post("/files/upload", params={"folder": folder}, files=files, headers=_with("all"))
    return str(response.json()["file_id"])


async def _link(client: httpx.AsyncClient, path: str, token: str = "all", **query: object) -> dict[str, object]:
    response = await client.post(path, params=query, headers=_with(token))  # type: ignore[arg-type]  # texts and numbers
    assert response.status_code == 201, response.text
    assert response.headers["cache-control"] == "no-store"
    link: dict[str, object] = response.json()
    return link


async def test_a_link_gives_the_file_to_whoever_has_it(tmp_path: Path) -> None:
    async with _client(tmp_path) as client:
        file_id = await _stored(client)
        link = await _link(client, f"/files/{file_id}/links", "m", expires_in=60, file_name="für dich.txt", inline=True)
        url = str(link["url"])
        assert (link["method"], link["headers"]) == ("GET", {})
        expires_at = datetime.fromisoformat(str(link["expires_at"]))
        assert timedelta(seconds=50) < expires_at - datetime.now(UTC) <= timedelta(seconds=60)
        whole = await client.get(url)
        assert (whole.status_code, whole.content) == (200, b"0123456789")
        assert whole.headers["content-disposition"].startswith("inline")
        assert "f%C3%BCr%20dich.txt" in whole.headers["content-disposition"]
        assert whole.headers["referrer-policy"] == "no-referrer"
        assert whole.headers["cache-control"] == "private, no-cache"
        part = await client.get(url, headers={"Range": "bytes=2-4"})
        assert (part.status_code, part.content) == (206, b"234")
        assert (await client.head(url)).headers["content-length"] == "10"
        assert (await client.put(url, content=b"x")).status_code in {403, 405}
        assert (await client.delete(url)).status_code == 405


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "TEXT/HTML; charset=utf-8"])
async def test_no_link_makes_browsers_run_a_script_of_an_uploader(tmp_path: Path, content_type: str) -> None:
    async with _client(tmp_path) as client:
        link = await _link(client, f"/files/{await _stored(client)}/links", inline=True, content_type=content_type)
        response = await client.get(str(link["url"]))
        assert response.headers["content-type"] == content_type
        assert response.headers["content-disposition"].startswith("attachment")


async def test_every_refusal_is_the_same(tmp_path: Path) -> None:
    async with _client(tmp_path) as client:
        file_id, other = await _stored(client), await _stored(client)
        path, _, query = str((await _link(client, f"/files/{file_id}/links"))["url"]).partition("?")
        upload = str((await _link(client, "/files/upload-links", file_name="b.txt"))["url"])
        answers = [
            await client.get(path),
            await client.get(f"{path}?{query[:-1]}"),
            await client.get(f"{path}?{query}&inline=1"),
            await client.get(f"/signed/{other}?{query}"),
            await client.get(f"{path}?{query.replace('kid=k1', 'kid=k2')}"),
            await client.get("/signed/fs:files/none"),
            await client.get(upload),
            await client.put(upload.replace("b.txt", "c.txt"), content=b"x"),
        ]
        problems = [(answer.status_code, answer.json()) for answer in answers]
        expected = {
            "type": "urn:problem-type:s3py-helper:link-not-valid",
            "title": "Link not valid",
            "status": 403,
            "detail": "this link is not valid, or not any more",
            "retryable": False,
        }
        assert problems == [(403, expected)] * len(answers)


async def test_a_link_stores_a_file_within_its_bounds(tmp_path: Path) -> None:
    async with _client(tmp_path) as client:
        bounds = {"file_name": "ü.txt", "folder": "a/in", "content_type": "text/plain", "max_size": 10}
        link = await _link(client, "/files/upload-links", "m", **bounds)
        url = str(link["url"])
        assert (link["method"], link["headers"]) == ("PUT", {"Content-Type": "text/plain"})
        right = {"Content-Type": "text/plain"}
        stored = await client.put(url, content=b"0123456789", headers=right)
        assert stored.status_code == 201
        assert stored.json()["file_id"].startswith("fs:files/a/in/")
        assert (stored.json()["file_name"], stored.json()["file_size"]) == ("ü.txt", 10)

        async def chunks() -> AsyncGenerator[bytes]:
            yield b"x"

        for response, status in (
            (await client.put(url, content=b"0123456789x", headers=right), 413),
            (await client.put(url, content=b"x", headers={"Content-Type": "text/html"}), 400),
            (await client.put(url, content=b"x"), 400),
            (await client.put(url, content=chunks(), headers=right), 411),
            (await client.put(url, content=b"x", headers=right | {"Content-Encoding": "gzip"}), 415),
            (await client.put(url, content=b"x", headers=right | {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}), 400),
        ):
            assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
        listed = (await client.get("/files?prefix=a/in/", headers=_with("all"))).json()["files"]
        assert len(listed) == 1


async def test_who_may_sign_needs_the_right_to_do_it_himself(tmp_path: Path) -> None:
    async with _client(tmp_path) as client:
        inside, outside = await _stored(client), await _stored(client, folder="b")
        for token, path, status in (
            ("m", f"/files/{inside}/links", 201),
            ("m", f"/files/{outside}/links", 403),
            ("r", f"/files/{inside}/links", 403),
            ("l", f"/files/{inside}/links", 403),
            ("m", "/files/upload-links?file_name=x&folder=a", 201),
            ("m", "/files/upload-links?file_name=x&folder=b", 403),
            ("r", "/files/upload-links?file_name=x", 403),
            ("l", "/files/upload-links?file_name=x", 403),
        ):
            assert (await client.post(path, headers=_with(token))).status_code == status, (token, path)


@pytest.mark.parametrize(
    "query",
    ["expires_in=0", "expires_in=604801", "content_type=%0A", "expires_in=x", "file_name=a&file_name=b&expires_in=-1"],
)
async def test_a_link_that_cannot_be_is_a_problem(tmp_path: Path, query: str) -> None:
    async with _client(tmp_path) as client:
        response = await client.post(f"/files/{await _stored(client)}/links?{query}", headers=_with("all"))
        assert response.status_code in {400, 422}
        assert response.headers["content-type"] == "application/problem+json"


async def test_without_keys_there_are_no_links(tmp_path: Path) -> None:
    async with _client(tmp_path, link_keys={}) as client:
        response = await client.post(f"/files/{await _stored(client)}/links", headers=_with("all"))
        assert (response.status_code, "S3PY_LINK_KEYS" in response.json()["detail"]) == (400, True)
        assert (await client.get("/signed/fs:files/x?sig=x")).status_code == 404
        direct = await client.post(f"/files/{await _stored(client)}/links?direct=true", headers=_with("all"))
        assert direct.json()["type"].endswith(":not-served-here"), "the local disk signs nothing"


async def test_no_signature_and_no_secret_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with _client(tmp_path) as client:
        file_id = await _stored(client)
        url = str((await _link(client, f"/files/{file_id}/links"))["url"])
        signature = url.rpartition("=")[2]
        for request in (url, url.replace(file_id, "fs:files/none"), f"{url}x"):
            await client.get(request)
    ours = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
    assert "/signed/" in ours
    assert signature not in ours
    assert SECRET not in ours


# The library


def _manager() -> StorageManager:
    links = ServiceLinks(LinkKeys([LinkKey("k", SECRET)]), "https://files.example.com/storage/")
    return StorageManager(mounts=[Mount("memory", open_backend)], service_links=links)


async def test_the_library_makes_the_same_links() -> None:
    async with _manager() as manager:
        file_id = (await manager.upload_service.upload_bytes("ä.txt", b"x")).file_id
        links = manager.link_service.service_links
        assert links is not None
        url = await manager.link_service.service_link(file_id, timedelta(minutes=5), content_type="text/plain")
        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc) == ("https", "files.example.com")
        assert parts.path.startswith("/storage/signed/memory:files/")
        grant = links.read_grant(file_id, parts.query)
        assert (grant.file_name, grant.content_type, grant.inline) == (None, "text/plain", False)
        upload = urlsplit(manager.link_service.service_upload_link("a.txt", folder="in", max_size=0))
        assert links.write_grant("a.txt", upload.query).max_size == 0


async def test_a_link_to_what_is_not_served_is_not_made() -> None:
    async with _manager() as manager:
        links = manager.link_service
        with pytest.raises(RouteNotSupportedException):
            await links.service_link("s3:bucket/a")
        for wrong in ({"content_type": "a\nb"}, {"file_name": b"a"}, {"expires_in": 5}):
            with pytest.raises(InvalidArgumentException):
                await links.service_link("memory:files/a", **wrong)
        for name, more in (
            ("a/b", {}),
            ("a", {"folder": ".."}),
            ("a", {"max_size": -1}),
            ("a", {"content_type": "a\nb"}),
        ):
            with pytest.raises(InvalidArgumentException):
                links.service_upload_link(name, **more)
    with pytest.raises(InvalidArgumentException, match="S3PY_LINK_KEYS"):
        async with StorageManager.in_memory() as without:
            await without.link_service.service_link("memory:files/a")
