"""AWS Signature Version 4 for S3, in headers and in URLs, and the keys that it is made with.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html. Peculiar to S3: a path is encoded
once and never normalised, so that keys like `a//b/../c` keep their meaning.
"""

import hmac
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Final, Protocol
from urllib.parse import quote

UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
EMPTY_PAYLOAD: Final = sha256(b"").hexdigest()

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_BLOCK: Final = 64
"""Bytes that SHA-256 takes at a time (FIPS 180-4)."""
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))

# Nearly every key: a match takes a tenth of the time of encoding.
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9._~/-]*")

type Query = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Credentials:
    """One set of keys; temporary ones come with a session token."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


class CredentialSource(Protocol):
    """Gives keys that are valid now; asked before every request."""

    async def current(self) -> Credentials:
        """The keys, refreshed where they had to be."""
        ...

    async def renew(self, refused: Credentials) -> bool:
        """The service has refused these keys: look for others. Returns whether `current` gives different ones now."""
        ...


@dataclass(frozen=True, slots=True)
class StaticCredentials:
    """Keys from the configuration: always the same."""

    credentials: Credentials

    async def current(self) -> Credentials:
        """The keys that were configured."""
        return self.credentials

    async def renew(self, refused: Credentials) -> bool:  # noqa: ARG002 - there are no others
        """There are no others."""
        return False


def encoded_path(key: str) -> str:
    """A key as it stands in a URL; slashes stay."""
    return key if _PLAIN_PATH.fullmatch(key) else quote(key, safe="/~")


def encoded_query(query: Query) -> str:
    """Parameters in the order and encoding that the signature covers."""
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in pairs)


class Signer:
    """Signs requests to one region.

    Key and scope depend on day and secret only; they are kept until one of these changes.

    Attributes:
        clock_offset: Seconds by which the service's clock is ahead of this machine's; 0 until that has mattered.
    """

    def __init__(self, region: str) -> None:
        self.clock_offset = 0.0
        self._region = region
        self._key_for: tuple[str, str] | None = None
        self._inner = self._outer = sha256()
        self._scope = ""

    def sign_headers(
        self,
        credentials: Credentials,
        method: str,
        path: str,
        query: str,
        headers: dict[str, str],
        *,
        payload_hash: str,
        now: float | None = None,
    ) -> None:
        """Add the headers that authenticate the request; all that are present are signed.

        Args:
            credentials: Whose request it is.
            method: HTTP method.
            path: Encoded path as it is sent.
            query: Encoded query as it is sent (`encoded_query`).
            headers: Lower-case names; must hold `host`.
            payload_hash: Hex SHA-256 of the body, or `UNSIGNED_PAYLOAD`.
            now: Seconds since the epoch, for tests.
        """
        timestamp = _timestamp(int(time.time() + self.clock_offset if now is None else now))
        headers["x-amz-date"] = timestamp
        headers["x-amz-content-sha256"] = payload_hash
        if credentials.session_token is not None:
            headers["x-amz-security-token"] = credentials.session_token
        names, canonical_headers = _canonical(headers)
        self._prepare(credentials.secret_key, timestamp[:8])
        signature = self._signature(
            timestamp, f"{method}\n{path}\n{query}\n{canonical_headers}\n{names}\n{payload_hash}"
        )
        headers["authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{self._scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )

    def signed_query(
        self,
        credentials: Credentials,
        method: str,
        path: str,
        query: Query,
        headers: Mapping[str, str],
        *,
        expires_in: int,
        now: float | None = None,
    ) -> str:
        """The query of a presigned URL, which anybody who has it can use for `expires_in` seconds.

        Whoever uses the URL must send every header given here with the same value.
        """
        timestamp = _timestamp(int(time.time() + self.clock_offset if now is None else now))
        self._prepare(credentials.secret_key, timestamp[:8])
        names, canonical_headers = _canonical(headers)
        parameters = [
            *query,
            ("X-Amz-Algorithm", _ALGORITHM),
            ("X-Amz-Credential", f"{credentials.access_key}/{self._scope}"),
            ("X-Amz-Date", timestamp),
            ("X-Amz-Expires", str(expires_in)),
            ("X-Amz-SignedHeaders", names),
        ]
        if credentials.session_token is not None:
            parameters.append(("X-Amz-Security-Token", credentials.session_token))
        unsigned = encoded_query(parameters)
        signature = self._signature(
            timestamp, f"{method}\n{path}\n{unsigned}\n{canonical_headers}\n{names}\n{UNSIGNED_PAYLOAD}"
        )
        return f"{unsigned}&X-Amz-Signature={signature}"

    def _prepare(self, secret_key: str, day: str) -> None:
        """Derive key and scope for this secret and day."""
        if self._key_for == (secret_key, day):
            return
        key = f"AWS4{secret_key}".encode()
        for element in (day, self._region, "s3", "aws4_request"):
            key = hmac.digest(key, element.encode(), "sha256")
        block = key.ljust(_BLOCK, b"\0")
        self._inner, self._outer = sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))
        self._key_for = secret_key, day
        self._scope = f"{day}/{self._region}/s3/aws4_request"

    def _signature(self, timestamp: str, canonical_request: str) -> str:
        digest = sha256(canonical_request.encode()).hexdigest()
        # HMAC (RFC 2104) from two hashes that have taken the key: the standard library's takes twice as long to copy,
        # and its `digest` releases the interpreter's lock, for which it then waits while other threads compress.
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(f"{_ALGORITHM}\n{timestamp}\n{self._scope}\n{digest}".encode())
        outer.update(inner.digest())
        return outer.hexdigest()


@lru_cache(maxsize=4)
def _timestamp(second: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))


def _canonical(headers: Mapping[str, str]) -> tuple[str, str]:
    names = sorted(headers)
    lines = "".join([f"{name}:{headers[name]}\n" for name in names])
    if " " in lines or "\t" in lines:
        # A run of blanks counts as one: proxies may fold it.
        lines = "".join([f"{name}:{' '.join(headers[name].split())}\n" for name in names])
    return ";".join(names), lines
