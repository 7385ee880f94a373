"""The exception tree."""

import pickle

import pytest

from s3py_helper.domain import errors
from s3py_helper.domain.errors import (
    FileTooLargeException,
    InvalidArgumentException,
    InvalidFileTypeException,
    InvalidRangeException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)

DENIED = "the storage denied access to this service"
OUTSIDE = "no byte of the range lies within the file"
CLIENTS_OWN = (InvalidArgumentException, errors.RouteNotSupportedException, errors.DeleteNotSupportedException)
"""Errors about the client's own input: the message is meant for it."""


def test_facts_are_attributes() -> None:
    error = StorageOperationException("refused", operation="upload", file_id="s3:abc/k", backend="s3")
    assert (error.operation, error.file_id, error.backend) == ("upload", "s3:abc/k", "s3")
    assert str(error) == error.message == "refused"
    assert not error.retryable


def test_being_unavailable_is_worth_another_try() -> None:
    error = StorageUnavailableException("busy", retry_after=3)
    assert error.retryable
    assert error.retry_after == 3


def test_an_error_says_which_file_of_a_batch_it_concerns() -> None:
    error = StorageException("no space left", file_name="b.txt")
    assert str(error) == "no space left (file 'b.txt')"
    assert str(StorageException("'b.txt' is odd", file_name="b.txt")) == "'b.txt' is odd"


def test_wrong_input_is_one_family() -> None:
    for kind in (InvalidFileTypeException, FileTooLargeException, InvalidRangeException):
        assert issubclass(kind, InvalidArgumentException)


def test_everything_public_in_the_module_belongs_to_the_tree() -> None:
    kinds = [value for name, value in vars(errors).items() if name.endswith("Exception")]
    assert len(kinds) >= 13
    assert all(issubclass(kind, StorageException) for kind in kinds)


@pytest.mark.parametrize(
    "error",
    [
        FileTooLargeException("too large", limit=5, file_name="a"),
        InvalidRangeException("no byte", size=7, file_id="fs:b/k"),
        StorageUnavailableException("down", operation="info", retry_after=1.5),
    ],
)
def test_an_error_travels_between_processes_with_its_facts(error: StorageException) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (
            errors.FileNotFoundException("no such object; S3 at http://h, bucket 'b', key 'k'", file_id="s3:b/k"),
            "no such file: s3:b/k",
        ),
        (StorageOperationException("upload failed; S3 at http://h, bucket 'b'"), "the storage failed"),
        (
            StorageUnavailableException("no connection; S3 at http://h"),
            "the storage is out of reach or overloaded",
        ),
        (errors.BucketNotFoundException("no such bucket; S3 at http://h"), "the storage has no such bucket"),
        (InvalidArgumentException("the name 'a/b' has a slash"), "the name 'a/b' has a slash"),
        (InvalidArgumentException("refused; S3 at http://h", detail="refused"), "refused"),
        (errors.AccessDeniedException("S3 at http://h", file_name="a.txt"), f"{DENIED} (file 'a.txt')"),
        (InvalidRangeException("no byte; S3 at http://h", size=1, file_id="s3:b/k"), f"{OUTSIDE}: s3:b/k"),
    ],
)
def test_a_client_is_told_the_kind_and_its_own_id_and_not_the_message_for_operators(
    error: StorageException, detail: str
) -> None:
    assert error.detail == detail


def test_what_backends_say_never_reaches_clients_unless_it_was_meant_for_them() -> None:
    for kind in (value for name, value in vars(errors).items() if name.endswith("Exception")):
        error = kind.__new__(kind)
        StorageException.__init__(error, "S3 at http://h, bucket 'b'", file_id="the-id")
        if kind.told_to_clients is None:
            assert issubclass(kind, CLIENTS_OWN)
        else:
            assert "http://h" not in error.detail
            assert error.detail.endswith(": the-id")
