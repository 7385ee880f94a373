"""Our signatures against the SDK's own, for whatever S3 allows."""

import re
from urllib.parse import parse_qsl, quote, unquote

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth  # type: ignore[import-untyped]  # it ships no types
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials as SdkCredentials  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.s3.api.addressing import Endpoint
from s3py_helper.adapters.s3.api.signing import (
    EMPTY_PAYLOAD,
    UNSIGNED_PAYLOAD,
    Credentials,
    Signer,
    encoded_path,
    encoded_query,
)

NOW = 1_440_938_160.0
TIMESTAMP = "20150830T123600Z"

_text = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
_tricky = st.text("ab/. +%~*'()!$&,:;=@[]?#\\^`{|}<>\"é合🗂", min_size=1, max_size=40)
_keys = st.one_of(
    _text, _tricky, st.just("x" * 1024), st.sampled_from(["//", "..", "a/../b", "./a", "/", "a%2Fb", " "])
)
_token = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=12)
_value = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
_headers = st.dictionaries(_token.map("x-amz-meta-{}".format), _value, max_size=4)
_query = st.dictionaries(_tricky, _tricky, max_size=4)
_credentials = st.builds(
    Credentials,
    access_key=st.text("ABCDEFGH0123", min_size=1, max_size=20),
    secret_key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40),
    session_token=st.none() | st.text("abc/+=", min_size=1, max_size=60),
)
_endpoints = st.sampled_from(
    [
        Endpoint("http://127.0.0.1:9000"),
        Endpoint("https://s3.eu-central-1.amazonaws.com"),
        Endpoint("https://storage.example.com:8443/prefix", "virtual"),
        Endpoint("http://[::1]:80"),
    ]
)
_regions = st.sampled_from(["us-east-1", "eu-central-1", "auto"])


def _sdk_request(method: str, url: str, headers: dict[str, str]) -> AWSRequest:
    request = AWSRequest(method=method, url=url, headers=headers)
    request.context["timestamp"] = TIMESTAMP
    return request


def _sdk_credentials(credentials: Credentials) -> SdkCredentials:
    return SdkCredentials(credentials.access_key, credentials.secret_key, credentials.session_token)


@given(
    credentials=_credentials,
    region=_regions,
    endpoint=_endpoints,
    method=st.sampled_from(["GET", "PUT", "HEAD", "DELETE"]),
    key=_keys,
    query=_query,
    headers=_headers,
    payload_hash=st.sampled_from([EMPTY_PAYLOAD, UNSIGNED_PAYLOAD]),
)
def test_a_signature_is_the_one_that_the_sdk_makes(
    credentials: Credentials,
    region: str,
    endpoint: Endpoint,
    method: str,
    key: str,
    query: dict[str, str],
    headers: dict[str, str],
    payload_hash: str,
) -> None:
    address = endpoint.address("my-bucket", key)
    wire_query = encoded_query(query.items())
    signed = {"host": address.host, **headers}
    Signer(region).sign_headers(
        credentials, method, address.path, wire_query, signed, payload_hash=payload_hash, now=NOW
    )

    sent = {name: value for name, value in signed.items() if name != "authorization"}
    assert sent["x-amz-date"] == TIMESTAMP
    request = _sdk_request(method, f"{address.origin}{address.path}?{wire_query}", sent)
    auth = S3SigV4Auth(_sdk_credentials(credentials), "s3", region)
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    assert signed["authorization"].endswith(f"Signature={expected}")


@given(
    credentials=_credentials,
    region=_regions,
    endpoint=_endpoints,
    key=_keys,
    query=_query,
    expires_in=st.integers(1, 604_800),
)
def test_a_link_is_the_one_that_the_sdk_makes(
    credentials: Credentials, region: str, endpoint: Endpoint, key: str, query: dict[str, str], expires_in: int
) -> None:
    address = endpoint.address("my-bucket", key)
    ours = Signer(region).signed_query(
        credentials, "GET", address.path, query.items(), {"host": address.host}, expires_in=expires_in, now=NOW
    )

    request = _sdk_request("GET", f"{address.origin}{address.path}?{encoded_query(query.items())}", {})
    request.headers["host"] = address.host
    auth = S3SigV4QueryAuth(_sdk_credentials(credentials), "s3", region, expires=expires_in)
    auth._modify_request_before_signing(request)  # noqa: SLF001 - `add_auth` would take the time of the machine
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    assert ours.endswith(f"&X-Amz-Signature={expected}")
    assert dict(parse_qsl(ours)).items() >= {"X-Amz-Expires": str(expires_in), "X-Amz-SignedHeaders": "host"}.items()


def test_the_examples_of_the_manual() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, and the same for query strings."""
    keys = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    signer, now = Signer("us-east-1"), 1_369_353_600.0
    for _ in range(2):  # key and scope are kept
        headers = {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9"}
        signer.sign_headers(keys, "GET", "/test.txt", "", headers, payload_hash=EMPTY_PAYLOAD, now=now)
        assert headers["authorization"] == (
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        )
        host = {"host": "examplebucket.s3.amazonaws.com"}
        query = signer.signed_query(keys, "GET", "/test.txt", (), host, expires_in=86_400, now=now)
        assert query.endswith("=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


def test_requests_are_signed_by_the_clock_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3py_helper.adapters.s3.api.signing.time.time", lambda: NOW - 3600.5)
    signer, keys, headers = Signer("us-east-1"), Credentials("ak", "sk"), {"host": "h"}
    signer.clock_offset = 3600.75
    signer.sign_headers(keys, "GET", "/", "", headers, payload_hash=EMPTY_PAYLOAD)
    assert headers["x-amz-date"] == TIMESTAMP
    assert f"X-Amz-Date={TIMESTAMP}&" in signer.signed_query(keys, "GET", "/", (), {"host": "h"}, expires_in=1)


@given(_keys)
def test_an_encoded_path_means_the_key_and_nothing_else(key: str) -> None:
    path = encoded_path(key)
    assert unquote(path) == key
    assert re.fullmatch(r"(?:[A-Za-z0-9/._~-]|%[0-9A-F]{2})+", path)


def test_parameters_are_sorted_by_name_even_where_one_begins_like_another() -> None:
    # "=" comes after "-": sorting whole pairs would swap these two.
    assert encoded_query([("a-b", "1"), ("a", "2")]) == "a=2&a-b=1"


def test_the_signing_key_follows_the_day_and_the_secret() -> None:
    signer = Signer("us-east-1")

    def signature(secret: str, now: float) -> str:
        headers = {"host": "h"}
        signer.sign_headers(Credentials("ak", secret), "GET", "/", "", headers, payload_hash=EMPTY_PAYLOAD, now=now)
        return headers["authorization"]

    first = signature("one", NOW)
    assert signature("two", NOW) != first
    assert signature("one", NOW + 86_400) != first
    assert signature("one", NOW) == first


def test_keys_and_tokens_are_not_printed() -> None:
    printed = repr(Credentials("visible-id", "the-secret", "the-token"))
    assert "visible-id" in printed
    assert "the-secret" not in printed
    assert "the-token" not in printed


@pytest.mark.parametrize("key", ["a b", "a+b", "a%20b", "~", "é"])
def test_a_key_is_encoded_once(key: str) -> None:
    assert encoded_path(key) == quote(key, safe="/~")


@pytest.mark.parametrize("text", ["a  b", "a \t b", "a\tb", " a b "])
def test_a_run_of_blanks_in_a_header_counts_as_one(text: str) -> None:
    signatures: set[str] = set()
    for value in ("a b", text):
        headers = {"host": "h", "x-amz-meta-a": value}
        keys = Credentials("ak", "sk")
        Signer("us-east-1").sign_headers(keys, "GET", "/", "", headers, payload_hash=EMPTY_PAYLOAD, now=NOW)
        signatures.add(headers["authorization"])
    assert len(signatures) == 1
