"""Names of a listing, and whether it is known to be whole."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from s3py_helper.application.migration.listed_names import ListedNames
from s3py_helper.application.ports.migration_source import Listed
from s3py_helper.domain.errors import StorageException, StorageUnavailableException


class Names:
    """Three of them, and how they ended."""

    def __init__(self, *, complete: bool, error: StorageException | None = None) -> None:
        self.complete = complete
        self._error = error

    async def __aiter__(self) -> AsyncIterator[str]:
        for name in ("a", "b", "c"):
            yield name
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (Names(complete=True), None),
        (Names(complete=False), "the listing broke off"),
        (Names(complete=True, error=StorageUnavailableException("it went away")), "it went away"),
    ],
)
async def test_names_are_given_and_an_incomplete_listing_is_no_whole_one(names: Names, problem: str | None) -> None:
    @asynccontextmanager
    async def listing() -> AsyncGenerator[Listed]:
        yield names

    listed = ListedNames(listing())
    assert [batch async for batch in listed.batches(2)] == [["a", "b"], ["c"]]
    assert (listed.count, listed.problem) == (3, problem)
