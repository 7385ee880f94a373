"""The health of the backends."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.pool_use import PoolUse
from s3py_helper.domain.errors import StorageException, StorageUnavailableException

CHECK_TIMEOUT: Final = 5.0
"""Seconds after which a backend counts as out of reach."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The state of the backends when they were asked.

    Attributes:
        problems: For each backend the reason why it cannot be used, `None` where it responds.
        takes_new_files: The name of the backend that takes new files.
        errors: The same reasons as errors, for the backends that cannot be used.
    """

    problems: Mapping[str, str | None]
    takes_new_files: str
    errors: Mapping[str, StorageException] = field(default_factory=dict)

    @property
    def healthy(self) -> bool:
        """Every backend responds."""
        return not any(self.problems.values())

    @property
    def usable(self) -> bool:
        """New files can be stored; in hybrid mode FastDFS may be down meanwhile."""
        return self.problems[self.takes_new_files] is None


class HealthService:
    """Asks all backends at once."""

    def __init__(self, locator: Locator, *, timeout: float = CHECK_TIMEOUT) -> None:
        self._locator = locator
        self._timeout = timeout

    async def report(self) -> HealthReport:
        """The current state; takes at most 5 seconds, and does not raise when a backend is down."""
        async with asyncio.TaskGroup() as group:
            checks = {backend: group.create_task(self._error_of(backend)) for backend in self._locator.backends}
        errors = {backend: check.result() for backend, check in checks.items()}
        return HealthReport(
            {backend: None if error is None else str(error) for backend, error in errors.items()},
            self._locator.policy.new_files,
            {backend: error for backend, error in errors.items() if error is not None},
        )

    def pool_use(self) -> dict[str, PoolUse]:
        """How many connections of each backend are in use; never raises."""
        pools = {name: backend.pool_use for name, backend in self._locator.backends.items()}
        return {name: pool() for name, pool in pools.items() if pool is not None}

    async def _error_of(self, backend: str) -> StorageException | None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._locator.backends[backend].health.check()
        except StorageException as error:
            return error
        except TimeoutError:
            return StorageUnavailableException(f"no answer within {self._timeout:g} s", backend=backend)
        return None
