"""One operation on one backend: reported to the observer, its error completed with what was asked for."""

import asyncio
from time import monotonic
from types import TracebackType
from typing import Self

from s3py_helper.application.ports.observer import Observer, OperationBegan, OperationEnded
from s3py_helper.domain.errors import StorageException


class Operation:
    """A context around the backend's work.

    Args:
        observer: Is notified when the block begins and ends.
        name: What is done, e.g. `"download"`.
        backend: Who does it.
        file_id: The id concerned, as the caller wrote it; `None` for a new file.

    Attributes:
        size: Bytes that went through, to be set by the block.
    """

    __slots__ = ("_backend", "_began", "_file_id", "_name", "_observer", "size")

    def __init__(self, observer: Observer, name: str, backend: str, file_id: str | None = None) -> None:
        self.size: int | None = None
        self._observer = observer
        self._name = name
        self._backend = backend
        self._file_id = file_id
        self._began = 0.0

    def __enter__(self) -> Self:
        self._observer.notify(OperationBegan(self._backend, self._name, self._file_id))
        self._began = monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failure = error if isinstance(error, StorageException) else None
        if failure is not None:
            self._complete(failure)
        seconds = monotonic() - self._began
        cancelled = isinstance(error, asyncio.CancelledError | GeneratorExit)
        self._observer.notify(
            OperationEnded(self._backend, self._name, self._file_id, seconds, self.size, failure, cancelled)
        )

    def _complete(self, error: StorageException) -> None:
        """Add the facts that it lacks. Its backend speaks of the place it looked at, the caller of the id he gave."""
        error.operation = error.operation or self._name
        error.backend = error.backend or self._backend
        if (self._file_id is not None and error.backend == self._backend) or error.file_id is None:
            error.file_id = self._file_id
