"""Routes that answer errors of storage by themselves, so that the router works in any application."""

import logging
from http import HTTPStatus
from typing import Final

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from s3py_helper.domain.errors import StorageException
from s3py_helper.entrypoints.http.problems.response import storage_problem

CLIENT_CLOSED_REQUEST: Final = 499
"""Nobody is left to read it; it only shows in logs, as with nginx."""

_log: Final = logging.getLogger(__name__)


class ProblemRoute(APIRoute):
    """Handlers that the application registered for an error come first: they sit inside."""

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
            answer = storage_problem(error)
            if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                _log.warning("%s %r: %s", scope["method"], scope["path"], error, exc_info=error)
            await answer(scope, receive, send)
        except ClientDisconnect:
            # Only reading a request raises it: no answer has begun.
            await Response(status_code=CLIENT_CLOSED_REQUEST)(scope, receive, send)
