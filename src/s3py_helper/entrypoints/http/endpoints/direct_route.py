"""The way of a GET from the socket to the store without a framework between.

FastAPI compares a path with every route twice, solves dependencies in threads and passes each message through five
layers: more work than opening a small file. A service that knows its endpoints needs none of that.
"""

from abc import abstractmethod
from collections.abc import Awaitable
from typing import Any, Final, override

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, NoMatchFound, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from s3py_helper.domain.errors import StorageException
from s3py_helper.entrypoints.http.problems.route import cut_short, responding
from s3py_helper.entrypoints.http.request_record import record_of

METHODS: Final = ("GET", "HEAD")

_FAILURE: Final = "s3py_helper.failure"


class DirectRoute(BaseRoute):
    """A route that can also do without the application around it, which is then asked for errors only.

    To be one of the first routes. It takes no request while dependencies are overridden: such go the long way.
    """

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = self.path_format = path
        # Handlers that the application registered for an error come first, as in every route.
        self._app = request_response(self._respond_or_fail)

    @abstractmethod
    def respond(self, scope: Scope, receive: Receive) -> Awaitable[Response]:
        """The response to a request that `matches`."""

    async def answer(self, scope: Scope, receive: Receive, send: Send, application: ASGIApp) -> None:
        """Respond to a request without a body, and without the application; it has its handlers respond to errors.

        Args:
            scope: The request, which is watched.
            receive: As the application gets it.
            send: As the application gets it.
            application: The whole of it.
        """
        try:
            response = await self.respond(scope, receive)
            await response(scope, receive, send)
        except Exception as error:
            if (record := record_of(scope)) is None or record.status is None:
                scope[_FAILURE] = error
            elif isinstance(error, StorageException):
                raise cut_short(scope, error) from error
            else:
                raise
        else:
            return
        await application(scope, receive, send)

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await responding(self._app, scope, receive, send)

    async def _respond_or_fail(self, request: Request) -> Response:
        failure: Exception | None = request.scope.pop(_FAILURE, None)
        if failure is not None:
            raise failure
        return await self.respond(request.scope, request.receive)

    @override
    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        raise NoMatchFound(name, path_params)
