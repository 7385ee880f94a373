"""What a migration's endpoints change."""

import httpx
import pytest
from fastapi import FastAPI, Request

from s3py_helper.application.ports.ledger import Limits
from s3py_helper.domain.migration import FileState, Route
from s3py_helper.fastapi import Action, create_migration_page_router, create_migration_router, storage_lifespan
from s3py_helper.storage import MigrationConfig, S3Config, StorageManager, StorageMode, StorageModeConfig
from tests.unit.entrypoints.http.migration.conftest import NOBODY, Admin

pytestmark = pytest.mark.timeout(60)


async def test_limits_that_are_left_out_stay_and_0_or_null_takes_one_away(admin: Admin) -> None:
    await admin.post("limits", {"bytes_per_second": 5000, "files_per_second": 7, "concurrency": 3})
    assert await admin.ledger.limits() == Limits(5000, 7, 3)
    response = await admin.post("limits", {"files_per_second": 0, "concurrency": None})
    assert response.json() == {
        "bytes_per_second": 5000,
        "files_per_second": None,
        "concurrency": None,
        "paused": False,
    }
    assert await admin.ledger.limits() == Limits(5000)
    assert await admin.get("limits") == response.json()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"bytes_per_second": -1}, "body.bytes_per_second: Input should be greater than or equal to 0"),
        ({"files_per_second": "fast"}, "body.files_per_second: Input should be a valid integer"),
        ({"files_per_second": 1.5}, "body.files_per_second"),
        ({"concurrency": True}, "body.concurrency"),
        ({"bytes_per_second": 1 << 53}, "body.bytes_per_second"),
        ({"bytes": 5}, "body.bytes: Extra inputs are not permitted"),
        ([], "body"),
    ],
)
async def test_limits_that_are_none_are_named(admin: Admin, body: object, named: str) -> None:
    response = await admin.post("limits", body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert named in response.json()["detail"]
    assert await admin.ledger.limits() == Limits()


async def test_workers_are_paused_and_go_on(admin: Admin) -> None:
    await admin.ledger.set_limits(Limits(files_per_second=7))
    assert (await admin.post("pause")).json()["paused"] is True
    assert await admin.ledger.limits() == Limits(files_per_second=7, paused=True)
    assert (await admin.get("status"))["limits"]["paused"] is True
    assert (await admin.post("resume")).json()["paused"] is False
    assert await admin.ledger.limits() == Limits(files_per_second=7)


async def test_what_is_put_aside_is_planned_again(admin: Admin) -> None:
    await admin.plan(3)
    await admin.end(FileState.QUARANTINED, 2, "corrupt: no server has good bytes")
    assert len(await admin.get("errors")) == 1
    assert (await admin.post("errors/retry")).json() == {"planned_again": 2}
    # Not what was read a moment ago.
    assert await admin.get("errors") == []
    assert (await admin.get("status"))["states"] == {"planned": {"files": 3, "bytes": 3000}}


async def test_chosen_files_are_planned_again(admin: Admin) -> None:
    await admin.plan(3)
    first, second = await admin.end(FileState.QUARANTINED, 2, "corrupt: no server has good bytes")
    unknown = "group1/M00/00/00/never-planned.txt"
    asked = await admin.post("errors/retry", {"file_ids": [str(first), unknown]})
    assert asked.json() == {"planned_again": 1}
    [left] = await admin.get("errors")
    assert left["samples"] == [str(second)]


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"file_ids": []}, 422, "body.file_ids"),
        ({}, 422, "body.file_ids"),
        ({"file_ids": "all"}, 422, "body.file_ids"),
        ({"file_ids": ["no id"]}, 400, "no id"),
    ],
)
async def test_a_choice_that_is_none_plans_nothing(admin: Admin, body: object, status: int, named: str) -> None:
    await admin.plan(1)
    await admin.end(FileState.QUARANTINED, 1, "corrupt: no server has good bytes")
    refused = await admin.post("errors/retry", body)
    assert refused.status_code == status
    assert named in refused.text
    assert len(await admin.get("errors")) == 1


async def test_a_route_is_changed_through_the_gates_of_the_command(admin: Admin) -> None:
    await admin.plan(2)
    refused = await admin.post("routes/group1", {"route": "s3-only"})
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:problem-type:s3py-helper:not-safe-yet"
    assert refused.json()["detail"] == "2 files of group1 are planned, not verified: run 'apply' and 'verify' first"
    changed = await admin.post("routes/group1", {"route": "s3-first"})
    assert (changed.status_code, changed.json()) == (200, {"group": "group1", "route": "s3-first"})
    assert await admin.ledger.routes() == {"group1": Route.S3_FIRST}
    assert await admin.get("routes") == [changed.json()]

    await admin.end(FileState.VERIFIED, 1)
    (taken,) = await admin.end(FileState.QUARANTINED, 1, "conflict: another object has the key")
    named = {"route": "s3-only", "accept_quarantine": [str(taken)]}
    assert "accept them by name" in (await admin.post("routes/group1", {"route": "s3-only"})).json()["detail"]
    assert "was not whole" in (await admin.post("routes/group1", named)).json()["detail"]
    assert (await admin.post("routes/group1", named | {"accept_incomplete": True})).status_code == 200
    assert await admin.ledger.routes() == {"group1": Route.S3_ONLY}


@pytest.mark.parametrize(
    ("group", "body", "status", "named"),
    [
        ("nobody", {"route": "s3-first"}, 400, "the ledger knows no group 'nobody'"),
        ("group1", {"route": "s3"}, 422, "body.route"),
        ("group1", {}, 422, "body.route: Field required"),
        ("group1", {"route": "s3-only", "accept_quarantine": ["none"]}, 400, "none"),
        ("group1", {"route": "s3-only", "accept_quarantine": "all"}, 422, "body.accept_quarantine"),
        ("group1", {"route": "s3-only", "accept_quarantine": ["x"] * 1001}, 422, "at most 1000 items"),
        ("group1", {"route": "s3-only", "force": True}, 422, "body.force"),
    ],
)
async def test_a_route_that_makes_no_sense_is_refused(
    admin: Admin, group: str, body: object, status: int, named: str
) -> None:
    await admin.plan(1)
    response = await admin.post(f"routes/{group}", body)
    assert response.status_code == status
    assert named in response.json()["detail"]
    assert await admin.ledger.routes() == {}


async def test_bodies_are_json_and_small(admin: Admin) -> None:
    as_form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await admin.post("limits", content=b'{"concurrency": 1}', headers=as_form)).status_code == 415
    as_json = {"content-type": "application/json"}
    assert (await admin.post("limits", content=b"{", headers=as_json)).status_code == 422
    assert (await admin.post("limits", content=b" " * (1 << 20), headers=as_json)).status_code == 413
    assert await admin.ledger.limits() == Limits()


async def test_pages_of_other_sites_change_nothing(admin: Admin) -> None:
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://other.example"}):
        assert (await admin.post("pause", headers=headers)).status_code == 403
    assert await admin.ledger.limits() == Limits()
    assert (await admin.post("pause", headers={"sec-fetch-site": "same-origin"})).status_code == 200


@pytest.fixture
def manager(tmp_path_factory: pytest.TempPathFactory) -> StorageManager:
    ledger = tmp_path_factory.mktemp("ledger") / "ledger.db"
    return StorageManager(
        StorageModeConfig(mode=StorageMode.S3),
        s3_config=S3Config(**NOBODY),
        migration_config=MigrationConfig(ledger=str(ledger)),
    )


async def test_an_application_has_the_same_endpoints(manager: StorageManager) -> None:
    asked: list[Action] = []

    def permit(_request: Request, action: Action, _file_id: str | None) -> bool:
        asked.append(action)
        return True

    app = FastAPI(lifespan=storage_lifespan(manager))
    app.include_router(create_migration_router(lambda: manager, prefix="/ops/exit", authorize=permit))
    app.include_router(create_migration_page_router(prefix="/ops/exit"))
    async with (
        manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client,
    ):
        assert (await client.get("/ops/exit/status")).json()["groups"] == []
        assert asked == [Action.ADMIN]
        foreign = {"sec-fetch-site": "same-site"}
        # Cookies come along by themselves; a bearer token does not.
        assert (await client.post("/ops/exit/pause", headers=foreign)).status_code == 403
        assert (await client.get("/ops/exit/limits")).json()["paused"] is False
        known = foreign | {"authorization": "Bearer known"}
        assert (await client.post("/ops/exit/pause", headers=known)).status_code == 200
        assert 'src="exit/page/migration.js"' in (await client.get("/ops/exit")).text
        assert (await client.get("/ops/exit/page/elements.js")).status_code == 200
        assert (await client.get("/ops/exit/page/page.js")).status_code == 404


async def test_a_manager_without_a_migration_has_none_to_show() -> None:
    async with StorageManager.in_memory() as manager:
        app = FastAPI()
        app.include_router(create_migration_router(lambda: manager))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            response = await client.get("/admin/migration/status")
    assert response.status_code == 404
    assert "takes part in no migration" in response.json()["detail"]
