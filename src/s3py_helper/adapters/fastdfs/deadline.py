"""The time that a whole operation may take."""

from types import TracebackType

from s3py_helper.adapters.fastdfs.errors import translated
from s3py_helper.adapters.fastdfs.protocol.faults import Fault
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId


class within:  # noqa: N801 - a context manager, read as a preposition
    """Cancels the block after `seconds` seconds, and translates what it raises into a `StorageException`.

    The timeouts of a connection bound single waits. An operation has several: for a connection, for one tracker after
    the other, for a storage server and for the one that is asked in its place.
    """

    __slots__ = ("_file_id", "_limit", "_operation", "_seconds", "_session")

    def __init__(self, session: FastdfsSession, seconds: float, operation: str, file_id: FileId | None = None) -> None:
        self._session = session
        self._seconds = seconds
        self._operation = operation
        self._file_id = file_id

    def __enter__(self) -> None:
        """Start the clock."""
        try:
            self._limit = self._session.limit(self._seconds)
        except Fault as fault:
            translated(self._operation, self._file_id).__exit__(type(fault), fault, None)
            raise
        self._limit.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the clock; translate the error, if it is one of this adapter's."""
        try:
            self._limit.__exit__(kind, error, trace)
        except TimeoutError as late:
            raise self._too_late() from late
        if error is not None:
            translated(self._operation, self._file_id).__exit__(kind, error, trace)

    def _too_late(self) -> StorageUnavailableException:
        text = None if self._file_id is None else str(self._file_id)
        subject = f"{self._operation} of {text}" if text else self._operation
        return StorageUnavailableException(
            f"{subject}: the servers did not finish within {self._seconds:g} s",
            operation=self._operation,
            file_id=text,
            backend=Backend.FASTDFS,
        )
