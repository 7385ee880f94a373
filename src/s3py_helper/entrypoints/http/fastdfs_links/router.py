"""The endpoint for old links, to mount in any FastAPI application."""

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Annotated, Any, Final, override

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from starlette.routing import Match
from starlette.types import Receive, Scope

from s3py_helper.domain.fastdfs_link import LinkPath, parse_link_path, plain_link
from s3py_helper.entrypoints.container.fastdfs_links import FastdfsLinksConfig
from s3py_helper.entrypoints.http.access.access import Access, Authorize
from s3py_helper.entrypoints.http.downloads.delivery import Delivery, DownloadOptions
from s3py_helper.entrypoints.http.endpoints.direct_route import METHODS, DirectRoute
from s3py_helper.entrypoints.http.fastdfs_links.links import FastdfsLinks
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.openapi import FILE_RESPONSES, problems
from s3py_helper.entrypoints.http.problems.route import ProblemRoute
from s3py_helper.entrypoints.http.services import ServesFiles, current_services, services_in

_NO_CONFIG: Final = FastdfsLinksConfig()
_NO_LIMITS: Final = Limits()


def create_fastdfs_links_router(
    get_services: Callable[..., ServesFiles | Awaitable[ServesFiles]] = current_services,
    *,
    config: FastdfsLinksConfig = _NO_CONFIG,
    prefix: str = "",
    tags: Sequence[str | Enum] = ("old links",),
    dependencies: Sequence[Any] = (),
    authorize: Authorize | None = None,
    limits: Limits = _NO_LIMITS,
) -> APIRouter:
    """`GET` and `HEAD` of links such as FastDFS' nginx module serves, answered from wherever their files are now.

    ```python
    app.include_router(create_fastdfs_links_router(config=FastdfsLinksConfig(secret=secret, default_group="group1")))
    ```

    Paths that are not meant as links are left to other endpoints. docs/old-links.md lists what is answered otherwise
    than by the module, and why.

    Args:
        get_services: As for `create_files_router`.
        config: Tokens, groups, the page for wrong tokens; without a secret everybody who has a link gets the file.
        prefix: Front of all paths, which is not part of what tokens sign.
        tags: Groups in the description of the interface.
        dependencies: Run before the endpoint.
        authorize: As for `create_files_router`; asked besides the token.
        limits: What clients are granted.

    Raises:
        InvalidArgumentException: The page for wrong tokens cannot be read.
    """
    links = FastdfsLinks(config, Access(authorize), _delivery(config, limits))
    return _router(links, get_services, prefix=prefix, tags=tags, dependencies=dependencies)


def add_fastdfs_links(app: FastAPI, config: FastdfsLinksConfig, limits: Limits) -> None:
    """Have an application that has the services in its state answer links.

    Args:
        app: The application; its other routers have been included.
        config: As for `create_fastdfs_links_router`.
        limits: What clients are granted.

    Raises:
        InvalidArgumentException: The page for wrong tokens cannot be read.
    """
    links = FastdfsLinks(config, Access(), _delivery(config, limits))
    app.router.routes.insert(0, DirectLinks(links))
    app.include_router(_router(links, current_services, tags=("old links",)))


def _router(
    links: FastdfsLinks,
    get_services: Callable[..., ServesFiles | Awaitable[ServesFiles]],
    *,
    prefix: str = "",
    tags: Sequence[str | Enum] = (),
    dependencies: Sequence[Any] = (),
) -> APIRouter:
    router = APIRouter(
        prefix=prefix,
        tags=list(tags),
        dependencies=list(dependencies),
        route_class=_LinkRoute,
        redirect_slashes=False,
    )

    @router.get(
        "/{link:path}",
        operation_id="follow_fastdfs_link",
        response_class=Response,
        responses=FILE_RESPONSES | problems(400, 404, 412, 416),
    )
    @router.head("/{link:path}", include_in_schema=False)
    async def follow(request: Request, services: Annotated[ServesFiles, Depends(get_services)], link: str) -> Response:
        """The bytes of a file by its link of before: `/group1/M00/00/00/...`."""
        return await links.respond(request.scope, request.receive, services, parse_link_path(link))

    return router


def _delivery(config: FastdfsLinksConfig, limits: Limits) -> Delivery:
    """How files are sent to those who have links."""
    return Delivery.of(limits, DownloadOptions(redirect_above=config.redirect_above))


class _LinkRoute(ProblemRoute):
    """A route for every path that is meant as a link, and for no other."""

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        if match is Match.NONE:
            return match, child
        link: str = child["path_params"]["link"]
        # A line end behind a path is no part of what the pattern gives, and must not lead to the file.
        if parse_link_path(link) is None or not scope["path"].endswith(link):
            return Match.NONE, {}
        return match, child


class DirectLinks(DirectRoute):
    """The same for paths that look like a link in every way, without a framework between: see `DirectRoute`.

    To be one of the first routes of an application that has the services in its state, and the router as well. It
    leaves requests alone while dependencies are overridden.

    Args:
        links: Answers.
    """

    def __init__(self, links: FastdfsLinks) -> None:
        super().__init__("follow_fastdfs_link", "/{link}")
        self._links = links

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["method"] not in METHODS or scope["app"].dependency_overrides:
            return Match.NONE, {}
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        link = plain_link(path)
        if link is None:
            return Match.NONE, {}
        return Match.FULL, {"route": self, "endpoint": self.handle, "path_params": {"link": link}}

    @override
    def respond(self, scope: Scope, receive: Receive) -> Awaitable[Response]:
        link: LinkPath = scope["path_params"]["link"]
        return self._links.respond(scope, receive, services_in(scope), link)
