"""What is known of one request."""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import getrandbits
from time import monotonic
from typing import Final, Literal

from starlette.types import Scope

from s3py_helper.domain.errors import StorageException

type Headers = Iterable[tuple[bytes, bytes]]

type BrokenBy = Literal["client", "backend", "limit"]
"""Who ended an exchange before its end: the client left, the source failed, or a limit of time was reached."""

_KEY: Final = "s3py_helper.request"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACE_PARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
"""https://www.w3.org/TR/trace-context/#traceparent-header"""
_KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"})


@dataclass(slots=True, eq=False)
class RequestRecord:
    """Filled while the request is served.

    Attributes:
        method: As the client wrote it.
        known_method: The method as a label of metrics, for which clients may not write anything (OpenTelemetry, "HTTP
            server semantic conventions").
        path: Without the query: that may hold what is secret.
        client: The client's address.
        scheme: `http` or `https`.
        headers: The request's, as the server gives them.
        request_id: The client's own, that of its trace, or a random one.
        began: When, by `time.monotonic`.
        status: Status of the response, once it has begun.
        received: Bytes of the request's body that were taken.
        sent: Bytes of the response's body that were sent.
        first_byte_after: Seconds until the response began.
        seconds: How long all took.
        route: The template of the path (`/files/{file_id}/info`), never the path: it is a label of metrics.
        file_id: The id in the path.
        backend: The backend that was asked last.
        error: Why it failed, where storage did.
        outcome: What became of the response, where that is not plain.
        broken_by: Who ended it before its end.
        has_line: Whether a line of the log is written for it when it has ended.
    """

    method: str
    known_method: str
    path: str
    client: str
    scheme: str
    headers: Headers
    request_id: str
    began: float = field(default_factory=monotonic)
    status: int | None = None
    received: int = 0
    sent: int = 0
    first_byte_after: float | None = None
    seconds: float = 0.0
    route: str | None = None
    file_id: str | None = None
    backend: str | None = None
    error: StorageException | None = None
    outcome: str = ""
    broken_by: BrokenBy | None = None
    has_line: bool = False

    @classmethod
    def of(cls, scope: Scope) -> "RequestRecord":
        """The record of a request that has just come."""
        client, headers, method = scope["client"], scope["headers"], scope["method"]
        return cls(
            method=method,
            known_method=method if method in _KNOWN_METHODS else "_OTHER",
            path=scope["path"],
            client=client[0] if client else "",
            scheme=scope["scheme"],
            headers=headers,
            request_id=_request_id(headers),
        )

    def attach_to(self, scope: Scope) -> None:
        """Let others find it."""
        scope[_KEY] = self


current_request: Final[ContextVar[RequestRecord | None]] = ContextVar("s3py_helper_request", default=None)
"""The request that is being served where this is asked."""


def record_of(scope: Scope) -> RequestRecord | None:
    """The record of a request that is watched."""
    record: RequestRecord | None = scope.get(_KEY)
    return record


def _request_id(headers: Headers) -> str:
    trace: str | None = None
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(given := value.decode("latin-1")):
            return given
        if name == b"traceparent" and (match := _TRACE_PARENT.fullmatch(value.decode("latin-1"))):
            trace = match[1]
    # Random enough to tell requests apart; nobody gains by guessing one.
    return trace or f"{getrandbits(64):016x}"
