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
