"""The stream of events of a migration."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from starlette.types import Message

from s3py_helper.entrypoints.http.migration import events
from tests.support.waiting import until
from tests.unit.entrypoints.http.migration.conftest import Admin

pytestmark = pytest.mark.timeout(60)


class Watcher:
    """A client that takes a stream of events as it comes.

    Attributes:
        ended: Whether the service has ended the stream.
    """

    def __init__(self) -> None:
        self.start: Message = {}
        self.text = ""
        self.ended = False
        self.leaving = asyncio.Event()
        self._has_sent = False

    async def receive(self) -> Message:
        if not self._has_sent:
            self._has_sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.leaving.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.text += message.get("body", b"").decode()
            self.ended = not message.get("more_body", False)

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.start["headers"]}

    @property
    def events(self) -> list[tuple[str, Any]]:
        """Names and data of those that came whole."""
        blocks = [block.split("\n") for block in self.text.split("\n\n")[:-1] if "\ndata: " in block]
        return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, _, data in blocks]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


@asynccontextmanager
async def watching(admin: Admin) -> AsyncIterator[Watcher]:
    watcher = Watcher()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/admin/migration/events", "raw_path": b"/admin/migration/events", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    serving = asyncio.ensure_future(admin.app(scope, watcher.receive, watcher.send))
    try:
        yield watcher
    finally:
        watcher.leaving.set()
        await serving


@pytest.mark.slow
async def test_the_status_comes_at_once_and_once_a_second(admin: Admin) -> None:
    await admin.plan(3)
    async with watching(admin) as watcher:
        await until(lambda: watcher.names == ["status"])
        assert watcher.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert watcher.headers["cache-control"] == "no-store"
        assert watcher.text.startswith("retry: 2000\n\n")
        await admin.plan(2, first=3)
        await until(lambda: len(watcher.events) > 1)
    first, second = (data for _, data in watcher.events[:2])
    assert first["states"] == {"planned": {"files": 3, "bytes": 3000}}
    assert second["states"] == {"planned": {"files": 5, "bytes": 5000}}
    assert second["speeds"]["copied"] == {"files": 0.0, "bytes": 0.0}


async def test_a_hundred_watchers_cost_one_look_at_the_ledger(admin: Admin, often: None) -> None:
    async with AsyncExitStack() as stack:
        watchers = [await stack.enter_async_context(watching(admin)) for _ in range(100)]
        await until(lambda: min(watcher.text.count("event: status") for watcher in watchers) >= 3, within=30)
        told = max(watcher.text.count("event: status") for watcher in watchers)
        assert told <= admin.reads <= 2 * told


async def test_a_ledger_that_fails_is_told_and_looked_at_again(admin: Admin, often: None) -> None:
    async with watching(admin) as watcher:
        await until(lambda: watcher.names == ["status"])
        admin.break_ledger()
        await until(lambda: "trouble" in watcher.names)
        admin.mend_ledger()
        await until(lambda: watcher.names[-1] == "status")
    name, problem = watcher.events[watcher.names.index("trouble")]
    assert (name, problem["status"]) == ("trouble", 500)
    assert "no such table: file" in problem["detail"]


async def test_it_ends_when_the_service_is_being_stopped(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_LOOK_SECONDS", 0.05)
    async with watching(admin) as watcher:
        await until(lambda: watcher.events)
        admin.service.draining.begin()
        await until(lambda: watcher.ended)


async def test_nothing_goes_on_when_its_client_has_left(admin: Admin) -> None:
    async with watching(admin) as watcher:
        await until(lambda: watcher.events)
        before = asyncio.all_tasks()
        assert any("after" in repr(task) for task in before)
    await until(lambda: not any("StatusFeed" in repr(task) for task in asyncio.all_tasks()))
    assert not watcher.ended


async def test_a_stream_with_nothing_to_tell_shows_that_it_lives(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr(events, "_LOOK_SECONDS", 0.05)
    async with watching(admin) as watcher:
        await until(lambda: ": still here\n\n" in watcher.text)
