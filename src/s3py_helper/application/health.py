"""How the backends are."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from s3py_helper.application.locator import Locator
from s3py_helper.domain.errors import StorageException

CHECK_TIMEOUT: Final = 5.0
"""Seconds after which a backend counts as out of reach."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """How the backends were when they were asked.

    Attributes:
        problems: For each backend the reason why it cannot be used, `None` where it responds.
        takes_new_files: The backend that takes new files.
    """

    problems: Mapping[str, str | None]
    takes_new_files: str

    @property
    def healthy(self) -> bool:
        """Every backend answers."""
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
        """The state now; takes 5 seconds at most, and never raises because a backend is down."""
        async with asyncio.TaskGroup() as group:
            checks = {backend: group.create_task(self._problem(backend)) for backend in self._locator.backends}
        problems = {backend: check.result() for backend, check in checks.items()}
        return HealthReport(problems, self._locator.policy.new_files)

    async def _problem(self, backend: str) -> str | None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._locator.backends[backend].health.check()
        except StorageException as error:
            return str(error)
        except TimeoutError:
            return f"no answer within {self._timeout:g} s"
        return None
