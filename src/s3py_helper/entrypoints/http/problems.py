"""Errors as `application/problem+json` (RFC 9457)."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from s3py_helper.domain.errors import InvalidRangeException, StorageException, StorageUnavailableException
from s3py_helper.entrypoints.http.problem_table import INTERNAL_ERROR, INVALID_REQUEST, Problem, problem_of

PROBLEM_JSON: Final = "application/problem+json"
RETRY_AFTER: Final = 5.0
"""Seconds that clients are asked to wait when the backend named no time."""

CLIENT_CLOSED_REQUEST: Final = 499
"""Nobody is left to read it; it only shows in logs, as with nginx."""


class ProblemResponse(JSONResponse):
    """A problem; members whose value is `None` are left out."""

    media_type = PROBLEM_JSON

    def __init__(
        self, problem: Problem, detail: str, *, headers: Mapping[str, str] | None = None, **facts: object
    ) -> None:
        members = {"type": problem.uri, "title": problem.title, "status": problem.status, "detail": detail} | facts
        known = {name: value for name, value in members.items() if value is not None}
        super().__init__(known, problem.status, headers)


def storage_problem(error: StorageException) -> ProblemResponse:
    """The answer to an error of the tree, with its facts."""
    return ProblemResponse(
        problem_of(error),
        str(error),
        headers=_headers_of(error),
        file_id=error.file_id,
        file_name=error.file_name,
        operation=error.operation,
        retryable=error.retryable,
    )


def _headers_of(error: StorageException) -> dict[str, str]:
    match error:
        case StorageUnavailableException():
            seconds = RETRY_AFTER if error.retry_after is None else error.retry_after
            return {"Retry-After": str(max(0, math.ceil(seconds)))}
        case InvalidRangeException(size=int(size)):
            return {"Content-Range": f"bytes */{size}"}
        case _:
            return {}


class ProblemRoute(APIRoute):
    """A route that answers our own errors by itself, so that the router works in any application.

    Handlers that the application registered for an error come first: they sit inside.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        started = False

        async def noting_start(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await super().handle(scope, receive, noting_start)
        except StorageException as error:
            # Half an answer cannot be taken back: the server cuts the connection, so that nobody takes it for whole.
            if started:
                raise
            await storage_problem(error)(scope, receive, send)
        except ClientDisconnect:  # while it was sending: no answer has begun
            await Response(status_code=CLIENT_CLOSED_REQUEST)(scope, receive, send)


def install_problem_handlers(app: FastAPI) -> None:
    """Make the rest of what can go wrong a problem too: unknown paths, invalid requests, bugs."""
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(Exception, _internal_problem)


async def _validation_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what the handler is registered for
    # The input is the client's own, but may be long: it is not sent back.
    errors: list[dict[str, Any]] = [{name: item[name] for name in ("type", "loc", "msg")} for item in error.errors()]
    told = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in errors)
    return ProblemResponse(INVALID_REQUEST, told, errors=jsonable_encoder(errors))


async def _http_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what the handler is registered for
    status = HTTPStatus(error.status_code)
    problem = Problem(status.value, status.name.lower().replace("_", "-"), status.phrase)
    return ProblemResponse(problem, str(error.detail), headers=error.headers)


async def _internal_problem(_request: Request, _error: Exception) -> Response:
    return ProblemResponse(INTERNAL_ERROR, "an unexpected error; the log of the service tells more")
