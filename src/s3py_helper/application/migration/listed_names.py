"""The names of one listing, whole or not."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager

from s3py_helper.application.ports.migration_source import Listed
from s3py_helper.domain.errors import StorageException


class ListedNames:
    """The names of one listing, in batches; those before it broke off are yielded all the same.

    Attributes:
        count: How many there were.
        problem: Why it is not whole; `None` where it is.
    """

    def __init__(self, listing: AbstractAsyncContextManager[Listed]) -> None:
        self.count = 0
        self.problem: str | None = "the listing broke off"
        self._listing = listing

    async def batches(self, size: int) -> AsyncGenerator[list[str]]:
        """Names in one page."""
        batch: list[str] = []
        try:
            async with self._listing as listed:
                async for name in listed:
                    batch.append(name)
                    self.count += 1
                    if len(batch) == size:
                        yield batch
                        batch = []
                if listed.complete:
                    self.problem = None
        except StorageException as error:
            self.problem = error.message
        yield batch
