"""What can go wrong, as one tree.

StorageException
├── InvalidArgumentException              the caller's input is wrong
│   ├── InvalidFileTypeException          the file's type is not allowed here
│   │   └── FileTypeMismatchException     its content is of another type than its name says
│   ├── FileTooLargeException             more bytes than the limit
│   └── InvalidRangeException             the byte range lies outside the file
├── FileNotFoundException
├── RouteNotSupportedException            this deployment does not serve that backend or bucket
├── DeleteNotSupportedException           deleting there is switched off
├── LinkNotValidException                 the signed link permits nothing (any more)
├── PreconditionFailedException           the file is not the version that was asked for
└── StorageOperationException             the backend failed
    ├── AccessDeniedException             credentials are missing, wrong or not sufficient
    ├── BucketNotFoundException           the bucket itself is missing: nothing in it can be read, stored or listed
    ├── IntegrityException                the bytes are not the bytes that were stored
    └── StorageUnavailableException       out of reach or overloaded; trying again may help

Facts are attributes (`operation`, `file_id`, `backend`, `file_name`, `retryable`), so that nobody has to parse a text.
There are two texts: `message` is for operators and may name endpoints, buckets, keys and servers; `detail` is for
clients of a service and names nothing that the client did not write.
Cancellation and errors that a caller's own stream raises are not part of the tree: they pass through unchanged.
"""

from typing import ClassVar


class StorageException(Exception):
    """Base of everything that this package raises on purpose.

    Attributes:
        message: The text, without the facts below unless they help to understand it.
        operation: What was being done, e.g. `"upload"` or `"info"`; `None` where nothing had begun.
        file_id: The id concerned, as the caller wrote it.
        backend: `"s3"`, `"fastdfs"` or `"filesystem"`.
        file_name: The name of the file that was being uploaded; says which one of a batch failed.
        retryable: Whether the same call may succeed later without any change.
    """

    retryable_by_default: ClassVar[bool] = False

    told_to_clients: ClassVar[str | None] = "the storage failed"
    """The sentence that `detail` begins with; `None` where it is the message, which is about the client's own input."""

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        file_id: str | None = None,
        backend: str | None = None,
        file_name: str | None = None,
        retryable: bool | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.file_id = file_id
        self.backend = backend
        self.file_name = file_name
        self.retryable = self.retryable_by_default if retryable is None else retryable
        self._detail = detail

    @property
    def detail(self) -> str:
        """What a client of a service may read: what kind of error it is, with the client's own id and file name."""
        if self._detail is not None:
            return self._named(self._detail)
        if self.told_to_clients is None:
            return self._named(self.message)
        sentence = self.told_to_clients
        return self._named(sentence if self.file_id is None else f"{sentence}: {self.file_id}")

    def __str__(self) -> str:
        """The message, with the file's name where the message does not give it."""
        return self._named(self.message)

    def _named(self, text: str) -> str:
        return text if self.file_name is None or self.file_name in text else f"{text} (file {self.file_name!r})"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by state: a copy in another process has every fact, whatever its constructor asks for."""
        return _restored, (type(self), self.args, vars(self))


class InvalidArgumentException(StorageException, ValueError):
    """An argument, a name, an id or a setting is wrong; the message says what would be right.

    It is a `ValueError` as well: that is what a wrong value is in Python, and what pydantic takes for a refusal when a
    validator raises it.
    """

    told_to_clients: ClassVar[str | None] = None


class InvalidFileTypeException(InvalidArgumentException):
    """The file's type is not allowed by the whitelist or blacklist."""


class FileTypeMismatchException(InvalidFileTypeException):
    """What the file begins with cannot be of the type that its name, or its sender, says."""


class FileTooLargeException(InvalidArgumentException):
    """The file has more bytes than allowed; `limit` is the largest size in bytes that is."""

    def __init__(self, message: str, *, limit: int, file_name: str | None = None) -> None:
        super().__init__(message, operation="upload", file_name=file_name)
        self.limit = limit


class InvalidRangeException(InvalidArgumentException):
    """No byte of the range lies within the file (RFC 9110, 15.5.17); `size` is the file's, where known."""

    told_to_clients = "no byte of the range lies within the file"

    def __init__(
        self, message: str, *, size: int | None, file_id: str | None = None, backend: str | None = None
    ) -> None:
        super().__init__(message, operation="download", file_id=file_id, backend=backend)
        self.size = size


class FileNotFoundException(StorageException):
    """There is no such file."""

    told_to_clients = "no such file"


class RouteNotSupportedException(StorageException):
    """The id belongs to a backend or bucket that this deployment does not serve."""

    told_to_clients = None


class DeleteNotSupportedException(StorageException):
    """Deleting is switched off for the backend that the id belongs to."""

    told_to_clients = None


class LinkNotValidException(StorageException):
    """A signed link permits nothing of the kind, or nothing any more. It says the same whatever the reason is."""

    told_to_clients = "this link is not valid, or not any more"

    def __init__(self) -> None:
        super().__init__("this link is not valid, or not any more")


class PreconditionFailedException(StorageException):
    """The stored file is not the version that the caller named."""

    told_to_clients = "the file is not the version that was asked for"


class StorageOperationException(StorageException):
    """The backend refused or failed the operation."""


class AccessDeniedException(StorageOperationException):
    """The backend does not accept the credentials, or they do not permit the operation."""

    told_to_clients = "the storage denied access to this service"


class BucketNotFoundException(StorageOperationException):
    """The bucket does not exist: a fault of the deployment, not of the file that was asked for."""

    told_to_clients = "the storage has no such bucket"


class IntegrityException(StorageOperationException):
    """Size or checksum show that the bytes are not those that were stored; they must not be used."""

    told_to_clients = "the stored bytes are damaged"


class StorageUnavailableException(StorageOperationException):
    """The backend is out of reach, overloaded or too slow.

    `retry_after` is the number of seconds that the backend asked to wait, where it said so.
    """

    retryable_by_default = True
    told_to_clients = "the storage is out of reach or overloaded"

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        file_id: str | None = None,
        backend: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, operation=operation, file_id=file_id, backend=backend)
        self.retry_after = retry_after


def _restored(kind: type[StorageException], args: tuple[object, ...], facts: dict[str, object]) -> StorageException:
    error = kind.__new__(kind, *args)
    vars(error).update(facts)
    return error
