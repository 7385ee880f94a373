"""One line gives an application of somebody's own all problems, in its routes and in its description."""

from functools import lru_cache
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from starlette.requests import ClientDisconnect

from s3py_helper.domain.errors import StorageException
from s3py_helper.entrypoints.http.problems.table import PROBLEMS
from s3py_helper.fastapi import create_files_router, install_problem_handlers
from s3py_helper.storage import BucketNotFoundException, FileNotFoundException, StorageUnavailableException

JSON = "application/problem+json"


@lru_cache
def _application() -> FastAPI:
    """One for all tests: it takes longer to make than to answer."""
    app = FastAPI()
    install_problem_handlers(app, all_errors=True)
    app.include_router(create_files_router())
    errors: dict[str, BaseException] = {
        "missing": FileNotFoundException("no such file", file_id="s3:b/k"),
        "busy": StorageUnavailableException("too busy", retry_after=7),
        "bucket": BucketNotFoundException("no bucket secret-bucket"),
        "http": HTTPException(418, "a teapot", headers={"X-Pot": "tea"}),
        "bug": RuntimeError("secret"),
        "gone": ClientDisconnect(),
    }

    @app.get("/own/{kind}")
    async def own(kind: str, number: int = 0) -> None:
        raise errors[kind]

    return app


@pytest.mark.parametrize(
    ("path", "status", "members"),
    [
        ("/own/missing", 404, {"type": "urn:problem-type:s3py-helper:file-not-found", "file_id": "s3:b/k"}),
        ("/own/busy", 503, {"type": "urn:problem-type:s3py-helper:storage-unavailable", "retryable": True}),
        ("/own/bucket", 500, {"type": "urn:problem-type:s3py-helper:bucket-not-found"}),
        ("/own/http", 418, {"detail": "a teapot"}),
        ("/own/bug", 500, {"type": "urn:problem-type:s3py-helper:internal-error"}),
        ("/own/missing?number=x", 422, {"type": "urn:problem-type:s3py-helper:invalid-request"}),
        ("/nowhere", 404, {"type": "urn:problem-type:s3py-helper:not-found"}),
    ],
)
async def test_own_routes_answer_with_problems(path: str, status: int, members: dict[str, object]) -> None:
    transport = httpx.ASGITransport(_application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        response = await client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (status, JSON)
    assert response.json().items() >= members.items()
    assert "secret" not in response.text


async def test_a_client_that_leaves_an_own_route_is_no_bug() -> None:
    transport = httpx.ASGITransport(_application())
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/own/gone")).status_code == 499


def _described() -> dict[str, Any]:
    return _application().openapi()


def test_invalid_requests_are_described_as_they_are_answered() -> None:
    document = _described()
    assert {"HTTPValidationError", "ValidationError"}.isdisjoint(document["components"]["schemas"])
    reference = {"$ref": "#/components/schemas/Problem"}
    for path, method in (("/own/{kind}", "get"), ("/files/{file_id}/info", "get"), ("/files/upload", "post")):
        responses = document["paths"][path][method]["responses"]
        for status in ("422", "429", "default"):
            assert responses[status]["content"] == {JSON: {"schema": reference}}, (path, status)
    assert "Retry-After" in document["paths"]["/files/{file_id}/info"]["get"]["responses"]["503"]["headers"]


def test_a_description_is_made_once_and_stays() -> None:
    app = _application.__wrapped__()
    assert app.openapi() is app.openapi()
    assert "Problem" in app.openapi()["components"]["schemas"]


def test_every_operation_says_what_it_takes_and_gives() -> None:
    document = _described()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["operationId"], path
            if path.startswith("/files"):
                assert operation.get("summary"), path
                assert any(status.startswith("2") for status in operation["responses"]), path
                assert {"500", "503"} <= operation["responses"].keys(), (method, path)
    download = document["paths"]["/files/{file_id}/download"]["get"]
    assert download["parameters"][0]["example"].startswith("s3:")
    assert {"ETag", "Content-Disposition", "Accept-Ranges"} <= download["responses"]["200"]["headers"].keys()
    assert "Content-Range" in download["responses"]["206"]["headers"]
    assert download["responses"]["200"]["content"]["application/octet-stream"]["schema"]["format"] == "binary"


def test_every_kind_of_problem_is_an_example_of_a_type() -> None:
    types = _described()["components"]["schemas"]["Problem"]["properties"]["type"]["examples"]
    assert set(types) == {problem.uri for problem in PROBLEMS.values()}
    assert all(issubclass(kind, StorageException) for kind in PROBLEMS)
