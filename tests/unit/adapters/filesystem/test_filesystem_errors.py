import errno
import os
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.errors import taken, translated
from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    InvalidArgumentException,
    InvalidRangeException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId

FILE_ID = FileId.parse("fs:files/name.txt")


def _translation(code: int, operation: str = "upload") -> StorageException:
    with pytest.raises(StorageException) as caught, translated(operation, FILE_ID):
        raise OSError(code, os.strerror(code))
    return caught.value


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, StorageOperationException),
        (errno.EDQUOT, StorageOperationException),
        (errno.EROFS, AccessDeniedException),
        (errno.EACCES, AccessDeniedException),
        (errno.EMFILE, StorageUnavailableException),
        (errno.ENFILE, StorageUnavailableException),
        (errno.EEXIST, StorageOperationException),
        (errno.ENOTDIR, StorageOperationException),
        (errno.ENAMETOOLONG, InvalidArgumentException),
        (errno.ENOENT, StorageOperationException),
    ],
)
def test_the_systems_errors_have_counterparts(code: int, kind: type[StorageException]) -> None:
    assert type(_translation(code)) is kind


@pytest.mark.parametrize("code", sorted(errno.errorcode))
def test_every_error_names_operation_file_and_code(code: int) -> None:
    error = _translation(code)
    assert (error.operation, error.file_id, error.backend) == ("upload", str(FILE_ID), Backend.FILESYSTEM)
    assert str(error).startswith("upload failed: ")
    assert str(error).endswith(f"({errno.errorcode[code]}): {FILE_ID}")
    assert isinstance(error.__cause__, OSError)


@pytest.mark.parametrize("operation", ["download", "info", "delete"])
@pytest.mark.parametrize("code", [errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG])
def test_where_no_file_can_be_none_is_found(operation: str, code: int) -> None:
    assert type(_translation(code, operation)) is FileNotFoundException


def test_our_own_errors_learn_where_they_happened() -> None:
    with pytest.raises(InvalidRangeException) as caught, translated("download", FILE_ID):
        raise InvalidRangeException("no byte", size=3)
    assert (caught.value.file_id, caught.value.backend, caught.value.size) == (str(FILE_ID), Backend.FILESYSTEM, 3)
    assert caught.value.args == (caught.value.message,) == (f"no byte: {FILE_ID}",)


def test_opening_names_the_folder() -> None:
    with pytest.raises(AccessDeniedException, match="/srv/files"), translated("open", Path("/srv/files")):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_that_a_key_is_taken_is_told_to_clients_without_where() -> None:
    error = taken(FILE_ID)
    assert (error.operation, error.file_id, error.backend) == ("upload", str(FILE_ID), Backend.FILESYSTEM)
    assert error.detail == "something is there already"


def test_an_error_without_a_code_keeps_its_kind() -> None:
    with pytest.raises(StorageOperationException, match="the disk failed"), translated("info", FILE_ID):
        raise OSError


def test_what_is_no_error_of_the_disk_passes_unchanged() -> None:
    with pytest.raises(KeyboardInterrupt), translated("info", FILE_ID):
        raise KeyboardInterrupt
