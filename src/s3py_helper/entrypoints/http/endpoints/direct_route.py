"""The way of a GET from the socket to the store without a framework between.

FastAPI compares a path with every route twice, solves dependencies in threads and passes each message through five
layers: more work than opening a small file. A service that knows its endpoints needs none of that.
"""

from abc import abstractmethod
from typing import Any, Final, override

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, NoMatchFound, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from s3py_helper.domain.errors import StorageException
from s3py_helper.entrypoints.http.exchange import Exchange
from s3py_helper.entrypoints.http.problems.route import cut_short, responding

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
    async def respond(self, request: Request) -> Response:
        """The response to a request that `matches`."""

    async def answer(self, scope: Scope, receive: Receive, send: Send, application: ASGIApp) -> None:
        """Respond without the application; it gets the requests that fail, and has its handlers respond."""
        exchange = Exchange(scope, receive, send)
        try:
            response = await self.respond(Request(scope, exchange.receive))
            await response(scope, exchange.receive, exchange.send)
        except Exception as error:
            if not exchange.started:
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
        return await self.respond(request)

    @override
    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        raise NoMatchFound(name, path_params)
