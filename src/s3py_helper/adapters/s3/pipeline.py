"""One request to the service: addressed, signed, sent, sent again where that may help."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from s3py_helper.adapters.s3.addressing import Endpoint
from s3py_helper.adapters.s3.buffers import EMPTY, Buffer
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.credentials import CredentialSource
from s3py_helper.adapters.s3.errors import Place, failure_of, storage_exception
from s3py_helper.adapters.s3.payload import BufferPayload
from s3py_helper.adapters.s3.refusal import parse_refusal
from s3py_helper.adapters.s3.signing import EMPTY_PAYLOAD, UNSIGNED_PAYLOAD, Query, Signer, encoded_query
from s3py_helper.domain.errors import StorageOperationException

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_LARGEST_ERROR_BODY: Final = 64 * 1024
_SUCCESS: Final = frozenset({200, 204, 206})


@dataclass(frozen=True, slots=True)
class Request:
    """A request before it is signed; header names are in lower case. It can be sent any number of times."""

    operation: str
    method: str
    bucket: str
    key: str | None = None
    query: Query = ()
    headers: dict[str, str] = field(default_factory=dict)
    body: Buffer = EMPTY


class Pipeline:
    """Sends requests over one session.

    Args:
        session: Whose connections to use.
        endpoint: The service.
        signer: Signs for the service's region.
        credentials: Asked before each attempt, so that keys that expired meanwhile are replaced.
        perf: Timeouts and retries.
        proxy: Address of an HTTP proxy.
        sign_payload: Whether signatures cover bodies that go over plain HTTP.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        endpoint: Endpoint,
        signer: Signer,
        credentials: CredentialSource,
        perf: S3PerfConfig,
        *,
        proxy: str | None = None,
        sign_payload: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self._session = session
        self._signer = signer
        self._credentials = credentials
        self._perf = perf
        self._proxy = proxy
        # TLS protects bodies already; without it the signature has to.
        self._sign_payload = sign_payload and not endpoint.secure

    async def send(self, request: Request) -> aiohttp.ClientResponse:
        """The answer as soon as its head is there; whoever calls closes it.

        Raises:
            StorageException: The service refuses, or the last attempt failed.
        """
        payload_hash = await self._payload_hash(request.body)
        attempt = 0
        while True:
            try:
                return await self._attempt(request, payload_hash)
            except Exception as error:
                # Errors that the tables do not know are defects and pass unchanged.
                failure = failure_of(error)
                if failure is None:
                    raise
                if not failure.retryable or attempt >= self._perf.max_retries:
                    place = Place(request.operation, self.endpoint.url, request.bucket, request.key)
                    raise storage_exception(failure, place, error) from error
                await asyncio.sleep(pause_before(attempt, failure.retry_after))
            attempt += 1

    async def send_whole(self, request: Request) -> aiohttp.ClientResponse:
        """As `send`, for answers whose body does not matter: the connection is free again."""
        response = await self.send(request)
        response.release()
        return response

    async def signed_url(
        self, method: str, bucket: str, key: str, query: Query, headers: Mapping[str, str], *, expires_in: int
    ) -> str:
        """A link that carries its own signature."""
        address = self.endpoint.address(bucket, key)
        signed = self._signer.signed_query(
            await self._credentials.current(),
            method,
            address.path,
            query,
            {"host": address.host, **headers},
            expires_in=expires_in,
        )
        return f"{address.origin}{address.path}?{signed}"

    async def _payload_hash(self, body: Buffer) -> str:
        if not body.size:
            return EMPTY_PAYLOAD
        return await body.sha256() if self._sign_payload else UNSIGNED_PAYLOAD

    async def _attempt(self, request: Request, payload_hash: str) -> aiohttp.ClientResponse:
        address = self.endpoint.address(request.bucket, request.key)
        query = encoded_query(request.query)
        headers = {"host": address.host, **request.headers}
        self._signer.sign_headers(
            await self._credentials.current(),
            request.method,
            address.path,
            query,
            headers,
            payload_hash=payload_hash,
        )
        if self._session.closed:
            raise StorageOperationException(f"the S3 backend was closed meanwhile (S3 at {self.endpoint.url})")
        url = f"{address.origin}{address.path}?{query}" if query else f"{address.origin}{address.path}"
        response = await self._session.request(
            request.method,
            URL(url, encoded=True),
            headers=headers,
            data=BufferPayload(request.body, self._perf.read_timeout) if request.body.size else None,
            allow_redirects=False,
            proxy=self._proxy,
        )
        if response.status in _SUCCESS:
            return response
        async with response:
            raise parse_refusal(response.status, response.headers, await _beginning(response.content))


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """As much of an error answer as is worth reading."""
    body = b""
    while len(body) < _LARGEST_ERROR_BODY and (chunk := await content.readany()):
        body += chunk
    return body


def pause_before(attempt: int, asked_for: float | None = None) -> float:
    """Seconds to wait after the attempt of that number, counted from zero, has failed.

    Random within a growing bound, so that clients that failed together do not come back together:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/. What the service asks for is the least,
    within reason.
    """
    bound = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
    pause = random.uniform(0, bound)  # noqa: S311 - no secret depends on it
    return pause if asked_for is None else max(pause, min(asked_for, _LONGEST_PAUSE))
