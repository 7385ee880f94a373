"""From what the service and the network say to the exceptions of this package: tables, and one context manager."""

import ssl
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from s3py_helper.adapters.s3.api.dates import moment_of
from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.evidence import NotConfirmed
from s3py_helper.adapters.s3.api.xml import NotXml
from s3py_helper.adapters.s3.http import faults
from s3py_helper.domain.errors import (
    AccessDeniedException,
    BucketNotFoundException,
    FileNotFoundException,
    IntegrityException,
    InvalidArgumentException,
    InvalidRangeException,
    PreconditionFailedException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend

type Kind = type[StorageException]

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
_CODES: Final[dict[Kind, str]] = {
    BucketNotFoundException: "NoSuchBucket",
    FileNotFoundException: "NoSuchKey NoSuchUpload NoSuchVersion NotFound 404",
    AccessDeniedException: (
        "AccessDenied AccountProblem AllAccessDisabled AuthorizationHeaderMalformed ExpiredToken Forbidden 403 "
        "InvalidAccessKeyId InvalidClientTokenId InvalidPayer InvalidSecurity InvalidToken MissingSecurityHeader "
        "NotSignedUp RequestExpired RequestTimeTooSkewed SignatureDoesNotMatch TokenRefreshRequired "
        "UnauthorizedAccess UnrecognizedClientException"
    ),
    StorageUnavailableException: (
        "BandwidthLimitExceeded Busy InternalError InternalFailure OperationAborted RequestLimitExceeded "
        "RequestTimeout ServerBusy ServiceUnavailable SlowDown SlowDownRead SlowDownWrite Throttling "
        "ThrottlingException TooManyRequests UnknownError 500 502 503 504"
    ),
    PreconditionFailedException: "ConditionalRequestConflict NotModified PreconditionFailed 412",
    InvalidRangeException: "InvalidRange 416",
    IntegrityException: "BadDigest IncompleteBody InvalidDigest XAmzContentChecksumMismatch XAmzContentSHA256Mismatch",
    InvalidArgumentException: (
        "EntityTooLarge EntityTooSmall InvalidBucketName InvalidObjectName InvalidPart InvalidPartOrder "
        "KeyTooLongError MetadataTooLarge"
    ),
}
KIND_BY_CODE: Final[dict[str, Kind]] = {code: kind for kind, codes in _CODES.items() for code in codes.split()}

_KIND_BY_STATUS: Final[dict[int, Kind]] = {
    304: PreconditionFailedException,
    401: AccessDeniedException,
    403: AccessDeniedException,
    404: FileNotFoundException,
    408: StorageUnavailableException,
    412: PreconditionFailedException,
    416: InvalidRangeException,
    425: StorageUnavailableException,
    429: StorageUnavailableException,
}

_CLIENT_ERRORS: Final = 400
_SERVER_ERRORS: Final = 500
_FINAL: Final = frozenset({501, 505})
"""What the server does not know today it does not know tomorrow. Every other 5xx, 507, 520 to 530 and those of proxies
among them, says that the server failed this time."""

_MAKING_IDS: Final = frozenset({"upload", "copy"})

# Where the service's own words are too vague; elsewhere they are quoted.
_HINTS: Final = {
    "AuthorizationHeaderMalformed": "the region does not fit the bucket",
    "InvalidObjectState": "the object is archived and has to be restored before it can be read",
    "NoSuchBucket": "there is no such bucket",
    "NoSuchKey": "there is no such object",
    "PermanentRedirect": "the bucket is served at another endpoint",
    "PreconditionFailed": "the object is not the version that was asked for",
    "RequestTimeTooSkewed": "the clocks of this machine and of the service differ by more than 15 minutes",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "InvalidAccessKeyId": "the access key is not known there",
    "TemporaryRedirect": "the bucket is served at another endpoint for now",
}
_HINTS_BY_STATUS: Final = {
    301: _HINTS["PermanentRedirect"],
    307: _HINTS["TemporaryRedirect"],
    404: "there is no such object, or no such bucket",
}

# The first that fits counts.
_TRANSPORT: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], Kind, str], ...]] = (
    (ssl.SSLCertVerificationError, StorageOperationException, "its TLS certificate is not trusted"),
    ((ssl.SSLEOFError, ssl.SSLZeroReturnError), StorageUnavailableException, "it closed the TLS connection"),
    (ssl.SSLError, StorageOperationException, "no TLS connection"),
    (faults.NoProxy, StorageUnavailableException, "no connection to the proxy"),
    (faults.ProxyRefuses, StorageUnavailableException, "the proxy refuses to connect"),
    (faults.HostNotFound, StorageUnavailableException, "its host name cannot be resolved"),
    (faults.NoPlaceInTime, StorageUnavailableException, "no connection became free in time"),
    (faults.ClientClosed, StorageOperationException, "the backend was closed meanwhile"),
    (faults.ForeignClient, StorageOperationException, "the backend was opened elsewhere: open one here"),
    (faults.NotConnected, StorageUnavailableException, "no connection"),
    (faults.NoResponseInTime, StorageUnavailableException, "no response in time"),
    (TimeoutError, StorageUnavailableException, "no response in time"),
    (faults.EarlySuccess, StorageUnavailableException, "it reported success before it had the whole request"),
    (faults.BrokenOff, StorageUnavailableException, "the response broke off"),
    (faults.Disconnected, StorageUnavailableException, "it closed the connection without a response"),
    (faults.NotHttp, StorageUnavailableException, "its response is not HTTP"),
    (NotXml, StorageUnavailableException, "its response cannot be read"),
    (faults.HttpFault, StorageUnavailableException, "the connection failed"),
    (OSError, StorageUnavailableException, "the connection failed"),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error means here: its exception, the reason in words, and the seconds that the service asked to wait."""

    kind: Kind
    reason: str
    retry_after: float | None = None

    @property
    def retryable(self) -> bool:
        """Whether another attempt may succeed."""
        return self.kind.retryable_by_default


def failure_of(error: Exception) -> Failure | None:
    """What an error of a request means; `None` for one that comes from neither the service nor the network."""
    if isinstance(error, ErrorResponse):
        return failure_of_response(error)
    if isinstance(error, NotConfirmed):
        return Failure(StorageUnavailableException, str(error))
    for origin, kind, reason in _TRANSPORT:
        if isinstance(error, origin):
            system = error.__cause__ if isinstance(error, faults.HttpFault) else error
            detail = system.strerror if isinstance(system, OSError) else None
            if not detail and isinstance(error, faults.HttpFault):
                detail = str(error)
            return Failure(kind, f"{reason} ({detail})" if detail else reason)
    return None


def failure_of_response(response: ErrorResponse) -> Failure:
    """What an error response means."""
    kind = KIND_BY_CODE.get(response.code) or _kind_by_status(response.status)
    words = _HINTS.get(response.code) or response.message or _HINTS_BY_STATUS.get(response.status) or "it refuses"
    if region := response.headers.get("x-amz-bucket-region"):
        words += f" (the bucket's region is {region})"
    return Failure(kind, f"{words} [{response}]", _retry_after(response.headers))


def was_not_carried_out(error: Exception) -> bool:
    """Whether the request certainly changed nothing: it never reached the service, or the service refused it.

    A 5xx proves neither: it may come from a proxy in front of a server that has carried out the request, or still will.
    """
    return isinstance(error, faults.NotConnected) or (
        isinstance(error, ErrorResponse) and _CLIENT_ERRORS <= error.status < _SERVER_ERRORS
    )


def _kind_by_status(status: int) -> Kind:
    if status >= _SERVER_ERRORS and status not in _FINAL:
        return StorageUnavailableException
    return _KIND_BY_STATUS.get(status, StorageOperationException)


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """What an operation is about, for messages."""

    operation: str
    endpoint: str
    bucket: str | None = None
    key: str | None = None

    @property
    def file_id(self) -> str | None:
        """The id, where the caller knows it: a file that is being stored only gets one with success."""
        if self.bucket is None or self.key is None or self.operation in _MAKING_IDS:
            return None
        return f"s3:{self.bucket}/{self.key}"

    def __str__(self) -> str:
        """As it stands at the end of a message."""
        names = [f"S3 at {self.endpoint}"]
        if self.bucket is not None:
            names.append(f"bucket {self.bucket!r}")
        if self.key is not None:
            names.append(f"key {self.key!r}")
        return ", ".join(names)


@contextmanager
def translated(
    context: ErrorContext, failure_of: Callable[[Exception], Failure | None] = failure_of
) -> Generator[None]:
    """Raises what goes wrong inside as a `StorageException`; used around calls, reading and closing alike."""
    try:
        yield
    except StorageException:
        raise
    except Exception as error:
        # An SDK may raise anything; what has no counterpart here is a defect and passes unchanged.
        failure = failure_of(error)
        if failure is None:
            raise
        raise storage_exception(failure, context, error) from error


def storage_exception(failure: Failure, context: ErrorContext, error: Exception | None = None) -> StorageException:
    """The exception that a failure is raised as."""
    kind, reason, file_id = failure.kind, failure.reason, context.file_id
    if kind is FileNotFoundException and context.key is None:
        # A response without a code to a request for the bucket itself.
        kind, reason = BucketNotFoundException, reason.replace(_HINTS_BY_STATUS[404], _HINTS["NoSuchBucket"])
    message = f"{context.operation} failed: {reason}; {context}"
    if kind is InvalidRangeException:
        return InvalidRangeException(message, size=_total_size(error), file_id=file_id, backend=Backend.S3)
    if kind is StorageUnavailableException:
        return StorageUnavailableException(
            message,
            operation=context.operation,
            file_id=file_id,
            backend=Backend.S3,
            retry_after=failure.retry_after,
        )
    detail = None
    if issubclass(kind, InvalidArgumentException):
        detail = "the storage does not accept the file's name, size or metadata"
    return kind(message, operation=context.operation, file_id=file_id, backend=Backend.S3, detail=detail)


def _total_size(error: Exception | None) -> int | None:
    """The size in `Content-Range: bytes */<size>` of a response 416 (RFC 9110, 14.4)."""
    if not isinstance(error, ErrorResponse):
        return None
    size = error.headers.get("content-range", "").partition("/")[2]
    return int(size) if size.isdecimal() else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the header asks to wait, in either of its forms (RFC 9110, 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    until = moment_of(text)
    if until is None:
        return None
    # Both times are from the server's clock, so ours does not matter.
    now = moment_of(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())
