"""Descriptors and names that work in threads acquires, given back exactly once."""

from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

from s3py_helper.adapters.filesystem.errors import not_open


class Lease(ABC):
    """What one upload or download holds of the disk.

    A cancelled task leaves its work in a thread running. The lock makes giving back wait for that work, and work that
    starts later finds that there is nothing left to work on.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self.released = False

    def release(self) -> None:
        """Give everything back, once; may wait for work under way and for the disk: call it in a thread."""
        with self._lock:
            if not self.released:
                self._end()

    @contextmanager
    def _working(self) -> Generator[None]:
        """The lease is held, and stays so inside the block. It ends early only when the store is closed."""
        with self._lock:
            if self.released:
                raise not_open()
            yield

    def _end(self) -> None:
        """Give everything back; to be called while working."""
        self.released = True
        self._release()

    @abstractmethod
    def _release(self) -> None: ...
