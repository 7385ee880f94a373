"""Errors of an application as problem details."""

from fastapi import FastAPI, Request
from starlette.responses import Response

from s3py_helper.domain.errors import StorageException
from s3py_helper.entrypoints.http.description import describe_problems
from s3py_helper.entrypoints.http.problems import handlers
from s3py_helper.entrypoints.http.problems.route import logged_problem


def install_problem_handlers(app: FastAPI, *, all_errors: bool = False) -> None:
    """Answer every `StorageException` that an endpoint raises with `application/problem+json` (RFC 9457).

    The status is that of the table in docs/http.md; errors of the server are logged. Handlers that the application
    registers for subclasses go first.

    Args:
        app: The application.
        all_errors: Answer invalid requests, `HTTPException`s and unexpected errors in the same form, and describe them
            so in the application's OpenAPI document.
    """
    app.add_exception_handler(StorageException, _storage_problem)
    if all_errors:
        handlers.install_problem_handlers(app)
        describe_problems(app)


async def _storage_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, StorageException)  # noqa: S101 - what the handler is registered for
    return logged_problem(request.scope, error)
