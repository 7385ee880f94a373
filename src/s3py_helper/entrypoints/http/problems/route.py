"""Routes that answer errors of storage by themselves, so that the router works in any application."""

from http import HTTPStatus
from typing import Final, override

from fastapi import HTTPException
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from s3py_helper.domain.errors import StorageException
from s3py_helper.entrypoints.http.exchange import Exchange
from s3py_helper.entrypoints.http.problems.log import log_failure
from s3py_helper.entrypoints.http.problems.response import storage_problem

CLIENT_CLOSED_REQUEST: Final = 499
"""Nobody is left to read it; it only shows in logs, as with nginx."""

_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


class ResponseCutShort(Exception):
    """The source of a response failed after the response had begun; this has been logged.

    It must reach the server, which then cuts the connection, so that no client takes what it has for the whole.
    """


def logged_problem(scope: Scope, error: StorageException, detail: str | None = None) -> Response:
    """The response to an error of the tree; those that are not the client's fault are logged."""
    response = storage_problem(error, detail)
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log_failure(scope, error)
    return response


def cut_short(scope: Scope, error: StorageException) -> ResponseCutShort:
    """What to raise when an error comes after the response has begun; it is logged."""
    log_failure(scope, error, outcome="the response was cut short")
    return ResponseCutShort()


class ProblemRoute(APIRoute):
    """Handlers that the application registered for an error come first: they sit inside."""

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Leave paths with a line feed alone: in Starlette's patterns `$` stands before one at the end as well."""
        return (Match.NONE, {}) if "\n" in scope["path"] else super().matches(scope)

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        if scope["method"] not in (self.methods or ()):
            allowed = ", ".join(_allowed_methods(scope))
            raise HTTPException(405, f"this path has {allowed}, not {scope['method']}", headers={"Allow": allowed})
        await responding(super().handle, scope, receive, send)


async def responding(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Have the application respond, and respond for it where storage fails or the client stops sending."""
    exchange = Exchange(scope, receive, send)
    try:
        await app(scope, exchange.receive, exchange.send)
    except StorageException as error:
        if exchange.started:
            raise cut_short(scope, error) from error
        await logged_problem(scope, error)(scope, exchange.receive, exchange.send)
    except ClientDisconnect:
        # Only reading a request raises it: no response has begun.
        await Response(status_code=CLIENT_CLOSED_REQUEST)(scope, exchange.receive, exchange.send)


def _allowed_methods(scope: Scope) -> list[str]:
    """What may be done on this path (RFC 9110, 15.5.6): several routes may share it, each with methods of its own."""
    return [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in scope["app"].routes)
    ]
