"""`s3py migrate` as an operator types it, on a migration in memory."""

import io
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.main import get_group

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.ports.shard_queue import ShardQueue
from s3py_helper.entrypoints.cli.app import app
from s3py_helper.entrypoints.container.config import KitConfig
from tests.support.migration.in_memory import MemorySource, MemoryTarget
from tests.support.recorder import Recorder

SETTINGS = {
    "MODE": "hybrid",
    "FASTDFS__TRACKER_SERVERS": "127.0.0.9:1",
    "S3__ENDPOINT": "http://127.0.0.9:1",
    "S3__ACCESS_KEY_ID": "key",
    "S3__SECRET_ACCESS_KEY": "secret",
    "S3__DEFAULT_BUCKET": "files",
}


@dataclass(frozen=True)
class Typed:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What programs read; times, which differ from run to run, are looked at and left out."""
        found = [json.loads(line) for line in self.out.splitlines()]
        for each in found:
            if each["type"] == "summary":
                assert each.pop("at").endswith("+00:00")
                assert 0 <= each.pop("seconds") < 60
        return found


class NoShards:
    """A broker that has none, and remembers what is put into it."""

    def __init__(self) -> None:
        self.put_there: list[int] = []

    async def put(self, shards: Any) -> None:
        self.put_there += shards

    async def take(self, work: object, *, patience: float, stopping: object) -> int:
        return 0


@dataclass
class Operator:
    """Types commands.

    Attributes:
        source: FastDFS.
        target: S3.
        path: The ledger.
        configs: The deployment that each command asked for.
        queue: The broker; `None` where there is none.
        takes_part: Whether the deployment takes part in a migration.
    """

    source: MemorySource
    target: MemoryTarget
    path: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    configs: list[KitConfig] = field(default_factory=list[KitConfig])
    queue: NoShards | None = None
    takes_part: bool = True

    def types(self, *arguments: str, stdin: str = "") -> Typed:
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as left:
            _command_line().main(["migrate", *arguments], prog_name="s3py")
        return Typed(int(left.value.code or 0), *self.capsys.readouterr())

    def does(self, *arguments: str) -> None:
        """Type a command on the way to what a test is about."""
        typed = self.types(*arguments)
        assert (typed.code, typed.err) == (0, "")

    @asynccontextmanager
    async def ledger(self) -> AsyncGenerator[SqliteLedger]:
        async with SqliteLedger(self.path, "one") as ledger:
            yield ledger

    @asynccontextmanager
    async def services(self, config: KitConfig) -> AsyncGenerator[SimpleNamespace]:
        self.configs.append(config)
        async with self.ledger() as ledger:
            queue = self.queue
            make_queue = None if queue is None else lambda: _as_queue(queue)
            migration = Migration(self.source, self.target, ledger, "moved/", Recorder(), queue=make_queue)
            yield SimpleNamespace(migration=migration if self.takes_part else None)
            assert await ledger.workers() == 0, "claims were not released"


@cache
def _command_line() -> Any:
    """Made once: that takes longer than what most commands do."""
    return get_group(app)


def _as_queue(queue: NoShards) -> ShardQueue:
    return queue
