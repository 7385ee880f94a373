"""Runs single tests of the contract kit on stores of the memory adapter."""

import inspect
from collections.abc import Callable, Collection
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
