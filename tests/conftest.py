"""What all tests share: servers that any may ask for, and how long generated input is tried."""

import functools
import gc
import logging
import os
import sys
from collections.abc import Generator, Iterator
from typing import Final

import httpx._transports.default as httpx_transport
import pytest
from hypothesis import settings

from s3py_helper.entrypoints.server.log_config import log_config

pytest_plugins = [
    "tests.support.brokers.fixtures",
    "tests.support.browser",
    "tests.support.fastdfs.fixtures",
    "tests.support.met",
    "tests.support.postgres.fixtures",
    "tests.support.s3.fixtures",
]

_PROFILE: Final = os.environ.get("HYPOTHESIS_PROFILE", "test")
_FUZZING_SECONDS: Final = 1800
_MANY_BLOCKS: Final = 20_000
"""Pieces of memory that the collector needs a millisecond or two for."""

_LOGGERS: Final = [logging.getLogger(name) for name in log_config("info")["loggers"]]

_spared_blocks = 0

# No example has a deadline: other programs may need the processor just then. The tests' own limits find what hangs.
settings.register_profile("test", settings(), deadline=None)
settings.register_profile("quick", settings(), deadline=None, max_examples=20)
settings.register_profile("fuzz", settings(), deadline=None, max_examples=1000, derandomize=False)
settings.load_profile(_PROFILE)

# Each client would read all the system's certificates anew, which takes 18 ms.
httpx_transport.create_ssl_context = functools.cache(  # type: ignore[attr-defined]  # httpx has no public place for it
    httpx_transport.create_ssl_context  # type: ignore[attr-defined]  # as above
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without the collector of cycles: hardly anything of what is made here goes again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.fuzz)
            if _PROFILE == "fuzz":
                # Limits of its own are for the ordinary number of examples.
                item.add_marker(pytest.mark.timeout(_FUZZING_SECONDS), append=False)


def pytest_collection_finish() -> None:
    _spare_the_collector()


@pytest.fixture(autouse=True, scope="module")
def _heap_for_the_collector() -> None:
    """Tests leave much behind that frameworks keep: what they know of routes, what pytest reports."""
    if sys.getallocatedblocks() > _spared_blocks + _MANY_BLOCKS:
        _spare_the_collector()


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Commands and the service send their lines past the root logger, where other tests look."""
    before = [(each.handlers[:], each.filters[:], each.level, each.propagate) for each in _LOGGERS]
    yield
    for logger, (handlers, filters, level, propagate) in zip(_LOGGERS, before, strict=True):
        logger.handlers[:], logger.filters[:] = handlers, filters
        if logger.level != level:  # each setting of a level makes all loggers forget what they decided
            logger.setLevel(level)
        logger.propagate = propagate


def _spare_the_collector() -> None:
    """Keep the collector from what stays: the guards collect all garbage hundreds of times."""
    global _spared_blocks  # noqa: PLW0603 - of this process, as the collector is
    gc.collect()
    gc.freeze()
    _spared_blocks = sys.getallocatedblocks()
