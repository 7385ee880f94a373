"""Who may do what, by a rule of the application."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request

from s3py_helper.fastapi import Action, Authorize, Endpoint, create_files_router
from s3py_helper.storage import InvalidArgumentException, StorageManager

type Asked = list[tuple[Action, str | None]]


@pytest.fixture
async def manager() -> AsyncIterator[StorageManager]:
    async with StorageManager.in_memory() as manager:
        yield manager


def _client(manager: StorageManager, authorize: Authorize | None = None, **options: object) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(create_files_router(lambda: manager, authorize=authorize, **options))  # type: ignore[arg-type]  # checked where it is used
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


async def test_each_file_is_asked_for_before_anything_is_done_with_it(manager: StorageManager) -> None:
    asked: Asked = []

    async def permit(_request: Request, action: Action, file_id: str | None) -> bool:
        asked.append((action, file_id))
        return True

    async with _client(manager, permit) as client:
        first, second = [
            (await client.post("/files/upload", files={"file": ("a.txt", b"x")})).json()["file_id"] for _ in range(2)
        ]
        await client.post("/files/batch-upload", files={"files": ("a.txt", b"x")})
        await client.get(f"/files/{first}/download")
        await client.head(f"/files/{first}/download")
        await client.get(f"/files/{first}/info")
        await client.post("/files/download-zip", json=[{"file_id": first}, {"file_id": second}])
        await client.delete(f"/files/{first}")
    read = (Action.READ, first)
    assert asked == [
        *[(Action.WRITE, None)] * 3,
        *[read] * 4,
        (Action.READ, second),
        (Action.DELETE, first),
    ]


async def test_a_file_that_may_not_be_read_is_in_no_archive_either(manager: StorageManager) -> None:
    ids = [(await manager.upload_service.upload_bytes(name, b"x")).file_id for name in ("mine.txt", "yours.txt")]

    def own(_request: Request, _action: Action, file_id: str | None) -> bool:
        return file_id is not None and file_id.endswith("mine.txt")

    async with _client(manager, own) as client:
        statuses = [(await client.get(f"/files/{file_id}/download")).status_code for file_id in ids]
        archive = await client.post("/files/download-zip?on_error=skip", json=[{"file_id": each} for each in ids])
        removal = await client.delete(f"/files/{ids[1]}")
    assert (statuses, archive.status_code, removal.status_code) == ([200, 403], 403, 403)
    assert archive.json() == {"detail": f"you may not do this here (read): {ids[1]}"}
    assert (await manager.info_service.get_file_info(ids[1])).file_size == 1


@pytest.mark.parametrize("answer", [False, None, 1, "yes"])
async def test_only_true_permits(manager: StorageManager, answer: object) -> None:
    async with _client(manager, lambda *_: answer) as client:  # type: ignore[arg-type]  # what a careless rule may return
        response = await client.post("/files/upload", files={"file": ("a.txt", b"x")})
    assert response.status_code == 403
    assert [file async for file in manager.list_service.list_files()] == []


async def test_a_rule_may_answer_by_itself(manager: StorageManager) -> None:
    def nothing_to_see(*_: object) -> bool:
        raise HTTPException(404, "what file?")

    async with _client(manager, nothing_to_see) as client:
        response = await client.get("/files/memory:files/a/info")
    assert (response.status_code, response.json()) == (404, {"detail": "what file?"})


async def test_a_router_has_the_endpoints_that_were_chosen(manager: StorageManager) -> None:
    async with _client(manager, endpoints=set(Endpoint) - {Endpoint.DELETE}) as client:
        attach = (await client.post("/files/upload", files={"file": ("a.txt", b"x")})).json()
        removal = await client.delete(f"/files/{attach['file_id']}")
        assert removal.status_code in {404, 405}
        assert (await client.get(f"/files/{attach['file_id']}/info")).status_code == 200
    async with _client(manager, endpoints=["download"]) as client:
        assert (await client.get(f"/files/{attach['file_id']}/download")).content == b"x"
        assert (await client.get(f"/files/{attach['file_id']}/info")).status_code == 404


def test_an_endpoint_that_does_not_exist_is_named() -> None:
    with pytest.raises(InvalidArgumentException, match="no such endpoint: remove; there are upload, download"):
        create_files_router(endpoints=["remove"])
    with pytest.raises(InvalidArgumentException, match="endpoints is a list of str, got str"):
        create_files_router(endpoints="delete")
