"""Facts for the few errors that memory has."""

from collections.abc import Generator
from contextlib import contextmanager

from s3py_helper.domain.errors import (
    FileNotFoundException,
    PreconditionFailedException,
    StorageException,
    StorageOperationException,
)
from s3py_helper.domain.file_id import FileId


@contextmanager
def located(operation: str, backend: str, file_id: FileId | None = None) -> Generator[None]:
    """Add to an error what was being done, and to which file, unless it says so itself."""
    try:
        yield
    except StorageException as error:
        error.operation = error.operation or operation
        error.backend = error.backend or backend
        if file_id is not None:
            error.file_id = error.file_id or str(file_id)
        raise


def not_found(file_id: FileId) -> FileNotFoundException:
    """There is no such file."""
    return FileNotFoundException(f"no such file: {file_id}")


def taken(file_id: FileId) -> PreconditionFailedException:
    """Something has the key that a new file shall get."""
    return PreconditionFailedException(f"something is there already: {file_id}", detail="something is there already")


def not_open() -> StorageOperationException:
    """The store is used outside its `async with`."""
    return StorageOperationException("the memory store is not open: use it inside 'async with store'")
