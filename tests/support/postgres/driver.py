"""The driver's connections as a test wants them, without a server."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

type Answer = Callable[[str, tuple[object, ...]], Awaitable[Any]]


class ScriptedConnection:
    """One connection.

    Attributes:
        asked: Every statement with its values; `begin` and `commit` or `rollback` for a transaction's ends.
        ended: How it ended: `terminated`, or `closed` with the seconds that it had for it.
        error: Raised when it is closed.
        answer: Gives the rows of a statement.
    """

    def __init__(self, answer: Answer | None = None) -> None:
        self.asked: list[object] = []
        self.ended: list[object] = []
        self.error: Exception | None = None
        self.in_transaction = False
        self.lost = False
        self.answer = answer

    def is_closed(self) -> bool:
        return self.lost or bool(self.ended)

    def is_in_transaction(self) -> bool:
        return self.in_transaction

    def terminate(self) -> None:
        self.ended.append("terminated")

    async def close(self, *, timeout: float) -> None:  # noqa: ASYNC109 - the driver's
        self.ended.append(("closed", timeout))
        if self.error is not None:
            raise self.error

    async def fetch(self, query: str, *values: object) -> Any:
        self.asked.append((query, *values))
        return [] if self.answer is None else await self.answer(query, values)

    execute = fetch

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None]:
        self.asked.append("begin")
        try:
            yield
        except BaseException:  # as the driver does
            self.asked.append("rollback")
            raise
        self.asked.append("commit")


class ScriptedDriver:
    """Stands in for `asyncpg.connect`.

    Attributes:
        answer: What the connections answer with that are made from now on.
        failures: Raised by the next attempts to connect, one each; `None` lets one succeed.
        asked: The arguments of each attempt.
        made: The connections.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: Answer | None = None
        self.failures: list[Exception | None] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.made: list[ScriptedConnection] = []
        monkeypatch.setattr(asyncpg, "connect", self._connect)

    async def _connect(self, url: str, **settings: Any) -> ScriptedConnection:
        self.asked.append((url, settings))
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        self.made.append(ScriptedConnection(self.answer))
        return self.made[-1]
