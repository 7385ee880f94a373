"""Shards go through real brokers; what these lose or repeat is for the ledger to decide."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import nats
import pytest
import redis.asyncio

from s3py_helper.adapters.taskiq import jetstream, redis_streams
from s3py_helper.application.ports.shard_queue import ShardQueue
from s3py_helper.entrypoints.container.brokers import shard_queue
from s3py_helper.storage import InvalidArgumentException, StorageUnavailableException
from tests.support.brokers.broker import BROKERS, Broker

pytestmark = [pytest.mark.timeout(60), pytest.mark.slow]

_names: Final = itertools.count()


@pytest.fixture
def migration() -> str:
    """A migration of its own has streams of its own."""
    return f"bucket/{next(_names)}"


@pytest.fixture
def queue(broker: Broker, migration: str) -> ShardQueue:
    return shard_queue(broker.url, migration)


def noting(taken: list[int]) -> Callable[[int], Awaitable[None]]:
    async def work(shard: int) -> None:
        taken.append(shard)

    return work


async def taken_from(queue: ShardQueue, patience: float = 1.0) -> list[int]:
    taken: list[int] = []
    assert await queue.take(noting(taken), patience=patience, stopping=asyncio.Event()) >= len(taken)
    return taken


async def test_what_was_put_before_anybody_listened_is_taken_once(queue: ShardQueue) -> None:
    await queue.put(range(20))
    await queue.put([7])
    assert await taken_from(queue) == [*range(20), 7]
    assert await taken_from(queue) == []


async def test_several_workers_share(queue: ShardQueue) -> None:
    await queue.put(range(40))
    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(taken_from(queue)) for _ in range(3)]
    assert sorted(itertools.chain.from_iterable(worker.result() for worker in workers)) == list(range(40))


async def test_each_migration_has_shards_of_its_own(broker: Broker, queue: ShardQueue) -> None:
    await queue.put([1, 2])
    assert await taken_from(shard_queue(broker.url, "another/one")) == []
    assert await taken_from(queue) == [1, 2]


async def test_who_stops_finishes_the_shard_at_hand(queue: ShardQueue) -> None:
    await queue.put([1, 2, 3])
    stopping, taken = asyncio.Event(), list[int]()

    async def work(shard: int) -> None:
        stopping.set()
        await asyncio.sleep(0.05)
        taken.append(shard)

    assert await queue.take(work, patience=30, stopping=stopping) == 1
    assert taken == [1]
    assert await taken_from(queue) == [2, 3]


async def test_what_a_worker_holds_that_dies_is_handed_out_again(
    broker: Broker, migration: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for adapter in (jetstream, redis_streams):
        monkeypatch.setattr(adapter, "UNTIL_AGAIN_SECONDS", 1.0)
    queue = shard_queue(broker.url, migration)
    await queue.put([5])

    async def die(_shard: int) -> None:
        raise EOFError

    with pytest.raises(EOFError):
        await queue.take(die, patience=10, stopping=asyncio.Event())
    assert await taken_from(queue, patience=3) == [5]


async def test_a_queue_never_grows_beyond_two_rounds(queue: ShardQueue) -> None:
    for _ in range(4):
        await queue.put(range(256))
    taken = await taken_from(queue)
    assert set(taken) == set(range(256))
    assert len(taken) < 3 * 256


async def test_messages_are_json_and_hold_nothing_but_the_shard(
    broker: Broker, queue: ShardQueue, migration: str
) -> None:
    await queue.put([42])
    [message] = await _messages(broker, migration)
    assert (json.loads(message)["task_name"], json.loads(message)["args"]) == ("s3py.shard", [42])
    assert migration.encode() not in message


async def test_messages_of_others_are_done_with_and_harm_nobody(
    broker: Broker, queue: ShardQueue, migration: str
) -> None:
    await queue.put([])
    task: dict[str, object] = {"task_id": "1", "task_name": "s3py.shard", "labels": {}, "args": [1], "kwargs": {}}
    others = [{}, [], 1, {**task, "task_name": "other"}, {**task, "args": [256]}, {**task, "args": ["1"]}]
    for rubbish in (b"", b"\x80\x04K*.", b"not json", *(json.dumps(other).encode() for other in others)):
        await _send(broker, migration, rubbish)
    await queue.put([3])
    assert await taken_from(queue) == [3]


@pytest.mark.parametrize("kind", BROKERS)
async def test_a_broker_that_loses_everything_goes_on(kind: str, tmp_path: Path) -> None:
    for broker in _own(kind, tmp_path):
        queue = shard_queue(broker.url, "lost/")
        await queue.put([1, 2])
        broker.lose_everything()
        assert await taken_from(queue) == []
        await queue.put([3])
        assert await taken_from(queue) == [3]


@pytest.mark.parametrize("kind", BROKERS)
async def test_a_broker_that_goes_away_is_told_and_one_that_comes_back_is_found(kind: str, tmp_path: Path) -> None:
    for broker in _own(kind, tmp_path):
        queue = shard_queue(broker.url, "away/")
        await queue.put([1])
        taking = asyncio.ensure_future(taken_from(queue, patience=30))
        await asyncio.sleep(0.2)
        broker.stop()
        with pytest.raises(StorageUnavailableException, match=rf"the broker {broker.url} is out of reach"):
            await taking
        with pytest.raises(StorageUnavailableException, match=rf"the broker {broker.url} is out of reach"):
            await queue.put([2])
        broker.start()
        await queue.put([2])
        assert 2 in await taken_from(queue)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://127.0.0.9/x", "loses the shards of workers that die"),
        ("amqp://127.0.0.9", "amqp://127.0.0.9 is no broker"),
        ("127.0.0.9:4222", "'127.0.0.9:4222' is no broker: give nats://HOST:4222"),
        ("nats://", "is no broker"),
        ("nats://127.0.0.9:port", "is no broker"),
        ("redis://127.0.0.9,redis://127.0.0.10", "is no broker"),
        ("nats://127.0.0.9,redis://127.0.0.10", "is no broker"),
        ("amqp://somebody:secret@127.0.0.9", "amqp://127.0.0.9 is no broker"),
    ],
)
def test_what_is_no_broker_is_named(url: str, told: str) -> None:
    with pytest.raises(InvalidArgumentException, match="broker") as raised:
        shard_queue(url, "bucket/")
    assert told in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["nats://somebody:secret@127.0.0.9:1", "redis://:secret@127.0.0.9:1/0"])
async def test_a_broker_out_of_reach_is_named_without_its_password(url: str) -> None:
    with pytest.raises(StorageUnavailableException, match=r"the broker \w+://127\.0\.0\.9:1 is out of reach") as raised:
        await shard_queue(url, "bucket/").put([1])
    assert "secret" not in str(raised.value)


def _own(kind: str, folder: Path) -> Iterator[Broker]:
    if not BROKERS[kind].program():
        pytest.skip(f"no {BROKERS[kind].name()} on PATH")
    with BROKERS[kind].running(folder) as broker:
        yield broker


async def _messages(broker: Broker, migration: str) -> list[bytes]:
    """What lies in the stream of a migration, read past the kit."""
    name = _stream_of(migration)
    if broker.scheme == "redis":
        async with redis.asyncio.Redis.from_url(broker.url) as client:
            entries: Any = await client.xrange(name)
            return [fields[b"data"] for _, fields in entries]
    connection = await nats.connect(broker.url)
    try:
        streams = connection.jetstream()
        state = (await streams.stream_info(name)).state
        numbers = range(state.first_seq, state.last_seq + 1)
        return [(await streams.get_msg(name, number)).data or b"" for number in numbers]
    finally:
        await connection.close()


async def _send(broker: Broker, migration: str, message: bytes) -> None:
    if broker.scheme == "redis":
        async with redis.asyncio.Redis.from_url(broker.url) as client:
            await client.xadd(_stream_of(migration), {b"data": message})
        return
    connection = await nats.connect(broker.url)
    try:
        await connection.jetstream().publish(_stream_of(migration), message)
    finally:
        await connection.close()


def _stream_of(migration: str) -> str:
    return f"s3py-shards-{sha256(migration.encode()).hexdigest()[:12]}"
