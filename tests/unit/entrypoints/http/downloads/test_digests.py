"""Digests by RFC 9530."""

import hashlib
from base64 import b64encode

import pytest

from s3py_helper.entrypoints.http.downloads.digests import digest_headers

CONTENT = b"hello world"
SHA256 = f"sha-256=:{b64encode(hashlib.sha256(CONTENT).digest()).decode()}:"
SHA512 = f"sha-512=:{b64encode(hashlib.sha512(CONTENT).digest()).decode()}:"
CRC32 = "crc32:0d4a1185"
CRC32_MEMBER = "crc32=:DUoRhQ==:"


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        ("sha-256=1", SHA256),
        ("sha-512=3, sha-256=10", SHA256),
        ("sha-512=3, sha-256=1", SHA512),
        ("sha-512=0, sha-256=1", SHA256),
        ("unixsum=10, sha-256=1", SHA256),
        ("sha-256=5;q=1", SHA256),
        ("crc32=5, sha-256=1", CRC32_MEMBER),
        ("md5=1", None),
        ("sha-256=0", None),
        ("sha-256", None),
        ("sha-256=11", None),
        ("sha-256=1, nonsense!", None),
        ("", None),
    ],
)
def test_the_best_that_is_wanted_and_to_be_had_is_sent(wish: str, found: str | None) -> None:
    headers = digest_headers({"want-repr-digest": wish}, CRC32, CONTENT, whole=True)
    assert headers == ({} if found is None else {"Repr-Digest": found})


def test_nothing_is_computed_that_was_not_asked_for() -> None:
    assert digest_headers({}, CRC32, CONTENT, whole=True) == {}


def test_a_part_has_its_own_digest_and_that_of_the_whole_where_it_is_known() -> None:
    headers = {"want-content-digest": "sha-256=1", "want-repr-digest": "sha-256=2, crc32=1"}
    assert digest_headers(headers, CRC32, CONTENT, whole=False) == {
        "Content-Digest": SHA256,
        "Repr-Digest": CRC32_MEMBER,
    }


def test_what_is_not_in_memory_is_not_read_for_a_digest() -> None:
    headers = {"want-content-digest": "sha-256=1", "want-repr-digest": "sha-256=2"}
    assert digest_headers(headers, "opaque:not-hex", None, whole=True) == {}
