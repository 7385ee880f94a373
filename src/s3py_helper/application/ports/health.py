"""The ability to say whether a backend can be reached."""

from typing import Protocol


class HealthCheck(Protocol):
    """A backend that can be asked how it is."""

    async def check(self) -> None:
        """Return when the backend answers; raise `StorageException` with the reason when it does not."""
        ...
