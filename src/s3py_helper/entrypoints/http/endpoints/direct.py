"""The way of a GET from the socket to the store without a framework between.

FastAPI compares a path with every route twice and solves dependencies in threads: more work than opening a small file.
A service that knows its endpoints needs neither.
"""

from typing import Any, Final, override

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound, request_response
from starlette.types import Receive, Scope, Send

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.downloads.file import file_response
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.problems.route import responding
from s3py_helper.entrypoints.http.services import current_services

_METHODS: Final = ("GET", "HEAD")
_DOWNLOAD: Final = "/download"


class DirectReads(BaseRoute):
    """Answers `GET /{file_id}` and `GET /{file_id}/download` as the router for files does.

    It takes only requests without a query, and none while dependencies are overridden: those go the long way. To be the
    first route of an application whose router for files has no dependencies but such as its rule implies.

    Args:
        prefix: Front of all paths, as that of the router.
        shared: What the router has.
        ends: What paths end with that belong to other endpoints.
    """

    def __init__(self, prefix: str, shared: Shared, *, ends: tuple[str, ...] = ("/info",)) -> None:
        self.path = self.path_format = prefix + "/{file_id}"
        self.name = "download_file"
        self._front: Final = prefix + "/"
        self._shared = shared
        self._ends = ends
        # Handlers that the application registered for an error come first, as in every route.
        self._app = request_response(self._respond)

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["method"] not in _METHODS or scope["query_string"]:
            return Match.NONE, {}
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        if not path.startswith(self._front) or path.endswith(self._ends) or scope["app"].dependency_overrides:
            return Match.NONE, {}
        file_id = path.removeprefix(self._front).removesuffix(_DOWNLOAD)
        return Match.FULL, {"route": self, "endpoint": self.handle, "path_params": {"file_id": file_id}}

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await responding(self._app, scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        file_id: str = request.path_params["file_id"]
        await self._shared.access.require(request, Action.READ, file_id)
        services = current_services(request)
        return await file_response(
            request.scope, services.download_service, file_id, self._shared.delivery, links=services.link_service
        )

    @override
    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        raise NoMatchFound(name, path_params)
