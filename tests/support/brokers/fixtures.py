"""NATS from its wheel, Redis where the system has it. One of each for a whole run; tests use streams of their own."""

from collections.abc import Iterator

import pytest

from tests.support.brokers.broker import Broker, Nats, Redis


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    yield from _running(Nats, tmp_path_factory)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    yield from _running(Redis, tmp_path_factory)


@pytest.fixture(params=["nats_server", "redis_server"], ids=["NATS", "Redis"])
def broker(request: pytest.FixtureRequest) -> Broker:
    server: Broker = request.getfixturevalue(request.param)
    return server


def _running(kind: type[Broker], folders: pytest.TempPathFactory) -> Iterator[Broker]:
    if not kind.program():
        pytest.skip(f"no {kind.name()} on PATH")
    with kind.running(folders.mktemp(kind.scheme)) as server:
        yield server
