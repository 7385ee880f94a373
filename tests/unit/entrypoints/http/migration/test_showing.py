"""What a migration's endpoints show."""

import asyncio

import httpx
import pytest

from s3py_helper.application.ports.ledger import Limits
from s3py_helper.domain.migration import FileState, Route
from s3py_helper.entrypoints.http.app import create_app
from s3py_helper.entrypoints.settings import load_settings
from tests.unit.entrypoints.http.migration.conftest import Admin, OpenAdmin

pytestmark = pytest.mark.timeout(60)


async def test_an_empty_ledger_has_all_phases_ahead(admin: Admin) -> None:
    status = await admin.get("status")
    assert [phase["phase"] for phase in status["phases"]] == ["plan", "copy", "verify", "s3-first", "s3-only", "drain"]
    assert {phase["state"] for phase in status["phases"]} == {"ahead"}
    assert (status["groups"], status["states"], status["errors"], status["speeds"]) == ([], {}, [], None)


async def test_groups_phases_reasons_and_limits_are_those_of_the_ledger(admin: Admin) -> None:
    await admin.plan(4)
    await admin.plan(1, "group2", size=5)
    await admin.end(FileState.COPIED, 2)
    taken = await admin.end(FileState.QUARANTINED, 1, "conflict: another object has the key")
    await admin.ledger.set_route("group2", Route.S3_FIRST)
    await admin.ledger.set_limits(Limits(files_per_second=7))
    status = await admin.get("status")
    first, second = status["groups"]
    assert first == {
        "group": "group1",
        "route": "fastdfs",
        "states": {
            "planned": {"files": 1, "bytes": 1000},
            "copied": {"files": 2, "bytes": 2000},
            "quarantined": {"files": 1, "bytes": 1000},
        },
    }
    assert (second["group"], second["route"]) == ("group2", "s3-first")
    assert status["states"]["planned"] == {"files": 2, "bytes": 1005}
    phases = {phase["phase"]: (phase["state"], phase["done"], phase["of"]) for phase in status["phases"]}
    assert phases["plan"] == ("under-way", 5, 5)
    assert phases["copy"] == ("under-way", 2, 4)
    assert phases["s3-first"] == ("under-way", 1, 2)
    assert status["errors"] == [{"code": "conflict", "count": 1, "samples": [str(taken[0])]}]
    assert status["limits"]["files_per_second"] == 7
    assert await admin.get("errors") == status["errors"]
    assert await admin.get("limits") == status["limits"]
    assert await admin.get("routes") == [
        {"group": "group1", "route": "fastdfs"},
        {"group": "group2", "route": "s3-first"},
    ]


async def test_however_many_ask_the_ledger_is_read_once(admin: Admin) -> None:
    await admin.plan(1)
    await asyncio.gather(*(admin.get(path) for path in ("status", "errors", "routes", "limits") * 25))
    assert admin.reads == 1


async def test_a_ledger_that_cannot_be_read_is_told_with_its_reason_until_it_can(admin: Admin, often: None) -> None:
    admin.break_ledger()
    response = await admin.client.get("/admin/migration/status")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "no such table: file" in response.json()["detail"]
    admin.mend_ledger()
    for _ in range(200):
        if (response := await admin.client.get("/admin/migration/status")).status_code == 200:
            break
        await asyncio.sleep(0.05)
    assert response.status_code == 200


async def test_a_token_needs_the_scope_admin(open_admin: OpenAdmin) -> None:
    admin: Admin = await open_admin(
        api_token="everything",
        tokens={
            "reader": {"sha256": "3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30", "scopes": "read"}
        },
    )
    paths = ["status", "events", "errors", "routes", "limits"]
    for path in paths:
        url = f"/admin/migration/{path}"
        assert (await admin.client.get(url)).status_code == 401
        assert (await admin.client.get(url, headers={"Authorization": "Bearer wrong"})).status_code == 401
        refused = await admin.client.get(url, headers={"Authorization": "Bearer reader"})
        assert refused.status_code == 403
        assert 'scope="admin"' in refused.headers["www-authenticate"]
    for verb in ("errors/retry", "routes/group1", "limits", "pause", "resume"):
        assert (await admin.post(verb)).status_code == 401
        assert (await admin.post(verb, headers={"Authorization": "Bearer reader"})).status_code == 403
    assert (await admin.ledger.limits()) == Limits()
    allowed = await admin.client.get("/admin/migration/status", headers={"Authorization": "Bearer everything"})
    assert allowed.status_code == 200
    page = await admin.client.get("/admin/migration")
    assert page.status_code == 200
    assert 'data-token="needed"' in page.text


async def test_without_a_migration_all_paths_say_how_to_switch_it_on() -> None:
    app = create_app(load_settings(mode="filesystem"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        for method, path in [("GET", ""), ("GET", "/status"), ("GET", "/events"), ("POST", "/routes/group1")]:
            response = await client.request(method, "/admin/migration" + path)
            assert response.status_code == 404
            assert "S3PY_MIGRATION__LEDGER" in response.json()["detail"]
        assert "/admin/migration/status" not in (await client.get("/openapi.json")).json()["paths"]
