"""The ability to tell whether a backend can be used."""

from typing import Protocol


class HealthCheck(Protocol):
    """A backend with a health check.

    `s3py_helper.testing.HealthContract` holds these promises as tests.
    """

    async def check(self) -> None:
        """Return when the backend responds and can be used; raise `StorageException` with the reason when it cannot.

        A check takes no longer than the backend's own timeouts allow (the caller cancels it after some seconds), leaves
        nothing behind, and may run while the store is in use. Before opening and after closing it raises a
        `StorageOperationException` that says so.
        """
        ...
