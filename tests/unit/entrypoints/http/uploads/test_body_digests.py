"""Digests that come with a body."""

import hashlib
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from starlette.datastructures import Headers

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.http.uploads.body_digests import BodyDigests, DigestMismatchException

CONTENT = b"hello world"


def _of(algorithm: str, content: bytes = CONTENT) -> str:
    return b64encode(hashlib.new(algorithm, content).digest()).decode()


async def _taken(headers: dict[str, str] | Headers, content: bytes = CONTENT) -> bytes:
    async def body() -> AsyncGenerator[bytes]:
        yield content[:3]
        yield content[3:]

    given = headers if isinstance(headers, Headers) else Headers(headers)
    async with aclosing(BodyDigests(given).checked(body())) as checked:
        return b"".join([chunk async for chunk in checked])


RIGHT = [
    {},
    {"content-md5": _of("md5")},
    {"content-digest": f"sha-256=:{_of('sha256')}:"},
    {"repr-digest": f"sha-512=:{_of('sha512')}:, unixsum=:AAA=:"},
    {"repr-digest": f"sha=:{_of('sha1')}:;x=1 , md5=:{_of('md5')}:"},
    {"content-digest": "crc32=:DUoRhQ==:"},
    {"content-digest": "unknown=:AAAA:"},
]


@pytest.mark.parametrize("headers", RIGHT)
async def test_a_body_that_is_what_its_digests_say_comes_through(headers: dict[str, str]) -> None:
    assert await _taken(headers) == CONTENT


@pytest.mark.parametrize("headers", [headers for headers in RIGHT[1:] if "unknown" not in str(headers)])
async def test_another_body_is_refused_at_its_end(headers: dict[str, str]) -> None:
    with pytest.raises(DigestMismatchException) as refused:
        await _taken(headers, b"hello world!")
    assert refused.value.operation == "upload"
    assert f"is not the one that {next(iter(headers))} was made of" in str(refused.value).lower()


async def test_one_digest_that_is_wrong_is_enough() -> None:
    with pytest.raises(DigestMismatchException, match="sha-512"):
        await _taken({"content-digest": f"sha-256=:{_of('sha256')}:, sha-512=:{_of('sha512', b'x')}:"})


@pytest.mark.parametrize("name", [b"content-digest", b"repr-digest"])
async def test_a_header_may_come_in_several_lines(name: bytes) -> None:
    right, wrong = f"sha-256=:{_of('sha256')}:", f"sha-512=:{_of('sha512', b'x')}:"
    with pytest.raises(DigestMismatchException, match="sha-512"):
        await _taken(Headers(raw=[(name, right.encode()), (name, wrong.encode())]))


@pytest.mark.parametrize(
    "headers",
    [
        {"content-md5": "not base64!"},
        {"content-md5": "ü"},
        {"content-digest": "sha-256"},
        {"content-digest": "sha-256=:%:"},
        {"repr-digest": "sha-256=:AAA:"},
        {"repr-digest": ""},
    ],
)
def test_what_is_no_digest_is_refused_before_the_body_is_read(headers: dict[str, str]) -> None:
    (name,) = headers
    with pytest.raises(InvalidArgumentException, match=f"(?i){name}"):
        BodyDigests(Headers(headers))
