"""One request to the service: addressed, signed, sent, sent again where that may help."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from s3py_helper.adapters.s3.api.addressing import Endpoint
from s3py_helper.adapters.s3.api.backoff import pause_before
from s3py_helper.adapters.s3.api.credentials import CredentialSource
from s3py_helper.adapters.s3.api.error_response import parse_error_response
from s3py_helper.adapters.s3.api.errors import ErrorContext, failure_of, storage_exception
from s3py_helper.adapters.s3.api.signing import EMPTY_PAYLOAD, UNSIGNED_PAYLOAD, Query, Signer, encoded_query
from s3py_helper.adapters.s3.api.xml import XmlDocument, read_xml
from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.http.client import HttpClient
from s3py_helper.adapters.s3.http.payload import EMPTY, Payload
from s3py_helper.adapters.s3.http.places import Hold, Place
from s3py_helper.adapters.s3.http.response import Response
from s3py_helper.domain.errors import StorageOperationException

_LARGEST_ERROR_BODY: Final = 64 * 1024
_SUCCESS: Final = frozenset({200, 204, 206})
_BRIEF_UP_TO: Final = 256 * 1024
"""Bytes of a body that fit into the socket's buffer, or nearly so."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request before it is signed; header names are in lower case. It can be sent any number of times."""

    operation: str
    method: str
    bucket: str
    key: str | None = None
    query: Query = ()
    headers: dict[str, str] = field(default_factory=dict)
    body: Payload = EMPTY


class RequestSender:
    """Sends requests over one client.

    Args:
        client: Whose connections to use.
        endpoint: The service.
        signer: Signs for the service's region.
        credentials: Asked before each attempt, so that keys that expired meanwhile are replaced.
        perf: Timeouts and retries.
        sign_payload: Whether signatures cover bodies that go over plain HTTP.
    """

    def __init__(
        self,
        client: HttpClient,
        endpoint: Endpoint,
        signer: Signer,
        credentials: CredentialSource,
        perf: S3PerfConfig,
        *,
        sign_payload: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self._client = client
        self._signer = signer
        self._credentials = credentials
        self._perf = perf
        # TLS protects bodies already; without it the signature has to.
        self._sign_payload = sign_payload and not endpoint.secure

    async def send(self, request: Request, place: Place | None = None) -> Response:
        """The response as soon as its head is there. It holds a place in the pool; the caller closes it.

        Args:
            request: The request.
            place: The place that `Response.detach` gave back, where this request resumes that response. Released when
                this one fails.

        Raises:
            StorageException: The service refuses, or the last attempt failed.
        """
        if place is None:
            place = await self._reserve(request, Hold.LASTING)
        try:
            response, _ = await self._send_until_taken(request, _as_it_comes, place)
        except BaseException:  # no response owns the place
            place.release()
            raise
        response.adopt(place)
        return response

    async def send_whole(self, request: Request) -> Mapping[str, str]:
        """As `send`, for responses whose body does not matter: gives the headers, and the connection is free again."""

        async def take(response: Response) -> Mapping[str, str]:
            response.close()
            return response.headers

        headers, _ = await self._send_in_a_place(request, take)
        return headers

    async def send_for_document(self, request: Request, *, must_have: str | None = None) -> XmlDocument:
        """As `send`, for answers in XML; one without the element that it must have counts as failed."""

        async def take(response: Response) -> XmlDocument:
            with response:
                return await read_xml(response, must_have)

        xml, attempts = await self._send_in_a_place(request, take)
        return replace(xml, attempts=attempts)

    async def _reserve(self, request: Request, hold: Hold) -> Place:
        """A place for all attempts; a wait for it that was in vain is not repeated here."""
        try:
            return await self._client.reserve(self.endpoint.address(request.bucket, request.key).origin, hold)
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                raise
            context = ErrorContext(request.operation, self.endpoint.url, request.bucket, request.key)
            raise storage_exception(failure, context, error) from error

    async def _send_in_a_place[Taken](
        self, request: Request, take: Callable[[Response], Awaitable[Taken]]
    ) -> tuple[Taken, int]:
        """As `_send_until_taken`, for requests that end by themselves."""
        place = await self._reserve(request, Hold.BRIEF if request.body.size <= _BRIEF_UP_TO else Hold.BULK)
        try:
            return await self._send_until_taken(request, take, place)
        finally:
            place.release()

    async def _send_until_taken[Taken](
        self, request: Request, take: Callable[[Response], Awaitable[Taken]], place: Place
    ) -> tuple[Taken, int]:
        """What was taken from the answer, and how many attempts that took."""
        payload_hash = await self._payload_hash(request)
        attempt = 0
        while True:
            try:
                return await take(await self._attempt(request, payload_hash, place)), attempt + 1
            except Exception as error:
                # Errors that the tables do not know are defects and pass unchanged.
                failure = failure_of(error)
                if failure is None:
                    raise
                if not failure.retryable or attempt >= self._perf.max_retries:
                    context = ErrorContext(request.operation, self.endpoint.url, request.bucket, request.key)
                    raise storage_exception(failure, context, error) from error
                await asyncio.sleep(pause_before(attempt, failure.retry_after))
            attempt += 1

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

    async def _payload_hash(self, request: Request) -> str:
        if not request.body.size:
            return EMPTY_PAYLOAD
        # The body of a POST is small, and decides what becomes of bodies that were sent before.
        signs = self._sign_payload or request.method == "POST"
        return await request.body.sha256() if signs else UNSIGNED_PAYLOAD

    async def _attempt(self, request: Request, payload_hash: str, place: Place) -> Response:
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
        if self._client.closed:
            raise StorageOperationException(f"the S3 backend was closed meanwhile (S3 at {self.endpoint.url})")
        target = f"{address.path}?{query}" if query else address.path
        response = await self._client.send(place, request.method, address.origin, target, headers, request.body)
        if response.status in _SUCCESS:
            return response
        with response:
            raise parse_error_response(response.status, response.headers, await _beginning(response))


async def _as_it_comes(response: Response) -> Response:
    return response


async def _beginning(response: Response) -> bytes:
    """As much of an error answer as is worth reading."""
    body = b""
    while len(body) < _LARGEST_ERROR_BODY and (chunk := await response.read()):
        body += chunk
    return body
