"""Exit codes, and errors as one line."""

import sys
from enum import IntEnum
from typing import Final

from s3py_helper.domain.errors import (
    DeleteNotSupportedException,
    FileNotFoundException,
    FileTooLargeException,
    InvalidArgumentException,
    InvalidFileTypeException,
    LinkNotValidException,
    PreconditionFailedException,
    RouteNotSupportedException,
    StorageException,
    StorageUnavailableException,
)
from s3py_helper.domain.migration import GateRefusedException
from s3py_helper.entrypoints.cli.hints import hint
from s3py_helper.entrypoints.cli.logs import log_traceback


class ExitCode(IntEnum):
    """What scripts can rely on; `docs/cli.md` explains them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    UNAVAILABLE = 5
    BYTES_REACHED = 8
    TIME_REACHED = 10
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


_CODES: Final[dict[type[Exception], ExitCode]] = {
    FileNotFoundException: ExitCode.NOT_FOUND,
    InvalidFileTypeException: ExitCode.REFUSED,
    FileTooLargeException: ExitCode.REFUSED,
    RouteNotSupportedException: ExitCode.REFUSED,
    DeleteNotSupportedException: ExitCode.REFUSED,
    LinkNotValidException: ExitCode.REFUSED,
    PreconditionFailedException: ExitCode.REFUSED,
    FileExistsError: ExitCode.REFUSED,
    InvalidArgumentException: ExitCode.USAGE,
    FileNotFoundError: ExitCode.USAGE,
    IsADirectoryError: ExitCode.USAGE,
    NotADirectoryError: ExitCode.USAGE,
    GateRefusedException: ExitCode.REFUSED,
    StorageUnavailableException: ExitCode.UNAVAILABLE,
    BrokenPipeError: ExitCode.BROKEN_PIPE,
    StorageException: ExitCode.FAILED,
    OSError: ExitCode.FAILED,
}

HANDLED: Final = (StorageException, OSError)
"""Errors that get one line and a code; everything else is a defect and shows its traceback."""


def exit_code(error: Exception) -> ExitCode:
    """The code of the nearest base in the table."""
    return next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), ExitCode.FAILED)


def reported(error: Exception) -> ExitCode:
    """The error's code; its message goes to standard error, unless the reader of the output has left."""
    code = exit_code(error)
    if code is not ExitCode.BROKEN_PIPE:
        sys.stderr.write(f"s3py: {_message(error)}\n")
        log_traceback(error)
    return code


def _message(error: Exception) -> str:
    if isinstance(error, FileExistsError) and error.filename is not None:
        return f"{error.filename}: {error.strerror} (--force overwrites it)"
    if isinstance(error, OSError) and error.strerror is not None:
        return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    if isinstance(error, StorageException) and error.backend is not None:
        return f"{error}{hint(error, error.backend)}"
    return str(error)
