"""The port `ShardQueue` over a broker of taskiq.

Of taskiq (https://taskiq-python.github.io/) its brokers are used and its messages, which are JSON, and not its
workers: those log what they read, and try a broker that is down without a pause. Each call opens the broker anew, so
that one that has lost everything gets its stream and its group of consumers again.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final

from taskiq import AckableMessage, AsyncBroker
from taskiq.exceptions import TaskiqError
from taskiq.kicker import AsyncKicker

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.ports.shard_queue import ShardQueue
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.migration import SHARDS

TASK: Final = "s3py.shard"
"""The name of the task whose one argument is the shard."""

_CONNECT_SECONDS: Final = 10.0


class TaskiqShardQueue:
    """A queue in a broker.

    Args:
        make_broker: Makes a broker, which is opened once.
        place: The broker's address, without credentials.
        errors: What its client raises, besides errors of the operating system.
    """

    def __init__(self, make_broker: Callable[[], AsyncBroker], place: str, errors: tuple[type[Exception], ...]) -> None:
        self._make_broker = make_broker
        self._place = place
        self._errors: tuple[type[Exception], ...] = (OSError, TaskiqError, *errors)

    async def put(self, shards: Sequence[int]) -> None:
        """See `ShardQueue.put`."""
        async with self._opened() as broker:
            kicker = AsyncKicker[[int], None](TASK, broker, {})
            for shard in shards:
                await kicker.kiq(shard)

    async def take(self, work: Callable[[int], Awaitable[None]], *, patience: float, stopping: asyncio.Event) -> int:
        """See `ShardQueue.take`."""
        taken = 0
        async with self._opened() as broker, aclosing(broker.listen()) as messages:
            while (message := await _next(messages, patience, stopping)) is not None:
                taken += 1
                shard = _shard_in(broker, message)
                if shard is not None:
                    await work(shard)
                if isinstance(message, AckableMessage) and (acknowledged := message.ack()) is not None:
                    await acknowledged
        return taken

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[AsyncBroker]:
        broker = self._make_broker()
        try:
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await broker.startup()
                yield broker
            finally:
                await completed(_closed(broker))
        except self._errors as error:
            cause = error.__cause__ if isinstance(error, TaskiqError) and error.__cause__ is not None else error
            reason = str(cause) or type(cause).__name__
            raise StorageUnavailableException(f"the broker {self._place} is out of reach: {reason}") from error


async def _closed(broker: AsyncBroker) -> None:
    with suppress(Exception):  # of whatever kind its client's are: there is nothing to be lost any more
        await broker.shutdown()


async def _next(
    messages: AsyncGenerator[bytes | AckableMessage], patience: float, stopping: asyncio.Event
) -> bytes | AckableMessage | None:
    if stopping.is_set():
        return None
    coming = asyncio.ensure_future(anext(messages, None))
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait([coming, stopped], timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        # One that came together with the stop is handed out again.
        return coming.result() if coming.done() and not stopping.is_set() else None
    finally:
        for task in (coming, stopped):
            task.cancel()
        await asyncio.wait([coming, stopped])


def _shard_in(broker: AsyncBroker, message: bytes | AckableMessage) -> int | None:
    """The shard that a message names; `None` for a message of somebody else's."""
    try:
        task = broker.formatter.loads(message.data if isinstance(message, AckableMessage) else message)
    except ValueError:  # neither JSON nor a message of taskiq
        return None
    match task.args:
        case [int(shard)] if task.task_name == TASK and 0 <= shard < SHARDS:
            return shard
        case _:
            return None


_: type[ShardQueue] = TaskiqShardQueue
