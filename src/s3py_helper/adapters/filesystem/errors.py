"""From the operating system's errors to ours."""

import errno
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from types import TracebackType
from typing import Final

from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    InvalidArgumentException,
    PreconditionFailedException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId

type _Row = tuple[type[StorageException], str]

_TABLE: Final[Mapping[int, _Row]] = {
    errno.ENOSPC: (StorageOperationException, "the disk is full"),
    errno.EDQUOT: (StorageOperationException, "the disk quota is used up"),
    errno.EFBIG: (StorageOperationException, "the file is larger than the system allows"),
    errno.EROFS: (AccessDeniedException, "the disk is read-only"),
    errno.EACCES: (AccessDeniedException, "the system denies access"),
    errno.EPERM: (AccessDeniedException, "the system denies the operation"),
    errno.EMFILE: (StorageUnavailableException, "this process has too many open files"),
    errno.ENFILE: (StorageUnavailableException, "the system has too many open files"),
    errno.ENOMEM: (StorageUnavailableException, "the system is out of memory"),
    errno.ENOLCK: (StorageUnavailableException, "the system is out of locks"),
    errno.ETIMEDOUT: (StorageUnavailableException, "the disk does not answer"),
    errno.ESTALE: (StorageUnavailableException, "the disk was mounted anew meanwhile"),
    errno.EIO: (StorageOperationException, "the disk reports an input/output error"),
    errno.EMLINK: (StorageOperationException, "the folder holds as many folders as the disk allows"),
    errno.EEXIST: (StorageOperationException, "a file or folder of that name exists already"),
    errno.EISDIR: (StorageOperationException, "a folder has that name"),
    errno.ENOTDIR: (StorageOperationException, "a file has the name of a folder that is needed"),
    errno.ENAMETOOLONG: (InvalidArgumentException, "a part of the key is longer than the disk allows"),
    errno.EILSEQ: (InvalidArgumentException, "the disk does not accept the characters of the key"),
    errno.EOPNOTSUPP: (StorageOperationException, "the disk lacks an operation that is needed (locks, hard links)"),
    errno.ENOSYS: (StorageOperationException, "the disk lacks an operation that is needed (locks, hard links)"),
}

_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})
"""What the system says of a path where no file can be."""

_READING: Final = frozenset({"download", "info", "delete"})


class translated:  # noqa: N801 - used like the functions of contextlib
    """Turn the errors of disk work into `StorageException`s that name operation and subject.

    To be put around disk work alone: a caller's stream may raise operating-system errors of its own. Where work may
    fail for other reasons, `only` has the numbers of the errors that a disk is to blame for.

    No generator, and no name for the new error: through its traceback it would then refer to itself, and stay in memory
    with all frames of the traceback until Python looks for cycles.
    """

    __slots__ = ("_only", "_operation", "_subject")

    def __init__(
        self, operation: str, subject: FileId | Path | None = None, only: AbstractSet[int] | None = None
    ) -> None:
        self._operation = operation
        self._subject = subject
        self._only = only

    def __enter__(self) -> None:
        """Nothing is to be prepared."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, StorageException):
            _locate(error, self._operation, self._subject)
        elif isinstance(error, OSError) and (self._only is None or error.errno in self._only):
            raise _locate(_translate(error, self._operation), self._operation, self._subject) from error


def _translate(error: OSError, operation: str) -> StorageException:
    if operation in _READING and error.errno in _ABSENT:
        return FileNotFoundException("no such file")
    kind, reason = _TABLE.get(error.errno or 0, (StorageOperationException, error.strerror or "the disk failed"))
    code = errno.errorcode.get(error.errno or 0, "unknown")
    return kind(f"{operation} failed: {reason} ({code})")


def _locate[Error: StorageException](error: Error, operation: str, subject: FileId | Path | None) -> Error:
    error.operation = error.operation or operation
    error.backend = error.backend or Backend.FILESYSTEM
    if subject is not None:
        error.message = f"{error.message}: {subject}"
        error.args = (error.message,)
    if isinstance(subject, FileId):
        error.file_id = str(subject)
    return error


def taken(file_id: FileId) -> PreconditionFailedException:
    """Something has the key that a new file shall get."""
    return PreconditionFailedException(
        f"something is there already: {file_id}",
        operation="upload",
        backend=Backend.FILESYSTEM,
        file_id=str(file_id),
        detail="something is there already",
    )


def not_open() -> StorageOperationException:
    """The store is used outside its `async with`."""
    return StorageOperationException("the filesystem store is not open: use it inside 'async with store'")
