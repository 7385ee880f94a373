"""Which brokers carry the shards of a migration, and what is said of those that cannot."""

from functools import partial
from typing import Any

import pytest

from s3py_helper.adapters.taskiq import jetstream, redis_streams
from s3py_helper.adapters.taskiq.queue import TaskiqShardQueue
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.container.brokers import shard_queue
from s3py_helper.entrypoints.container.ledger_copies import copy_ledger_to

NAME = "s3py-shards-8b5b9db0c13d"


@pytest.mark.parametrize(
    ("url", "make", "given", "place", "errors"),
    [
        ("nats://127.0.0.9:4222", jetstream.jetstream_broker, ["nats://127.0.0.9:4222"], "nats://127.0.0.9:4222",
         jetstream.ERRORS),
        ("nats://u:s3cr3t@127.0.0.9, tls://127.0.0.8:1", jetstream.jetstream_broker,
         ["nats://u:s3cr3t@127.0.0.9", "tls://127.0.0.8:1"], "nats://127.0.0.9, tls://127.0.0.8:1", jetstream.ERRORS),
        ("redis://:s3cr3t@127.0.0.9:6379/0", redis_streams.redis_broker, "redis://:s3cr3t@127.0.0.9:6379/0",
         "redis://127.0.0.9:6379", redis_streams.ERRORS),
        ("rediss://127.0.0.9", redis_streams.redis_broker, "rediss://127.0.0.9", "rediss://127.0.0.9",
         redis_streams.ERRORS),
    ],
)  # fmt: skip
def test_a_queue_is_made_by_the_scheme(
    monkeypatch: pytest.MonkeyPatch, url: str, make: object, given: object, place: str, errors: object
) -> None:
    made: list[tuple[Any, ...]] = []
    monkeypatch.setattr(TaskiqShardQueue, "__init__", lambda _self, *asked: made.append(asked))
    assert isinstance(shard_queue(url, "three"), TaskiqShardQueue)
    [(maker, shown, told)] = made
    assert isinstance(maker, partial)
    assert (maker.func, maker.args, shown, told) == (make, (given, NAME), place, errors)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("amqp://u:s3cr3t@127.0.0.9", "amqp://127.0.0.9 is no broker: give nats://HOST:4222"),
        ("redis://127.0.0.9,redis://127.0.0.8", "redis://127.0.0.9, redis://127.0.0.8 is no broker: "),
        ("nats://127.0.0.9,redis://127.0.0.8", "nats://127.0.0.9, redis://127.0.0.8 is no broker: "),
        ("u:s3cr3t@127.0.0.9", "'127.0.0.9' is no broker: "),
        ("nats://", "'nats://' is no broker: "),
        ("nats://u:s3cr3t@127.0.0.9:99999", "'127.0.0.9:99999' is no broker: "),
        ("nats://127.0.0.9,nats://", "nats://127.0.0.9, 'nats://' is no broker: "),
        ("postgresql://u:s3cr3t@127.0.0.9/l", "a broker on PostgreSQL loses the shards of workers that die"),
    ],
)
def test_what_carries_no_shards_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(InvalidArgumentException) as refused:
        shard_queue(url, "three")
    assert said in str(refused.value)
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize(
    ("origin", "destination", "said"),
    [
        ("a.db", "b.db", "a ledger is copied from a SQLite file to a PostgreSQL database: PATH postgresql://"),
        (
            "postgresql://u:s3cr3t@127.0.0.9/l",
            "postgresql://127.0.0.9/m",
            "not postgresql://u@127.0.0.9/l postgresql://",
        ),
        ("lost.db", "postgresql://127.0.0.9/l", "there is no ledger lost.db"),
    ],
)
async def test_a_ledger_is_copied_in_one_direction(origin: str, destination: str, said: str) -> None:
    with pytest.raises(InvalidArgumentException) as refused:
        await copy_ledger_to(origin, destination)
    assert said in str(refused.value)
    assert "s3cr3t" not in str(refused.value)
