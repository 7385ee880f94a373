"""The domain's exceptions for what goes wrong in the protocol: the only place that decides."""

import errno
import os
from types import TracebackType
from typing import Final

from aiofdfs.async_connection import AsyncConnectionError
from aiofdfs.exceptions import FDFSError

from s3py_helper.adapters.fastdfs.protocol.faults import (
    ConnectionFault,
    Fault,
    PoolClosed,
    PoolExhausted,
    ProtocolFault,
    Role,
    ServerRefusal,
    SpoolFault,
)
from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId

_UNAVAILABLE: Final = StorageUnavailableException
_FAILED: Final = StorageOperationException
_NOT_FOUND: Final = FileNotFoundException

FAULTS: Final[dict[type[Exception], type[StorageException]]] = {
    ConnectionFault: _UNAVAILABLE,
    PoolExhausted: _UNAVAILABLE,
    PoolClosed: _FAILED,
    ProtocolFault: _FAILED,
    SpoolFault: _FAILED,
    AsyncConnectionError: _UNAVAILABLE,
    FDFSError: _FAILED,
}
"""For everything but a refusal, which depends on its status."""

_STATUSES: Final[dict[int, tuple[type[StorageException], str]]] = {
    errno.EPERM: (AccessDeniedException, "does not permit it"),
    errno.EACCES: (AccessDeniedException, "does not permit it"),
    errno.ENOSPC: (_FAILED, "has no space left"),
    errno.EAGAIN: (_UNAVAILABLE, "is busy"),
    errno.EBUSY: (_UNAVAILABLE, "is busy"),
    errno.ENOMEM: (_UNAVAILABLE, "is out of memory"),
    errno.EMFILE: (_UNAVAILABLE, "has too many open files"),
    errno.ENFILE: (_UNAVAILABLE, "has too many open files"),
    errno.ETIMEDOUT: (_UNAVAILABLE, "took too long"),
}

_NO_STORAGE: Final = (
    _UNAVAILABLE,
    "knows no storage server that could serve this: those of the group are down, or there is no such group",
)
_NO_FILE: Final = (_NOT_FOUND, "has no such file")
_NOT_A_NAME: Final = (_NOT_FOUND, "does not take this for the name of a file")

_STATUSES_BY_ROLE: Final[dict[tuple[Role, int], tuple[type[StorageException], str]]] = {
    (Role.TRACKER, errno.ENOENT): _NO_STORAGE,
    (Role.STORAGE, errno.ENOENT): _NO_FILE,
    (Role.TRACKER, errno.EINVAL): _NOT_A_NAME,
    (Role.STORAGE, errno.EINVAL): _NOT_A_NAME,
}


class translated:  # noqa: N801 - a context manager, read as a verb
    """Translates what the block raises into a `StorageException`. Callers' errors and cancellations pass unchanged."""

    def __init__(self, operation: str, file_id: FileId | None = None) -> None:
        self._operation = operation
        self._file_id = file_id

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise the counterpart of the error, if it has one."""
        if isinstance(error, Fault | SpoolFault | AsyncConnectionError | FDFSError):
            raise public_error(error, self._operation, self._file_id) from error


def public_error(error: Exception, operation: str, file_id: FileId | None = None) -> StorageException:
    """The exception that the caller gets."""
    kind, message = _kind_and_message(error, about_a_file=file_id is not None)
    text = None if file_id is None else str(file_id)
    subject = f"{operation} of {text}" if text else operation
    return kind(f"{subject}: {message}", operation=operation, file_id=text, backend=Backend.FASTDFS)


def _kind_and_message(error: Exception, *, about_a_file: bool) -> tuple[type[StorageException], str]:
    if not isinstance(error, ServerRefusal):
        kind = next(kind for cause, kind in FAULTS.items() if isinstance(error, cause))
        return kind, str(error)
    key = (error.peer.role, error.status)
    if about_a_file or key == (Role.TRACKER, errno.ENOENT):
        kind, meaning = _STATUSES_BY_ROLE.get(key) or _by_status(error.status)
    else:
        kind, meaning = _by_status(error.status)
    return kind, f"{error.peer} {meaning} (status {error.status})"


def _by_status(status: int) -> tuple[type[StorageException], str]:
    return _STATUSES.get(status, (_FAILED, f"failed: {os.strerror(status)}"))
