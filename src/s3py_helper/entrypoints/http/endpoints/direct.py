"""Downloads on the short way; see `DirectRoute`."""

from typing import Final, override

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.downloads.file import file_response
from s3py_helper.entrypoints.http.endpoints.direct_route import METHODS, DirectRoute
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.services import services_in

_DOWNLOAD: Final = "/download"


class DirectReads(DirectRoute):
    """Answers `GET /{file_id}` and `GET /{file_id}/download` as the router for files does.

    It takes only requests without a query, and none while dependencies are overridden: those go the long way. To be the
    first route of an application whose router for files has no dependencies but such as its rule implies.

    Args:
        prefix: Front of all paths, as that of the router.
        shared: What the router has.
        ends: What paths end with that belong to other endpoints.
    """

    def __init__(self, prefix: str, shared: Shared, *, ends: tuple[str, ...] = ("/info",)) -> None:
        super().__init__("download_file", prefix + "/{file_id}")
        self._front: Final = prefix + "/"
        self._shared = shared
        self._ends = ends

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["method"] not in METHODS or scope["query_string"]:
            return Match.NONE, {}
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        if not path.startswith(self._front) or path.endswith(self._ends) or scope["app"].dependency_overrides:
            return Match.NONE, {}
        file_id = path.removeprefix(self._front).removesuffix(_DOWNLOAD)
        return Match.FULL, {"route": self, "endpoint": self.handle, "path_params": {"file_id": file_id}}

    @override
    async def respond(self, scope: Scope, receive: Receive) -> Response:
        file_id: str = scope["path_params"]["file_id"]
        if self._shared.access.asks:
            await self._shared.access.require(Request(scope, receive), Action.READ, file_id)
        services = services_in(scope)
        return await file_response(
            scope, services.download_service, file_id, self._shared.delivery, links=services.link_service
        )
