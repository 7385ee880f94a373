"""Shards in a stream of Redis, taken by a group of consumers: https://redis.io/docs/latest/develop/data-types/streams."""

from collections.abc import AsyncGenerator
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError
from taskiq import AckableMessage, AsyncBroker
from taskiq_redis import RedisStreamBroker

from s3py_helper.application.ports.shard_queue import UNTIL_AGAIN_SECONDS
from s3py_helper.domain.migration import SHARDS

ERRORS: Final = (RedisError,)

_READ_MILLISECONDS: Final = 1000


class _Stream(RedisStreamBroker):
    """Reads in its own way.

    That of taskiq-redis looks for what dead workers held only behind a message that came, and leaves a connection open
    where it is cancelled meanwhile.
    """

    async def listen(self) -> AsyncGenerator[AckableMessage]:
        stream, group, consumer = self.queue_name, self.consumer_group_name, self.consumer_name
        async with Redis(connection_pool=self.connection_pool) as client:
            while True:
                held: Any = await client.xautoclaim(stream, group, consumer, self.idle_timeout, count=1)
                _, entries, *_ = held
                if not entries:
                    read: Any = await client.xreadgroup(
                        group, consumer, {stream: ">"}, count=1, block=_READ_MILLISECONDS
                    )
                    entries = read[0][1] if read else []
                for number, fields in entries:
                    yield AckableMessage(data=fields[b"data"], ack=self._ack_generator(id=number, queue_name=stream))


def redis_broker(url: str, name: str) -> AsyncBroker:
    """A broker whose stream and group of consumers have this name."""
    return _Stream(
        url=url,
        queue_name=name,
        consumer_group_name=name,
        consumer_id="0",  # what was put before the first worker came counts, too
        maxlen=2 * SHARDS,
        idle_timeout=round(UNTIL_AGAIN_SECONDS * 1000),
        socket_connect_timeout=5,
    )
