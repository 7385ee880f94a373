"""A service that takes part in a migration, and a second look at its ledger."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import status_feed
from s3py_helper.application.ports.ledger import Outcome, PlannedFile
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState
from s3py_helper.entrypoints.http.app import Service, create_worker
from s3py_helper.entrypoints.settings import load_settings

NOBODY = {
    "endpoint": "http://127.0.0.9:1",
    "access_key_id": "key",
    "secret_access_key": "secret",
    "default_bucket": "files",
}

_IN_MEMORY = Path("/dev/shm")


def file_id(number: int, group: str = "group1") -> FileId:
    return FileId.parse(f"{group}/M00/00/00/{number:027d}.txt")


class Admin:
    """The service, a client of it, and the ledger as a worker sees it.

    Attributes:
        app: The service with its lifespan's state.
        reads: How often the service has counted its files.
    """

    def __init__(
        self, service: Service, app: ASGIApp, client: httpx.AsyncClient, ledger: SqliteLedger, path: Path
    ) -> None:
        self.service = service
        self.app = app
        self.client = client
        self.ledger = ledger
        self.path = path
        self.reads = 0

    async def get(self, path: str) -> Any:
        response = await self.client.get(f"/admin/migration/{path}")
        assert response.status_code == 200, response.text
        return response.json()

    async def post(self, path: str, body: object = None, **options: Any) -> httpx.Response:
        if body is not None:
            options["json"] = body
        return await self.client.post(f"/admin/migration/{path}", **options)

    async def plan(self, count: int, group: str = "group1", *, size: int = 1000, first: int = 0) -> list[FileId]:
        ids = [file_id(number, group) for number in range(first, first + count)]
        await self.ledger.plan([PlannedFile(each, FileKind.NORMAL, size=size) for each in ids])
        return ids

    async def end(self, state: FileState, count: int, reason: str | None = None) -> list[FileId]:
        """Have a worker bring so many planned files into that state."""
        claims = await self.ledger.claim("worker", count, 60)
        outcomes = [Outcome(claim.file_id, claim.fence, state, reason, size=claim.size) for claim in claims]
        assert await self.ledger.record(outcomes) == [True] * count
        return [claim.file_id for claim in claims]

    def break_ledger(self) -> None:
        self._alter("alter table file rename to lost")

    def mend_ledger(self) -> None:
        self._alter("alter table lost rename to file")

    def _alter(self, statement: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(statement)


type OpenAdmin = Callable[..., Any]


@pytest.fixture(scope="session")
def ledger_path() -> Iterator[Path]:
    """The same for all, in memory: a disk takes 50 ms to be sure of a row."""
    with TemporaryDirectory(dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None) as folder:
        yield Path(folder) / "ledger.db"


@lru_cache
def _usual(path: Path) -> Service:
    """One for all tests without settings of their own: it takes longer to make than to answer."""
    return _service(path, {})


def _service(path: Path, settings: dict[str, object]) -> Service:
    return create_worker(load_settings(**{"mode": "s3", "s3": NOBODY, "migration": {"ledger": str(path)}} | settings))


@pytest.fixture
async def open_admin(ledger_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenAdmin]:
    """Open such a service, with further settings and an empty ledger."""
    for left in ledger_path.parent.iterdir():
        left.unlink()
    async with AsyncExitStack() as stack:

        async def opened(**settings: object) -> Admin:
            service = _service(ledger_path, settings) if settings else _usual(ledger_path)
            service.draining.begun = False
            return await stack.enter_async_context(_admin(service, ledger_path, monkeypatch))

        yield opened


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have counts hold for a tenth of a second instead of one."""
    monkeypatch.setattr(status_feed, "FRESH_SECONDS", 0.1)


@pytest.fixture
async def admin(open_admin: OpenAdmin) -> Admin:
    opened: Admin = await open_admin()
    return opened


@asynccontextmanager
async def _admin(service: Service, path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Admin]:
    async with service.router.lifespan_context(service) as state, SqliteLedger(path, "files/") as ledger:

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await service({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            admin = Admin(service, app, client, ledger, path)
            _count_reads(admin, monkeypatch)
            yield admin


def _count_reads(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    tallies = SqliteLedger.tallies

    async def counted(ledger: SqliteLedger) -> Any:
        admin.reads += ledger is not admin.ledger
        return await tallies(ledger)

    monkeypatch.setattr(SqliteLedger, "tallies", counted)
