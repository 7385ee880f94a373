"""The description of an application that answers all errors as problems (OpenAPI 3.1).

FastAPI describes its own answer to invalid requests, and each problem where it occurs. Here invalid requests are
described as they are answered, and the problem once.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from fastapi import FastAPI

from s3py_helper.entrypoints.http.openapi import PROBLEM

_JSON: Final = "application/problem+json"
_NAME: Final = "Problem"
_METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})

_RETRY_AFTER: Final = {"description": "Seconds after which to come back.", "schema": {"type": "integer"}}
_CHALLENGE: Final = {"description": "How to say who you are (RFC 6750).", "schema": {"type": "string"}}
_HEADERS: Final[Mapping[str, dict[str, Any]]] = {
    "401": {"WWW-Authenticate": _CHALLENGE},
    "403": {},
    "429": {"Retry-After": _RETRY_AFTER},
    "503": {"Retry-After": _RETRY_AFTER},
}

_PROBLEM_EXAMPLE: Final = {
    "type": "urn:problem-type:s3py-helper:file-not-found",
    "title": "File not found",
    "status": 404,
    "detail": "no such file: s3:my-bucket/0c1d2e3f40516273_report.pdf",
    "file_id": "s3:my-bucket/0c1d2e3f40516273_report.pdf",
    "operation": "info",
    "retryable": False,
}

_EXAMPLES: Final[Mapping[str, object]] = {
    "file_id": "s3:my-bucket/0c1d2e3f40516273_report.pdf",
    "file_name": "report.pdf",
    "folder": "reports/2026",
    "prefix": "reports/",
}


def describe_problems(app: FastAPI) -> None:
    """Have the application's description say what is true with these problems."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None or _NAME not in _schemas(app.openapi_schema):
            app.openapi_schema = _completed(described())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way: "Extending OpenAPI"


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    schemas = _schemas(document)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas[_NAME] = PROBLEM | {"example": _PROBLEM_EXAMPLE}
    for operation in _operations(document):
        _describe(operation)
    return document


def _describe(operation: dict[str, Any]) -> None:
    responses: dict[str, dict[str, Any]] = operation.setdefault("responses", {})
    if "422" in responses:
        responses["422"] = _problem("A parameter or field is missing or wrong; `errors` lists them")
    if "security" in operation:
        responses["401"] = _problem("No token, or one that is not known")
        responses.setdefault("403", _problem("The token does not permit it"))
    responses.setdefault("429", _problem("Too many requests"))
    responses["default"] = _problem("Any other problem")
    for status, response in responses.items():
        if _JSON in response.get("content", {}):
            response["content"] = _problem("")["content"]
            response.setdefault("headers", {}).update(_HEADERS.get(status, {}))
    for parameter in operation.get("parameters", ()):
        if (example := _EXAMPLES.get(parameter["name"])) is not None:
            parameter.setdefault("example", example)


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {_JSON: {"schema": {"$ref": f"#/components/schemas/{_NAME}"}}}}


def _schemas(document: dict[str, Any]) -> dict[str, Any]:
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    return schemas


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in cast("dict[str, dict[str, dict[str, Any]]]", document.get("paths", {})).values():
        for method, operation in path.items():
            if method in _METHODS:
                yield operation
