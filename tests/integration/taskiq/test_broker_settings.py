"""What brokers are told: who gets a shard again and when, and that nothing grows without end."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Self, cast

import pytest

from s3py_helper.adapters.taskiq import redis_streams
from s3py_helper.adapters.taskiq.jetstream import jetstream_broker
from s3py_helper.adapters.taskiq.redis_streams import redis_broker
from s3py_helper.application.ports.shard_queue import UNTIL_AGAIN_SECONDS
from s3py_helper.domain.migration import SHARDS


async def test_a_stream_of_jetstream_keeps_what_is_not_done_and_of_too_much_the_newest() -> None:
    broker: Any = jetstream_broker(["nats://127.0.0.9:4222"], "shards")
    assert (broker.servers, broker.stream_name, broker.subject, broker.durable) == (
        ["nats://127.0.0.9:4222"], "shards", "shards", "shards",
    )  # fmt: skip
    stream, consumer = broker.stream_config, broker.consumer_config
    assert (stream.retention.value, stream.discard.value, stream.max_msgs) == ("workqueue", "old", 2 * SHARDS)
    assert (consumer.durable_name, consumer.ack_wait, consumer.max_ack_pending) == ("shards", UNTIL_AGAIN_SECONDS, -1)
    assert (broker.pull_consume_batch, broker.pull_consume_timeout) == (1, 5.0)
    connection = broker.connection_kwargs
    assert (connection["allow_reconnect"], connection["max_reconnect_attempts"]) == (False, 1)
    assert await connection["error_cb"](ValueError("told by the call under way")) is None


async def test_a_stream_of_redis_hands_out_again_what_a_dead_worker_held_and_has_an_end() -> None:
    broker: Any = redis_broker("redis://127.0.0.9:6379/3", "shards")
    assert (broker.queue_name, broker.consumer_group_name, broker.consumer_id) == ("shards", "shards", "0")
    assert (broker.maxlen, broker.idle_timeout) == (2 * SHARDS, UNTIL_AGAIN_SECONDS * 1000)
    connection = broker.connection_pool.connection_kwargs
    assert (connection["host"], connection["db"], connection["socket_connect_timeout"]) == ("127.0.0.9", 3, 5)


@dataclass
class _Acknowledging:
    """What a message is acknowledged with."""

    id: bytes
    queue_name: str

    def __call__(self) -> None: ...


class Redis:
    """A server with one shard that a dead worker held, and one that nobody has taken."""

    def __init__(self, asked: list[object]) -> None:
        self._asked = asked
        self._held = [[(b"1-0", {b"data": b"held"})]]
        self._new = [[], [[b"shards", [(b"2-0", {b"data": b"new"})]]]]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._asked.append("closed")

    async def xautoclaim(self, *arguments: object, **more: object) -> list[object]:
        self._asked.append(("claim", *arguments, more))
        return [b"0-0", self._held.pop() if self._held else [], []]

    async def xreadgroup(self, *arguments: object, **more: object) -> object:
        self._asked.append(("read", *arguments, more))
        return self._new.pop(0) if self._new else []


async def test_what_dead_workers_held_is_looked_for_before_each_look_for_something_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(redis_streams, "Redis", lambda connection_pool: Redis(asked))  # noqa: ARG005 - by name
    broker: Any = redis_broker("redis://127.0.0.9:6379/3", "shards")
    monkeypatch.setattr(broker, "_ack_generator", _Acknowledging)
    messages = cast("AsyncGenerator[Any]", broker.listen())
    first, second = await anext(messages), await anext(messages)
    await messages.aclose()
    assert (first.data, first.ack.id, first.ack.queue_name) == (b"held", b"1-0", "shards")
    assert (second.data, second.ack.id) == (b"new", b"2-0")
    claim = ("claim", "shards", "shards", broker.consumer_name, 900_000, {"count": 1})
    read = ("read", "shards", broker.consumer_name, {"shards": ">"}, {"count": 1, "block": 1000})
    assert asked == [claim, claim, read, claim, read, "closed"]


async def test_listening_that_is_cancelled_leaves_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    class Silent(Redis):
        async def xreadgroup(self, *arguments: object, **more: object) -> object:
            await asyncio.Event().wait()
            return []

    monkeypatch.setattr(redis_streams, "Redis", lambda connection_pool: Silent(asked))  # noqa: ARG005 - by name
    broker: Any = redis_broker("redis://127.0.0.9:6379/3", "shards")
    messages = cast("AsyncGenerator[Any]", broker.listen())
    await anext(messages)
    waiting = asyncio.ensure_future(anext(messages))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert asked[-1] == "closed"
