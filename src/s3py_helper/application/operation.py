"""One operation on one backend: reported to the observer, its error completed with what was asked for."""

import asyncio
from time import monotonic
from types import TracebackType
from typing import Final, Self

from s3py_helper.application.ports.observer import Observer, OperationBegan, OperationEnded
from s3py_helper.domain.errors import StorageException

_GIVEN_UP: Final = (asyncio.CancelledError, GeneratorExit)


class Operation:
    """A context around the backend's work.

    Args:
        observer: Is notified when the block begins and ends; `None` where nobody wants to know.
        name: What is done, e.g. `"download"`.
        backend: The backend that does it.
        file_id: The id concerned, as the caller wrote it; `None` for a new file.

    Attributes:
        size: Bytes that went through, to be set by the block.
    """

    __slots__ = ("_backend", "_began", "_file_id", "_name", "_observer", "size")

    def __init__(self, observer: Observer | None, name: str, backend: str, file_id: str | None = None) -> None:
        self.size: int | None = None
        self._observer = observer
        self._name = name
        self._backend = backend
        self._file_id = file_id
        self._began = 0.0

    def __enter__(self) -> Self:
        if self._observer is not None:
            self._observer.notify(OperationBegan(self._backend, self._name, self._file_id))
            self._began = monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failure = error if isinstance(error, StorageException) else None
        if failure is not None:
            complete_error(failure, self._name, self._backend, self._file_id)
        if self._observer is None:
            return
        seconds = monotonic() - self._began
        cancelled = isinstance(error, _GIVEN_UP)
        self._observer.notify(
            OperationEnded(self._backend, self._name, self._file_id, seconds, self.size, failure, cancelled)
        )


def complete_error(error: StorageException, operation: str, backend: str, file_id: str | None) -> None:
    """Add the facts that an error lacks: the backend knows the place it looked at, the caller the id that was given."""
    error.operation = error.operation or operation
    error.backend = error.backend or backend
    if (file_id is not None and error.backend == backend) or error.file_id is None:
        error.file_id = file_id
