"""The ability to say whether a backend can be reached."""

from typing import Protocol


class HealthCheck(Protocol):
    """A backend that can be asked how it is.

    `s3py_helper.testing.HealthContract` holds these promises as tests.
    """

    async def check(self) -> None:
        """Return when the backend answers and can be used; raise `StorageException` with the reason when it cannot.

        A check takes no longer than the backend's own timeouts allow (the caller cancels it after some seconds), leaves
        nothing behind, and may run while the store is at work. Before opening and after closing it raises a
        `StorageOperationException` that says so.
        """
        ...
