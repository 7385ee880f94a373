"""Which HTTP status each error of the tree has."""

from dataclasses import dataclass
from typing import Final

from s3py_helper.domain.errors import (
    AccessDeniedException,
    BucketNotFoundException,
    DeleteNotSupportedException,
    FileNotFoundException,
    FileTooLargeException,
    FileTypeMismatchException,
    IntegrityException,
    InvalidArgumentException,
    InvalidFileTypeException,
    InvalidRangeException,
    LinkNotValidException,
    PreconditionFailedException,
    RouteNotSupportedException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.migration import GateRefusedException
from s3py_helper.entrypoints.http.limits.errors import RequestTimedOutException, ServiceBusyException
from s3py_helper.entrypoints.http.uploads.body_digests import DigestMismatchException
from s3py_helper.entrypoints.http.uploads.form_errors import FormException

_NAMESPACE: Final = "urn:problem-type:s3py-helper:"


@dataclass(frozen=True, slots=True)
class Problem:
    """A kind of problem (RFC 9457): the status, and the two members that are the same for all of its kind."""

    status: int
    name: str
    title: str

    @property
    def uri(self) -> str:
        """What clients compare; it never changes."""
        return _NAMESPACE + self.name


PROBLEMS: Final[dict[type[StorageException], Problem]] = {
    InvalidArgumentException: Problem(400, "invalid-argument", "Invalid argument"),
    InvalidFileTypeException: Problem(400, "file-type-not-allowed", "File type not allowed"),
    FileTypeMismatchException: Problem(415, "content-contradicts-type", "The content is of another type"),
    FormException: Problem(400, "invalid-form", "Invalid form"),
    DigestMismatchException: Problem(400, "digest-mismatch", "Other bytes than the digest was made of"),
    RequestTimedOutException: Problem(408, "upload-timed-out", "Too few bytes came in time"),
    RouteNotSupportedException: Problem(403, "not-served-here", "Not served here"),
    DeleteNotSupportedException: Problem(403, "delete-switched-off", "Deleting is switched off"),
    LinkNotValidException: Problem(403, "link-not-valid", "Link not valid"),
    FileNotFoundException: Problem(404, "file-not-found", "File not found"),
    GateRefusedException: Problem(409, "not-safe-yet", "Not safe yet"),
    PreconditionFailedException: Problem(412, "precondition-failed", "Precondition failed"),
    FileTooLargeException: Problem(413, "file-too-large", "File too large"),
    InvalidRangeException: Problem(416, "range-not-satisfiable", "Range not satisfiable"),
    StorageException: Problem(500, "storage-failed", "Storage failed"),
    StorageOperationException: Problem(500, "storage-failed", "Storage failed"),
    # The credentials are this service's, not the client's: nothing that the client could send would change it.
    AccessDeniedException: Problem(500, "storage-denied-access", "The storage denied access to this service"),
    # Coming back later does not help before an operator has made the bucket or corrected its name.
    BucketNotFoundException: Problem(500, "bucket-not-found", "A bucket of this service is missing"),
    IntegrityException: Problem(500, "integrity-violated", "The stored bytes are damaged"),
    StorageUnavailableException: Problem(503, "storage-unavailable", "Storage unavailable"),
    ServiceBusyException: Problem(503, "service-busy", "Service busy"),
}

INVALID_HOST: Final = Problem(400, "invalid-host", "Invalid header Host")
HOST_NOT_ALLOWED: Final = Problem(421, "host-not-allowed", "Host not allowed")
ORIGIN_NOT_ALLOWED: Final = Problem(403, "origin-not-allowed", "Origin not allowed")
RATE_LIMITED: Final = Problem(429, "rate-limited", "Too many requests")
INVALID_LINK_TOKEN: Final = Problem(400, "invalid-link-token", "Invalid token")
INVALID_REQUEST: Final = Problem(422, "invalid-request", "Invalid request")
INTERNAL_ERROR: Final = Problem(500, "internal-error", "Internal error")


def problem_of(error: StorageException) -> Problem:
    """The kind of the error; subclasses made elsewhere are of the kind of their nearest base."""
    return next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
