"""What the queue does with a broker's messages, with its errors, and with the broker itself."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import override

import pytest
from taskiq import AckableMessage, AsyncBroker, BrokerMessage
from taskiq.exceptions import SendTaskError

from s3py_helper.adapters.taskiq.queue import TaskiqShardQueue
from s3py_helper.domain.errors import StorageUnavailableException
from tests.support.cancelling import CleaningUp, cancelled_twice
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(30)


class ClientError(Exception):
    """What the client of some broker raises."""


class Broker(AsyncBroker):
    """Hands out messages, and remembers what became of them and of itself."""

    def __init__(self, *messages: bytes) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.done: list[str] = []
        self.refuses: Exception | None = None
        self.refuses_to_open: Exception | None = None
        self.refuses_to_close: Exception | None = None
        self.cleaning_up: CleaningUp | None = None
        self._messages = messages

    @override
    async def startup(self) -> None:
        self.done.append("opened")
        if self.refuses_to_open is not None:
            raise self.refuses_to_open

    @override
    async def shutdown(self) -> None:
        if self.cleaning_up is not None:
            await self.cleaning_up.passed()
        self.done.append("closed")
        if self.refuses_to_close is not None:
            raise self.refuses_to_close

    @override
    async def kick(self, message: BrokerMessage) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.sent.append(message.message)

    @override
    async def listen(self) -> AsyncGenerator[bytes | AckableMessage]:
        for number, message in enumerate(self._messages):
            yield AckableMessage(data=message, ack=self._acknowledging(number))
        if self.refuses is not None:
            raise self.refuses
        await asyncio.Event().wait()

    def _acknowledging(self, number: int) -> Callable[[], None]:
        return lambda: self.done.append(f"acknowledged {number}")


def queue_of(broker: Broker) -> TaskiqShardQueue:
    return TaskiqShardQueue(lambda: broker, "127.0.0.1:4222", (ClientError,))


async def messages_of(*shards: int) -> list[bytes]:
    """The messages that putting these shards makes."""
    broker = Broker()
    await queue_of(broker).put(shards)
    assert broker.done == ["opened", "closed"]
    return broker.sent


async def test_shards_are_worked_one_after_the_other_and_acknowledged_afterwards() -> None:
    broker = Broker(*await messages_of(3, 0, 255))

    async def work(shard: int) -> None:
        broker.done.append(f"worked {shard}")

    assert await queue_of(broker).take(work, patience=0.01, stopping=asyncio.Event()) == 3
    assert broker.done == [
        "opened", "worked 3", "acknowledged 0", "worked 0", "acknowledged 1", "worked 255", "acknowledged 2", "closed"
    ]  # fmt: skip


async def test_what_is_no_shard_is_acknowledged_and_not_worked() -> None:
    [message] = await messages_of(3)
    task = json.loads(message)
    others: list[dict[str, object]] = [
        {"args": [256]},
        {"args": [-1]},
        {"args": []},
        {"args": [1, 2]},
        {"args": ["3"]},
        {"task_name": "theirs"},
    ]
    broker = Broker(b"no json", *[json.dumps({**task, **other}).encode() for other in others])

    async def work(shard: int) -> None:
        pytest.fail(f"{shard} is none")

    assert await queue_of(broker).take(work, patience=0.01, stopping=asyncio.Event()) == 7
    assert broker.done == ["opened", *[f"acknowledged {number}" for number in range(7)], "closed"]


async def test_a_shard_whose_work_fails_is_not_acknowledged() -> None:
    broker = Broker(*await messages_of(3, 4))

    async def work(_shard: int) -> None:
        raise ValueError("a fault of ours")

    with pytest.raises(ValueError, match="a fault of ours"):
        await queue_of(broker).take(work, patience=1, stopping=asyncio.Event())
    assert broker.done == ["opened", "closed"]


async def test_who_stops_takes_no_further_shard() -> None:
    broker, stopping = Broker(*await messages_of(3, 4)), asyncio.Event()

    async def work(_shard: int) -> None:
        stopping.set()

    assert await queue_of(broker).take(work, patience=3600, stopping=stopping) == 1
    waiting = asyncio.ensure_future(
        queue_of(idle := Broker()).take(work, patience=3600, stopping=(later := asyncio.Event()))
    )
    await until(lambda: idle.done == ["opened"])
    assert not waiting.done()
    later.set()
    assert await waiting == 0
    assert (broker.done, idle.done) == (["opened", "acknowledged 0", "closed"], ["opened", "closed"])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError("refused"), "refused"),
        (ClientError("no stream"), "no stream"),
        (ClientError(), "ClientError"),
        (TimeoutError(), "TimeoutError"),
    ],
)
@pytest.mark.parametrize("when", ["opening", "sending", "listening"])
async def test_errors_of_a_broker_are_outages_and_it_is_closed(error: Exception, reason: str, when: str) -> None:
    broker = Broker()
    if when == "opening":
        broker.refuses_to_open = error
    else:
        broker.refuses = error
    broker.refuses_to_close = RuntimeError("it is closed already")
    queue = queue_of(broker)

    async def work(_shard: int) -> None: ...

    with pytest.raises(StorageUnavailableException) as raised:
        await (queue.take(work, patience=1, stopping=asyncio.Event()) if when == "listening" else queue.put([1]))
    assert raised.value.message == f"the broker 127.0.0.1:4222 is out of reach: {reason}"
    assert raised.value.__cause__ is error or isinstance(raised.value.__cause__, SendTaskError)
    assert broker.done == ["opened", "closed"]


async def test_a_broker_that_does_not_answer_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3py_helper.adapters.taskiq.queue._CONNECT_SECONDS", 0.01)

    class Silent(Broker):
        @override
        async def startup(self) -> None:
            await super().startup()
            await asyncio.Event().wait()

    broker = Silent()
    with pytest.raises(StorageUnavailableException, match="is out of reach: TimeoutError"):
        await queue_of(broker).put([1])
    assert broker.done == ["opened", "closed"]


async def test_an_acknowledgement_that_is_sent_is_waited_for() -> None:
    class Remote(Broker):
        @override
        def _acknowledging(self, number: int) -> Callable[[], Awaitable[None]]:  # type: ignore[override]  # as most do
            async def acknowledge() -> None:
                await asyncio.sleep(0)
                self.done.append(f"acknowledged {number}")

            return acknowledge

    broker = Remote(*await messages_of(3))

    async def work(_shard: int) -> None: ...

    assert await queue_of(broker).take(work, patience=0.01, stopping=asyncio.Event()) == 1
    assert broker.done == ["opened", "acknowledged 0", "closed"]


async def test_a_shard_that_comes_together_with_the_stop_is_left_to_others() -> None:
    [message] = await messages_of(3)
    stopping = asyncio.Event()

    class AtTheEnd(Broker):
        @override
        async def listen(self) -> AsyncGenerator[bytes | AckableMessage]:
            stopping.set()
            yield AckableMessage(data=message, ack=self._acknowledging(0))

    broker = AtTheEnd()

    async def work(shard: int) -> None:
        pytest.fail(f"{shard} is somebody else's")

    assert await queue_of(broker).take(work, patience=5, stopping=stopping) == 0
    assert broker.done == ["opened", "closed"]


async def test_a_broker_is_closed_although_its_caller_is_cancelled_twice() -> None:
    broker = Broker(*await messages_of(3))
    broker.cleaning_up, under_way = CleaningUp(), asyncio.Event()

    async def work(_shard: int) -> None:
        under_way.set()
        await asyncio.Event().wait()

    taking = queue_of(broker).take(work, patience=1, stopping=asyncio.Event())
    await cancelled_twice(taking, under_way, broker.cleaning_up)
    assert broker.done == ["opened", "closed"]
