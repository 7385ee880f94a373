"""Exit codes and messages."""

import errno
from collections.abc import Iterator

import pytest

from s3py_helper.domain import errors
from s3py_helper.entrypoints.cli.exits import ExitCode, exit_code, reported


def _tree(root: type[errors.StorageException]) -> Iterator[type[errors.StorageException]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


EXPECTED = {
    errors.StorageException: 1,
    errors.StorageOperationException: 1,
    errors.AccessDeniedException: 1,
    errors.BucketNotFoundException: 1,
    errors.IntegrityException: 1,
    errors.InvalidArgumentException: 2,
    errors.InvalidRangeException: 2,
    errors.FileNotFoundException: 3,
    errors.InvalidFileTypeException: 4,
    errors.FileTypeMismatchException: 4,
    errors.FileTooLargeException: 4,
    errors.RouteNotSupportedException: 4,
    errors.DeleteNotSupportedException: 4,
    errors.LinkNotValidException: 4,
    errors.PreconditionFailedException: 4,
    errors.StorageUnavailableException: 5,
}


def test_every_error_has_the_published_code() -> None:
    ours = {kind for kind in _tree(errors.StorageException) if kind.__module__ == errors.__name__}
    assert ours == EXPECTED.keys()
    assert {kind: exit_code(kind.__new__(kind)) for kind in ours} == EXPECTED


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            FileExistsError(errno.EEXIST, "exists already", "a.txt"),
            4,
            "s3py: a.txt: exists already (--force overwrites it)\n",
        ),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a"), 2, "s3py: a: No such file or directory\n"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "a"), 2, "s3py: a: Is a directory\n"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), 1, "s3py: a: Permission denied\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "s3py: No space left on device\n"),
        (OSError("odd"), 1, "s3py: odd\n"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141, ""),
        (errors.FileNotFoundException("no such file: x"), 3, "s3py: no such file: x\n"),
    ],
)
def test_an_error_is_one_line(capsys: pytest.CaptureFixture[str], error: Exception, code: int, message: str) -> None:
    assert reported(error) is ExitCode(code)
    assert capsys.readouterr() == ("", message)
