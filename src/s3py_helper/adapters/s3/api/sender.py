"""One request to the service: addressed, signed, sent, and sent again where that may help."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from types import MappingProxyType
from typing import Final, NamedTuple

from s3py_helper.adapters.s3.api.addressing import Endpoint
from s3py_helper.adapters.s3.api.corrections import Corrections
from s3py_helper.adapters.s3.api.error_response import parse_error_response
from s3py_helper.adapters.s3.api.errors import ErrorContext, failure_of, storage_exception
from s3py_helper.adapters.s3.api.evidence import content_follows, refusal
from s3py_helper.adapters.s3.api.recovery import Outcome, Recovery
from s3py_helper.adapters.s3.api.retrying import RetryPolicy
from s3py_helper.adapters.s3.api.signing import (
    EMPTY_PAYLOAD,
    UNSIGNED_PAYLOAD,
    Credentials,
    CredentialSource,
    Query,
    Signer,
    encoded_query,
)
from s3py_helper.adapters.s3.api.xml import XmlDocument, read_xml
from s3py_helper.adapters.s3.config import SLOWEST_BODY, S3PerfConfig
from s3py_helper.adapters.s3.http.client import HttpClient, Response
from s3py_helper.adapters.s3.http.payload import EMPTY, Payload
from s3py_helper.adapters.s3.http.places import Hold, Place
from s3py_helper.application.concurrency.deadlines import DeadlineWatch
from s3py_helper.application.ports.observer import Observer, RequestRetried
from s3py_helper.domain.file_id import Backend

_SLOW_REQUEST: Final = 1800.0
"""Seconds for a request that may keep the server busy for long; one attempt may take half of it."""

_SUCCESSFUL: Final = range(200, 300)
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

_BRIEF_UP_TO: Final = 256 * 1024
"""Bytes of a body that fit into the socket's buffer, or nearly so."""


class Request(NamedTuple):
    """A request before it is signed; header names are in lower case. It can be sent any number of times.

    A named tuple, because a frozen dataclass of ten fields takes 2 µs to make.

    Attributes:
        operation: What it is for, in messages.
        method: HTTP method.
        bucket: The bucket.
        key: The object; `None` for the bucket itself.
        query: Parameters.
        headers: Headers, in lower case.
        body: The body.
        slow: Whether the server may be busy for long: `read_timeout` then bounds its silence, half an hour the whole.
        once: Whether failures are final at once.
        outcome: Takes note of attempts that may have been carried out.
    """

    operation: str
    method: str
    bucket: str
    key: str | None = None
    query: Query = ()
    headers: Mapping[str, str] = _NO_HEADERS
    body: Payload = EMPTY
    slow: bool = False
    once: bool = False
    outcome: Outcome | None = None


class RequestSender:
    """Sends requests over one client.

    Args:
        client: Whose connections to use.
        endpoint: The service.
        signer: Signs for the service's region.
        credentials: Asked before each attempt, so that keys that expired meanwhile are replaced.
        perf: Timeouts and retries.
        observer: Is notified of retries.
        sign_payload: Whether signatures cover bodies that go over plain HTTP.
    """

    def __init__(
        self,
        client: HttpClient,
        endpoint: Endpoint,
        signer: Signer,
        credentials: CredentialSource,
        perf: S3PerfConfig,
        observer: Observer,
        *,
        sign_payload: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self.observer = observer
        self._client = client
        self._signer = signer
        self._credentials = credentials
        self._perf = perf
        self._retries = RetryPolicy(perf)
        self._deadlines = DeadlineWatch(perf.operation_timeout)
        # TLS already protects bodies; without it the signature has to.
        self._sign_payload = sign_payload and not endpoint.secure

    async def send(self, request: Request, place: Place | None = None) -> Response:
        """The response to a GET as soon as its head is there. It holds a place in the pool; the caller closes it.

        Args:
            request: The request.
            place: The place that `Response.detach` gave back, where this request resumes that response. Released when
                this one fails.

        Raises:
            StorageException: The service refuses, or the last attempt failed.
        """
        if place is None:
            requested = request.headers.get("range")
            hold = Hold.LASTING if requested is None else _hold_of(requested)
            place = self._client.take_place(hold) or await self._wait_for_place(request, hold)
        try:
            response = await self._send_until_taken(request, content_follows)
        except BaseException:  # no response owns the place
            place.release()
            raise
        response.adopt(place)
        return response

    async def send_whole[Taken](self, request: Request, take: Callable[[Response], Awaitable[Taken]]) -> Taken:
        """What `take` makes of the response; nothing more of it is read. Raises as `send` does.

        Args:
            request: The request.
            take: Reads the response as far as it matters. What it raises counts as a failure of the request.
        """
        hold = Hold.BRIEF if request.body.size <= _BRIEF_UP_TO else Hold.BULK
        place = self._client.take_place(hold) or await self._wait_for_place(request, hold)
        try:
            return await self._send_until_taken(request, take)
        finally:
            place.release()

    async def send_for_document(self, request: Request, *, must_have: str | None = None) -> XmlDocument:
        """A response in XML; one without the element that it must have counts as failed. Raises as `send` does."""
        return await self.send_whole(request, lambda response: read_xml(response, must_have))

    async def _wait_for_place(self, request: Request, hold: Hold) -> Place:
        """A place for all attempts; a wait that failed is not repeated."""
        try:
            return await self._client.wait_for_place(hold, self.endpoint.url)
        except Exception as error:
            # Errors that the tables do not know are defects and pass unchanged.
            failure = failure_of(error)
            if failure is None:
                raise
            raise storage_exception(failure, self._context_of(request), error) from error

    async def _send_until_taken[Taken](self, request: Request, take: Callable[[Response], Awaitable[Taken]]) -> Taken:
        """What was taken from the response to the first attempt that did not fail; the caller holds a place."""
        payload_hash = await self._payload_hash(request) if request.body.size else EMPTY_PAYLOAD
        seconds = _SLOW_REQUEST if request.slow else self._perf.operation_timeout + request.body.size / SLOWEST_BODY
        began = monotonic()
        recovery: Recovery | None = None
        attempts = 1
        while True:
            # At most half of the time, so that a connection that died silently leaves time for another one.
            limit = seconds / 2 if recovery is None else min(seconds / 2, recovery.time_left)
            credentials = await self._credentials.current()
            clock_offset = self._signer.clock_offset
            try:
                with self._deadlines.limit(limit):
                    taken = await self._attempt(request, payload_hash, credentials, take)
            except Exception as error:
                # Errors that the tables do not know are defects and pass unchanged.
                failure = failure_of(error)
                if failure is None:
                    raise
                recovery = recovery or self._recovery_of(request, began + seconds)
                retry = await recovery.after(error, failure, credentials, clock_offset)
                if retry is None:
                    raise storage_exception(failure, self._context_of(request), error) from error
            else:
                if recovery is not None:
                    self._retries.helped()
                return taken
            self._notify_of_retry(request, attempts, retry.pause, retry.reason)
            await asyncio.sleep(retry.pause)
            attempts += 1

    async def signed_url(
        self, method: str, bucket: str, key: str, query: Query, headers: Mapping[str, str], *, expires_in: int
    ) -> str:
        """A URL that carries its own signature."""
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

    def _recovery_of(self, request: Request, deadline: float) -> Recovery:
        corrections = Corrections(self._signer, self._credentials)
        return Recovery(self._retries, corrections, request.outcome, deadline, once=request.once)

    def _context_of(self, request: Request) -> ErrorContext:
        return ErrorContext(request.operation, self.endpoint.url, request.bucket, request.key)

    def _notify_of_retry(self, request: Request, attempt: int, pause: float, reason: str) -> None:
        file_id = self._context_of(request).file_id
        self.observer.notify(RequestRetried(Backend.S3, request.operation, attempt, pause, reason, file_id))

    async def _payload_hash(self, request: Request) -> str:
        # The body of a POST is small, and decides what happens to bodies that were sent before.
        signs = self._sign_payload or request.method == "POST"
        return await request.body.sha256() if signs else UNSIGNED_PAYLOAD

    async def _attempt[Taken](
        self,
        request: Request,
        payload_hash: str,
        credentials: Credentials,
        take: Callable[[Response], Awaitable[Taken]],
    ) -> Taken:
        address = self.endpoint.address(request.bucket, request.key)
        query = encoded_query(request.query) if request.query else ""
        headers = {"host": address.host, **request.headers}
        self._signer.sign_headers(
            credentials,
            request.method,
            address.path,
            query,
            headers,
            payload_hash=payload_hash,
        )
        target = f"{address.path}?{query}" if query else address.path
        response = await self._client.send(request.method, address.origin, target, headers, request.body)
        try:
            if response.status in _SUCCESSFUL:
                return await take(response)
            raise parse_error_response(response.status, response.headers, await refusal(response))
        except BaseException:  # nobody else knows of the response
            response.close()
            raise


def _hold_of(requested: str) -> Hold:
    """A short range fits into the connection's buffer, however slowly it is read; nothing else is known to."""
    first, _, last = requested.removeprefix("bytes=").partition("-")
    if last.isdecimal() and int(last) - int(first or 0) < _BRIEF_UP_TO:
        return Hold.BRIEF
    return Hold.LASTING
