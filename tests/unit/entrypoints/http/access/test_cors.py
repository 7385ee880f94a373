"""Pages of other origins."""

from collections.abc import Hashable
from functools import lru_cache
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings

PAGE = "https://app.example.com"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, range"}


@lru_cache
def _made(settings: frozenset[tuple[str, Any]]) -> FastAPI:
    """One for all requests that come to the same settings: it takes longer to make than to answer."""
    app = create_app(Settings(_env_file=None, **dict(settings)))

    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError

    return app


def _app(**settings: Hashable) -> FastAPI:
    return _made(frozenset(settings.items()))


def _client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


@pytest.mark.parametrize("listed", [PAGE, f"{PAGE.upper()}/"])
@pytest.mark.parametrize("token", [None, SecretStr("t")])
async def test_a_listed_origin_may_ask_and_read(listed: str, token: SecretStr | None) -> None:
    async with _client(_app(allowed_origins=frozenset({listed}), api_token=token)) as client:
        preflight = await client.options("/files/upload", headers={"Origin": PAGE, **PREFLIGHT})
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == PAGE
        assert preflight.headers["access-control-allow-headers"] == "authorization, range"
        assert "access-control-allow-credentials" not in preflight.headers
        for path in ("/openapi.json", "/nowhere", "/bug", "/files/x/info"):
            response = await client.get(path, headers={"Origin": PAGE})
            assert response.headers["access-control-allow-origin"] == PAGE, path
            assert "Content-Range" in response.headers["access-control-expose-headers"]
            assert "Origin" in response.headers["vary"]


@pytest.mark.parametrize(
    "origin", ["https://other.example.com", "null", f"{PAGE}.evil.example", "http://app.example.com"]
)
@pytest.mark.parametrize("allowed", [frozenset({PAGE}), frozenset()])
async def test_no_other_origin_may(origin: str, allowed: frozenset[str]) -> None:
    async with _client(_app(allowed_origins=allowed)) as client:
        for response in (
            await client.options("/files/upload", headers={"Origin": origin, **PREFLIGHT}),
            await client.get("/openapi.json", headers={"Origin": origin}),
        ):
            assert "access-control-allow-origin" not in response.headers


async def test_every_origin_may_only_where_a_token_is_needed() -> None:
    with pytest.raises(ValueError, match=r"S3PY_ALLOWED_ORIGINS=\* lets every page"):
        _app(allowed_origins=frozenset({"*"}))
    async with _client(_app(allowed_origins=frozenset({"*"}), api_token=SecretStr("t"))) as client:
        response = await client.get("/files/x/info", headers={"Origin": PAGE})
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (401, "*")
