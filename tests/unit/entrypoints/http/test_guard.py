"""What pages of other sites can make a browser send is refused."""

from collections.abc import Hashable
from functools import lru_cache
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.http.guard import Guard
from s3py_helper.entrypoints.settings import Settings

HERE = "127.0.0.1:8000"


@lru_cache
def _app(settings: frozenset[tuple[str, Any]]) -> FastAPI:
    """One for all requests that come to the same settings: it takes fifty times as long to make as to answer."""
    return create_app(Settings(_env_file=None, **dict(settings)))


async def _response(method: str, path: str, headers: list[tuple[str, str]], **settings: Hashable) -> httpx.Response:
    # Without its lifespan the application has no storage: what is not refused before fails with 500.
    transport = httpx.ASGITransport(_app(frozenset(settings.items())), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        return await client.request(method, path, headers=raw)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        HERE,
        "127.8.9.10:80",
        "localhost",
        "LOCALHOST:8000",
        "localhost.:8000",
        "files.localhost",
        "[::1]",
        "[::1]:8000",
    ],
)
async def test_names_of_this_machine_are_served_without_a_token(host: str) -> None:
    assert (await _response("GET", "/openapi.json", [("Host", host)])).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "10.0.0.1",
        "192.168.1.1:8000",
        "[fe80::1]:8000",
        "0.0.0.0",
        "",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("GET", "/files/a/info"), ("POST", "/files/upload")])
async def test_other_names_are_refused_without_a_token(method: str, path: str, host: str) -> None:
    response = await _response(method, path, [("Host", host)])
    assert (response.status_code, response.headers["content-type"]) == (421, "application/problem+json")
    assert response.json()["type"].endswith(":host-not-allowed")
    assert "S3PY_ALLOWED_HOSTS" in response.json()["detail"]


@pytest.mark.parametrize("host", ["files.example", "FILES.example:443", "10.0.0.7:8000", "[fd00::7]:1", "localhost"])
async def test_further_names_can_be_allowed(host: str) -> None:
    allowed = frozenset({"Files.example", "10.0.0.7", "[fd00::7]"})
    assert (await _response("GET", "/openapi.json", [("Host", host)], allowed_hosts=allowed)).status_code == 200


async def test_every_name_can_be_allowed() -> None:
    for token in (None, SecretStr("token")):
        response = await _response(
            "GET", "/openapi.json", [("Host", "any.example")], allowed_hosts=frozenset({"*"}), api_token=token
        )
        assert response.status_code == 200


async def test_with_a_token_names_are_limited_only_when_they_are_listed() -> None:
    token, other = SecretStr("token"), [("Host", "any.example")]
    assert (await _response("GET", "/openapi.json", other, api_token=token)).status_code == 200
    for host, status in (("any.example", 421), ("files.example", 200)):
        response = await _response(
            "GET", "/openapi.json", [("Host", host)], api_token=token, allowed_hosts=frozenset({"files.example"})
        )
        assert response.status_code == status


@pytest.mark.parametrize("host", ["a b", "a/b", "a@b", "127.0.0.1:80:80", "127.0.0.1:x", "[::1", "a\xe9", "a#b", "a?b"])
async def test_a_malformed_host_is_refused(host: str) -> None:
    response = await _response("GET", "/openapi.json", [("Host", host)])
    assert (response.status_code, response.json()["type"]) == (400, "urn:problem-type:s3py-helper:invalid-host")


async def test_two_hosts_are_refused_even_if_they_agree() -> None:
    for token in (None, SecretStr("token")):
        response = await _response("GET", "/openapi.json", [("Host", HERE), ("Host", HERE)], api_token=token)
        assert (response.status_code, response.json()["type"]) == (400, "urn:problem-type:s3py-helper:invalid-host")


@pytest.mark.parametrize(("version", "status"), [("1.1", 400), ("1.0", None)])
def test_only_http_1_0_may_leave_the_host_out(version: str, status: int | None) -> None:
    refusal = Guard(None).refusal({"type": "http", "http_version": version, "method": "GET", "headers": []})
    assert (None if refusal is None else refusal.status_code) == status


FOREIGN = [
    [("Sec-Fetch-Site", "cross-site")],
    [("Sec-Fetch-Site", "same-site")],
    [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")],
    [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
    [("Sec-Fetch-Site", "nonsense")],
    [("Origin", "https://evil.example")],
    [("Origin", "http://localhost:8000")],
    [("Origin", "http://127.0.0.1:9000")],
    [("Origin", "http://127.0.0.1")],
    [("Origin", "null")],
    [("Origin", "http://[")],
    [("Origin", f"http://{HERE}"), ("Origin", "https://evil.example")],
]
OWN = [
    [],
    [("Sec-Fetch-Site", "same-origin"), ("Origin", f"http://{HERE}")],
    [("Sec-Fetch-Site", "none")],
    [("Origin", f"http://{HERE}")],
    [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://app.example")],
    [("Origin", "HTTPS://APP.example")],
]
UNSAFE = [
    ("POST", "/files/upload"),
    ("POST", "/files/batch-upload"),
    ("POST", "/files/download-zip"),
    ("DELETE", "/files/fs:files/x"),
]


def _status_of_guard(method: str, headers: list[tuple[str, str]], **settings: Any) -> int | None:
    guard = Guard.of(Settings(_env_file=None, **settings))
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in [("Host", HERE), *headers]]
    refusal = guard.refusal({"type": "http", "http_version": "1.1", "method": method, "headers": raw})
    return None if refusal is None else refusal.status_code


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(("method", "path"), UNSAFE)
async def test_a_foreign_page_can_change_nothing(method: str, path: str, headers: list[tuple[str, str]]) -> None:
    response = await _response(method, path, [("Host", HERE), *headers])
    assert (response.status_code, response.headers["content-type"]) == (403, "application/problem+json")
    assert response.json()["type"].endswith(":origin-not-allowed")
    assert "S3PY_ALLOWED_ORIGINS" in response.json()["detail"]


@pytest.mark.parametrize("headers", OWN)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
def test_own_and_allowed_pages_and_other_programs_are_let_in(method: str, headers: list[tuple[str, str]]) -> None:
    assert _status_of_guard(method, headers, allowed_origins={"https://App.example/"}) is None


@pytest.mark.parametrize("headers", FOREIGN)
def test_links_from_elsewhere_may_be_followed(headers: list[tuple[str, str]]) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        assert _status_of_guard(method, headers) is None


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_token_is_what_no_page_knows(headers: list[tuple[str, str]]) -> None:
    assert _status_of_guard("POST", headers, api_token=SecretStr("token")) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"host", b"origin", b"sec-fetch-site"]),
            st.text(st.characters(max_codepoint=255), max_size=30).map(lambda text: text.encode("latin-1")),
        )
    ),
    st.sampled_from(["GET", "POST"]),
)
def test_no_header_is_an_error(headers: list[tuple[bytes, bytes]], method: str) -> None:
    Guard({"files.example"}, loopback=True, origins=set()).refusal(
        {"type": "http", "http_version": "1.1", "method": method, "headers": headers}
    )
