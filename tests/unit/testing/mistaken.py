"""Runs single tests of the contract kit on stores of the memory adapter."""

import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import pytest

from s3py_helper.adapters.memory import MemoryBlobStore
from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.domain.errors import StorageException

NOTICED: Final = (
    AssertionError,
    BaseExceptionGroup,
    pytest.fail.Exception,
    TimeoutError,
    TypeError,
    StorageException,
    StopAsyncIteration,
)
"""How a test of the contract fails."""

type Mistake = tuple[type[MemoryBlobStore], Callable[..., Any], dict[str, Any]]
"""A store with a mistake, a test that notices it, and what the test is given besides fixtures."""


def each_of(mistakes: Sequence[Mistake]) -> pytest.MarkDecorator:
    """A test runs once for each mistake, given as `mistaken`, `test` and `arguments`."""
    ids = [f"{kind.__name__}: {test.__name__}" for kind, test, _ in mistakes]
    return pytest.mark.parametrize(("mistaken", "test", "arguments"), mistakes, ids=ids)


async def assert_noticed(
    mistaken: type[MemoryBlobStore],
    test: Callable[..., Any],
    arguments: dict[str, Any],
    *also: type[BaseException],
) -> None:
    """The test passes on a store without the mistake, and fails (or raises what `also` names) on the other one."""
    async with MemoryBlobStore() as right:
        await run_on(test, right, **arguments)
    async with mistaken() as wrong:
        with pytest.raises((*NOTICED, *also)):
            await run_on(test, wrong, **arguments)


def without_a_mistake(contract: type, mistakes: Sequence[Mistake]) -> set[str]:
    """The tests of a contract that have not been seen to fail."""
    promised = {name for name in dir(contract) if name.startswith("test_")}
    return promised - {test.__name__ for _, test, _ in mistakes}


async def run_on(
    test: Callable[..., Any], store: MemoryBlobStore, read_through: BlobStore | None = None, **arguments: Any
) -> None:
    """Give the test the fixtures that it names, all made of this kind of store."""

    async def inventory() -> Collection[str]:
        return [str(file_id) for file_id in store.file_ids]

    at_hand = {
        "store": read_through or store,
        "narrow_store": store,
        "unopened_store": type(store)(),
        "closed_store": type(store)(),
        "unreachable_store": type(store)(),
        "other_bucket": "other",
        "inventory": inventory,
        **arguments,
    }
    await test(**{name: at_hand[name] for name in inspect.signature(test).parameters})
