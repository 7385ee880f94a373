"""The rest of what can go wrong in an application as problems: unknown paths, invalid requests, bugs."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from s3py_helper.entrypoints.http.problems.response import ProblemResponse
from s3py_helper.entrypoints.http.problems.route import CLIENT_CLOSED_REQUEST
from s3py_helper.entrypoints.http.problems.table import INTERNAL_ERROR, INVALID_REQUEST, Problem

_WITHOUT_BODY: Final = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


def install_problem_handlers(app: FastAPI) -> None:
    """Register the handlers; errors of storage are the routes' own business."""
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(Exception, _internal_problem)
    app.add_exception_handler(ClientDisconnect, _nobody_reads)


async def _validation_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what the handler is registered for
    # The input is the client's own, but may be long: it is not sent back.
    errors: list[dict[str, Any]] = [{name: item[name] for name in ("type", "loc", "msg")} for item in error.errors()]
    told = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in errors)
    return ProblemResponse(INVALID_REQUEST, told, errors=jsonable_encoder(errors))


async def _http_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what the handler is registered for
    if error.status_code in _WITHOUT_BODY:
        return Response(status_code=error.status_code, headers=error.headers)
    return ProblemResponse(_problem_with(error.status_code), str(error.detail), headers=error.headers)


async def _internal_problem(_request: Request, _error: Exception) -> Response:
    return ProblemResponse(INTERNAL_ERROR, "an unexpected error; the log of the service tells more")


async def _nobody_reads(_request: Request, _error: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


def _problem_with(status_code: int) -> Problem:
    try:
        status = HTTPStatus(status_code)
    except ValueError:
        return Problem(status_code, "other", "Other problem")
    return Problem(status.value, status.name.lower().replace("_", "-"), status.phrase)
