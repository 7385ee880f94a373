"""What an application answers when something other than storage goes wrong, and what it logs."""

import logging

import httpx
import pytest
from fastapi import APIRouter, FastAPI, HTTPException

from s3py_helper.domain.errors import FileNotFoundException, StorageException, StorageOperationException
from s3py_helper.entrypoints.http.problems.handlers import install_problem_handlers
from s3py_helper.entrypoints.http.problems.route import ProblemRoute


async def _answer(error: Exception) -> httpx.Response:
    app = FastAPI()
    install_problem_handlers(app)
    router = APIRouter(route_class=ProblemRoute)

    @router.get("/fail")
    async def fail(number: int = 0) -> int:
        if number:
            return number
        raise error

    app.include_router(router)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get("/fail")


@pytest.mark.parametrize(
    ("status", "name", "title"),
    [(404, "not-found", "Not Found"), (418, "im-a-teapot", "I'm a Teapot"), (499, "other", "Other problem")],
)
async def test_an_http_error_is_a_problem(status: int, name: str, title: str) -> None:
    answer = await _answer(HTTPException(status, "told", headers={"X-Fact": "1"}))
    assert (answer.status_code, answer.headers["x-fact"]) == (status, "1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": f"urn:problem-type:s3py-helper:{name}",
        "title": title,
        "status": status,
        "detail": "told",
    }


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_a_body_has_none(status: int) -> None:
    answer = await _answer(HTTPException(status))
    assert (answer.status_code, answer.content) == (status, b"")


async def test_a_bug_tells_nothing_of_the_inside() -> None:
    answer = await _answer(RuntimeError("secret"))
    assert (answer.status_code, answer.json()["title"]) == (500, "Internal error")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("error", "logged"),
    [(StorageOperationException("disk on fire"), True), (FileNotFoundException("no such file"), False)],
)
async def test_what_operators_should_know_is_logged(
    caplog: pytest.LogCaptureFixture, error: StorageException, *, logged: bool
) -> None:
    caplog.set_level(logging.INFO, logger="s3py_helper")
    await _answer(error)
    assert [record.getMessage() for record in caplog.records if record.name.startswith("s3py_helper")] == (
        ["GET '/fail': disk on fire"] if logged else []
    )
