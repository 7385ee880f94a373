"""A response that comes before the whole request has."""

import asyncio

import pytest
from starlette.types import Message, Scope

from s3py_helper.entrypoints.http import exchange
from s3py_helper.entrypoints.http.exchange import Exchange

REFUSAL: tuple[Message, ...] = (
    {"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"3")]},
    {"type": "http.response.body", "body": b"no!"},
)


class _Client:
    """Sends what it is told to, then nothing more; notes when the response was complete."""

    def __init__(self, *chunks: bytes, ends: bool = True) -> None:
        self._left = [
            {"type": "http.request", "body": chunk, "more_body": number < len(chunks) or not ends}
            for number, chunk in enumerate(chunks, start=1)
        ]
        self.got: list[Message] = []

    async def receive(self) -> Message:
        if not self._left:
            await asyncio.Event().wait()
        return self._left.pop(0)

    async def send(self, message: Message) -> None:
        self.got.append({**message, "unread": len(self._left)})


def _scope(*headers: tuple[bytes, bytes]) -> Scope:
    return {"type": "http", "headers": list(headers)}


async def _refuse(client: _Client, scope: Scope, *, after: int = 0) -> Exchange:
    subject = Exchange(scope, client.receive, client.send)
    for _ in range(after):
        await subject.receive()
    for message in REFUSAL:
        await subject.send(dict(message))
    return subject


@pytest.mark.parametrize("header", [(b"content-length", b"9"), (b"transfer-encoding", b"chunked")])
async def test_an_early_response_is_sent_at_once_and_the_rest_of_the_request_dropped(
    header: tuple[bytes, bytes],
) -> None:
    client = _Client(b"abc", b"def", b"ghi")
    await _refuse(client, _scope(header), after=1)
    start, body, end = client.got
    assert (b"connection", b"close") in start["headers"]
    assert (body["body"], body["more_body"], body["unread"]) == (b"no!", True, 2)
    assert (end["body"], end["more_body"], end["unread"]) == (b"", False, 0)


@pytest.mark.parametrize(
    ("scope", "after"), [(_scope(), 0), (_scope((b"content-length", b"0")), 0), (_scope((b"content-length", b"3")), 1)]
)
async def test_other_responses_are_left_alone(scope: Scope, after: int) -> None:
    client = _Client(b"abc")
    subject = await _refuse(client, scope, after=after)
    assert subject.started
    assert [{**message, "unread": 0} for message in client.got] == [{**message, "unread": 0} for message in REFUSAL]


@pytest.mark.timeout(10)
async def test_a_client_that_sends_nothing_more_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LINGER_IDLE_SECONDS", 0.01)
    client = _Client(b"abc", ends=False)
    await _refuse(client, _scope((b"content-length", b"9")), after=1)
    assert client.got[-1]["more_body"] is False


@pytest.mark.timeout(10)
async def test_a_client_that_sends_without_end_is_not_listened_to_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LINGER_SECONDS", 0.05)

    async def more() -> Message:
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"x", "more_body": True}

    client = _Client()
    subject = Exchange(_scope((b"transfer-encoding", b"chunked")), more, client.send)
    for message in REFUSAL:
        await subject.send(dict(message))
    assert client.got[-1]["more_body"] is False


async def test_a_client_that_has_gone_is_not_waited_for() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    client = _Client()
    subject = Exchange(_scope((b"content-length", b"9")), gone, client.send)
    async with asyncio.timeout(0.5):
        for message in REFUSAL:
            await subject.send(dict(message))
