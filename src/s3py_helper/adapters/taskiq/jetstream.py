"""Shards in a stream of NATS JetStream, taken by a pull consumer.

A shard that is not acknowledged within `ack_wait` is handed out again:
https://docs.nats.io/nats-concepts/jetstream/consumers.
The stream keeps what is not acknowledged, and of too much the newest: .../jetstream/streams.
"""

from typing import Final

from nats import errors
from nats.js.api import ConsumerConfig, DiscardPolicy, RetentionPolicy, StreamConfig
from taskiq import AsyncBroker
from taskiq_nats import PullBasedJetStreamBroker

from s3py_helper.application.ports.shard_queue import UNTIL_AGAIN_SECONDS
from s3py_helper.domain.migration import SHARDS

ERRORS: Final = (errors.Error,)

_FETCH_SECONDS: Final = 5.0


async def _nothing(_error: Exception) -> None:
    """Whatever it is, the call under way raises it, too; the client would log it besides."""


def jetstream_broker(servers: list[str], name: str) -> AsyncBroker:
    """A broker whose stream, subject and consumer have this name."""
    return PullBasedJetStreamBroker(
        servers=servers,
        stream_name=name,
        subject=name,
        durable=name,
        stream_config=StreamConfig(
            retention=RetentionPolicy.WORK_QUEUE, discard=DiscardPolicy.OLD, max_msgs=2 * SHARDS
        ),
        consumer_config=ConsumerConfig(durable_name=name, ack_wait=UNTIL_AGAIN_SECONDS, max_ack_pending=-1),
        pull_consume_batch=1,
        pull_consume_timeout=_FETCH_SECONDS,
        # A broker that goes away is told at once; whoever needs it opens it anew.
        allow_reconnect=False,
        max_reconnect_attempts=1,
        reconnect_time_wait=0.2,
        error_cb=_nothing,
    )
