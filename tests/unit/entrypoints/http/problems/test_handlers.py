"""What an application answers when something other than storage goes wrong, and what it logs."""

import logging

import httpx
import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError

from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    InvalidRangeException,
    StorageException,
    StorageOperationException,
)
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
async def test_what_operators_should_know_is_logged_in_one_line(
    caplog: pytest.LogCaptureFixture, error: StorageException, *, logged: bool
) -> None:
    caplog.set_level(logging.INFO, logger="s3py_helper")
    await _answer(error)
    records = [record for record in caplog.records if record.name.startswith("s3py_helper")]
    assert [record.getMessage() for record in records] == (["GET '/fail': disk on fire"] if logged else [])
    assert not any(record.exc_info for record in records)


async def test_the_traceback_is_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="s3py_helper")
    await _answer(StorageOperationException("disk on fire"))
    [record] = [record for record in caplog.records if record.name.startswith("s3py_helper")]
    assert record.exc_info


async def test_no_name_forges_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    await _answer(StorageOperationException("failed: a\r\nGET '/forged'\x1b[2J\u2028"))
    [record] = [record for record in caplog.records if record.name.startswith("s3py_helper")]
    assert record.getMessage() == "GET '/fail': failed: a\\r\\nGET '/forged'\\x1b[2J\\u2028"


async def test_clients_are_not_told_what_is_for_operators() -> None:
    answer = await _answer(AccessDeniedException("bucket hidden at http://10.9.8.7:9000", file_id="s3:b/k"))
    assert answer.json()["detail"] == "the storage denied access to this service: s3:b/k"
    assert "10.9.8.7" not in answer.text


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundException("no"),
        InvalidRangeException("no", size=7),
        StorageOperationException("no"),
        HTTPException(404),
        RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}]),
        RuntimeError("no"),
    ],
)
async def test_no_browser_guesses_the_type_of_a_problem(error: Exception) -> None:
    assert (await _answer(error)).headers["x-content-type-options"] == "nosniff"
