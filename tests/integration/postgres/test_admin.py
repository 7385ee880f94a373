"""A migration over HTTP while its database is away."""

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from s3py_helper.adapters.postgres import database as database_module
from s3py_helper.entrypoints.http.app import create_worker
from s3py_helper.entrypoints.settings import load_settings
from tests.support.postgres.server import PASSWORD, PostgresServer


@pytest.mark.timeout(120)
async def test_a_database_that_is_away_is_told_without_its_password_until_it_is_back(
    own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_PATIENCE", 0.2)
    s3 = {"endpoint": "http://127.0.0.9:1", "access_key_id": "key", "secret_access_key": "secret"}
    service = create_worker(
        load_settings(mode="s3", s3=s3 | {"default_bucket": "files"}, migration={"ledger": own_postgres.url()})
    )
    async with service.router.lifespan_context(service) as state:

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await service({**scope, "state": dict(state or {})}, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            assert (await client.get("/admin/migration/status")).status_code == 200
            own_postgres.stop()
            refused = await client.post("/admin/migration/pause")
            assert refused.status_code == 503
            assert "retry-after" in refused.headers
            assert "the ledger" in refused.json()["detail"]
            assert PASSWORD not in refused.text
            own_postgres.start()
            assert (await client.post("/admin/migration/pause")).json()["paused"] is True
            assert (await client.get("/admin/migration/status")).json()["limits"]["paused"] is True
