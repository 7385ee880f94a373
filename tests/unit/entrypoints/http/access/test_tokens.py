"""Tokens with scopes and folders, on the whole service."""

import logging
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from s3py_helper.entrypoints.token_config import digest_of

TOKENS: dict[str, dict[str, object]] = {
    "reader": {"sha256": digest_of("r"), "scopes": {"read"}},
    "writer": {"sha256": digest_of("w").upper(), "scopes": {"write"}},
    "cleaner": {"sha256": digest_of("d"), "scopes": {"delete"}},
    "lister": {"sha256": digest_of("l"), "scopes": {"list"}},
    "tenant": {"sha256": digest_of("t"), "scopes": {"read", "write", "delete", "list"}, "folder": "/tenants/a"},
    "blank": {"sha256": digest_of("b"), "scopes": {"read", "write", "delete", "list"}, "folder": "für dich"},
    "operator": {"sha256": digest_of("o"), "scopes": {"admin"}},
}


def _app(root: Path, **more: object) -> FastAPI:
    given = {
        "filesystem": FilesystemConfig(root=root, durability=False),
        "tokens": TOKENS,
        "api_token": SecretStr("all"),
    } | more
    return create_app(Settings(_env_file=None, **given))  # type: ignore[arg-type]  # pydantic checks what tests give


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def app(root: Path) -> FastAPI:
    """One for all tests: it takes longer to make than to answer."""
    return _app(root)


@pytest.fixture
async def client(app: FastAPI, root: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service, which has no files yet."""
    shutil.rmtree(root)
    async with _served(app) as client:
        yield client


@asynccontextmanager
async def _served(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    async with app.router.lifespan_context(app) as state:
        transport = httpx.ASGITransport(_WithState(app, state))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


class _WithState:
    """What an ASGI server does with the state of the lifespan: httpx knows nothing of it."""

    def __init__(self, app: FastAPI, state: Mapping[str, Any] | None) -> None:
        self._app, self._state = app, dict(state or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "state": self._state}, receive, send)


def _with(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _stored(client: httpx.AsyncClient, folder: str = "tenants/a") -> str:
    response = await client.post(
        "/files/upload", params={"folder": folder}, files={"file": ("a.txt", b"x")}, headers=_with("all")
    )
    return str(response.json()["file_id"])


@pytest.mark.parametrize(
    ("method", "path", "permitting"),
    [
        ("GET", "/files/{id}/download", "rt"),
        ("GET", "/files/{id}/download?inline=1", "rt"),
        ("HEAD", "/files/{id}/download", "rt"),
        ("GET", "/files/{id}/info", "rt"),
        ("POST", "/files/upload?folder=tenants/a", "wt"),
        ("POST", "/files/batch-upload?folder=tenants/a/b", "wt"),
        ("POST", "/files/download-zip", "rt"),
        ("GET", "/files/{id}", "rt"),
        ("PUT", "/files/b.txt?folder=tenants/a", "wt"),
        ("POST", "/files/{id}/copy?folder=tenants/a/b", "t"),
        ("GET", "/files?prefix=tenants/a/", "lt"),
        ("DELETE", "/files/{id}", "dt"),
    ],
)
async def test_a_token_permits_what_its_scopes_say(
    client: httpx.AsyncClient, method: str, path: str, permitting: str
) -> None:
    for token in "rwdlto":
        file_id = await _stored(client)
        body: dict[str, object] = {}
        if "zip" in path:
            body = {"json": [{"file_id": file_id}]}
        elif method == "PUT":
            body = {"content": b"y"}
        elif "upload" in path:
            body = {"files": {"files" if "batch" in path else "file": ("b.txt", b"y")}}
        response = await client.request(method, path.format(id=file_id), headers=_with(token), **body)  # type: ignore[arg-type]  # one of two
        assert response.is_success is (token in permitting), (token, response.text)
        if token not in permitting:
            assert response.status_code == 403
            assert 'error="insufficient_scope"' in response.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/files/{other}/download"),
        ("HEAD", "/files/{other}/download"),
        ("GET", "/files/{other}/info"),
        ("DELETE", "/files/{other}"),
        ("GET", "/files/{other}"),
        ("POST", "/files/{other}/copy?folder=tenants/a"),
        ("PUT", "/files/b.txt"),
        ("PUT", "/files/b.txt?folder=tenants/ab"),
        ("POST", "/files?folder=tenants/ab"),
        ("POST", "/files/upload"),
        ("POST", "/files/upload?folder=tenants/ab"),
        ("POST", "/files/upload?folder=tenants/a/../b"),
        ("POST", "/files/upload?folder=tenants/a&folder=tenants/b"),
        ("GET", "/files"),
        ("GET", "/files?prefix=tenants/a"),
        ("GET", "/files?prefix=tenants/a/&prefix=tenants/b/"),
        ("GET", "/files/group1/M00/00/00/wKgAAWUAAAAAAAAAAAAAAAAAAAA.txt/info"),
        ("GET", "/files/tenants/a/x/info"),
    ],
)
async def test_a_token_reaches_its_folder_only(client: httpx.AsyncClient, method: str, path: str) -> None:
    other = await _stored(client, "tenants/ab")
    files = {"file": ("b.txt", b"y")} if "upload" in path else None
    response = await client.request(method, path.format(other=other), headers=_with("t"), files=files)
    assert response.status_code == 403
    if method != "HEAD":
        assert response.json()["detail"] == "this token reaches the folder 'tenants/a/' only"
    assert (await client.get(f"/files/{other}/download", headers=_with("all"))).content == b"x"
    assert len((await client.get("/files", headers=_with("all"))).json()["files"]) == 1


async def test_a_token_reaches_a_folder_that_keys_have_escaped(client: httpx.AsyncClient) -> None:
    other = await _stored(client, "für~20dich")
    uploaded = await client.post(
        "/files/upload", params={"folder": "für dich/x"}, files={"file": ("a.txt", b"x")}, headers=_with("b")
    )
    file_id = uploaded.json()["file_id"]
    for prefix in ("für dich/", "für~20dich/", "für dich/x", "für~20dich/x"):
        listed = await client.get("/files", params={"prefix": prefix}, headers=_with("b"))
        assert [each["file_id"] for each in listed.json()["files"]] == [file_id]
    assert (await client.get(f"/files/{other}/info", headers=_with("b"))).status_code == 403
    assert (await client.delete(f"/files/{file_id}", headers=_with("b"))).status_code == 200


async def test_an_archive_has_no_file_that_the_token_does_not_reach(client: httpx.AsyncClient) -> None:
    wanted = [{"file_id": await _stored(client, folder)} for folder in ("tenants/a", "tenants/b")]
    for files, status in ((wanted[:1], 200), (wanted, 403)):
        response = await client.post("/files/download-zip?on_error=skip", json=files, headers=_with("t"))
        assert response.status_code == status


async def test_details_of_health_are_for_those_who_may_see_them(client: httpx.AsyncClient) -> None:
    for headers, told in ((_with("o"), True), (_with("all"), True), (_with("r"), False), (_with("?"), False)):
        assert ("backends" in (await client.get("/health", headers=headers)).json()) is told


async def test_no_token_shows_in_logs_or_descriptions(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "a-token-that-nobody-sees"
    app = _app(tmp_path, tokens={"x": {"sha256": digest_of(secret), "scopes": {"read"}}}, api_token=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        for headers in (_with(secret), _with(f"{secret}x")):
            await client.delete("/files/fs:files/x", headers=headers)
    assert secret not in caplog.text + str(app.openapi())
    assert digest_of(secret) not in caplog.text + str(app.openapi())


async def test_who_sends_too_much_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with _served(_app(tmp_path, rate_limit=0.01, rate_burst=3)) as client:
        for headers in (_with("r"), _with("l"), {}):
            responses = [await client.get("/files/fs:files/a/info", headers=headers) for _ in range(5)]
            assert [response.status_code == 429 for response in responses] == [False] * 3 + [True] * 2
            refused = responses[-1]
            assert refused.json()["type"] == "urn:problem-type:s3py-helper:rate-limited"
            assert 0 < int(refused.headers["retry-after"]) <= 100
        # Tokens that were made up have no budget of their own.
        assert (await client.get("/files/fs:files/a/info", headers=_with("made up"))).status_code == 429
        for _ in range(5):
            assert (await client.get("/health")).status_code == 200
