"""Message brokers that carry shards of a migration."""

from functools import partial
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from s3py_helper.application.ports.shard_queue import ShardQueue
from s3py_helper.domain.errors import InvalidArgumentException

_NATS: Final = frozenset({"nats", "tls"})
_REDIS: Final = frozenset({"redis", "rediss"})
_POSTGRESQL: Final = frozenset({"postgresql", "postgres"})
_EXPECTED: Final = "give nats://HOST:4222 (with JetStream), or redis://HOST:6379/0 and a supervisor"


def shard_queue(url: str, identity: str) -> ShardQueue:
    """The queue of a migration in a broker; nothing is connected yet.

    Args:
        url: The broker; of NATS several, with commas.
        identity: Which migration: each has a stream of its own.

    Raises:
        InvalidArgumentException: No broker that is known, or what speaks to it is not installed.
    """
    urls = [part.strip() for part in url.split(",")]
    schemes = {part.partition("://")[0] for part in urls}
    if schemes <= _POSTGRESQL:
        raise InvalidArgumentException(
            "a broker on PostgreSQL loses the shards of workers that die: without --broker the ledger hands out files"
        )
    if not (schemes <= _NATS or (schemes <= _REDIS and len(urls) == 1)) or not all(map(_place, urls)):
        raise InvalidArgumentException(f"{', '.join(map(_shown, urls))} is no broker: {_EXPECTED}")
    name = f"s3py-shards-{sha256(identity.encode()).hexdigest()[:12]}"
    try:
        # Imported here: few migrations need a broker, and it is an extra.
        from s3py_helper.adapters.taskiq import jetstream, redis_streams  # noqa: PLC0415
        from s3py_helper.adapters.taskiq.queue import TaskiqShardQueue  # noqa: PLC0415
    except ImportError as error:
        raise InvalidArgumentException(
            f"a broker needs taskiq, which is not installed: pip install 's3py-helper[taskiq]' ({error})"
        ) from error
    place = ", ".join(map(_shown, urls))
    if schemes <= _NATS:
        return TaskiqShardQueue(partial(jetstream.jetstream_broker, urls, name), place, jetstream.ERRORS)
    return TaskiqShardQueue(partial(redis_streams.redis_broker, urls[0], name), place, redis_streams.ERRORS)


def _place(url: str) -> str | None:
    """Host and port; `None` where there is no host, or no port that could be one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return parts.hostname if port is None else f"{parts.hostname}:{port}"


def _shown(url: str) -> str:
    """Without user and password."""
    scheme, found, _ = url.partition("://")
    place = _place(url)
    return f"{scheme}://{place}" if found and place else repr(url.rpartition("@")[2])
