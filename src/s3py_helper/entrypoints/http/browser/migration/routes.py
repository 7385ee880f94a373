"""Where the page of a migration is found."""

from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from s3py_helper.entrypoints.http.browser.assets import Assets, page
from s3py_helper.entrypoints.http.migration.switched_off import PREFIX
from s3py_helper.entrypoints.http.problems.route import ProblemRoute

_PACKAGE: Final = "s3py_helper.entrypoints.http.browser.migration"
_PAGE: Final = "s3py_helper.entrypoints.http.browser.page"
_OF_PAGE: Final = frozenset({"elements.js", "icon.svg", "language.js", "page.css", "service.js"})
"""What it has in common with the page at `/`."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def create_migration_page_router(
    *, prefix: str = PREFIX, dependencies: Sequence[Any] = (), needs_token: bool = False
) -> APIRouter:
    """The page that shows a migration to people; it uses the endpoints of `create_migration_router`.

    The page itself holds nothing that is secret.

    Args:
        prefix: Its path: the prefix of those endpoints.
        dependencies: Run before it is shown: who is it?
        needs_token: Whether it asks for a bearer token at once; it does anyway where a request is answered with 401.
    """
    html = (files(_PACKAGE) / "index.html").read_text("utf-8")
    values = {
        "{base}": prefix.rpartition("/")[2],
        "{version}": version("s3py-helper"),
        "{token}": "needed" if needs_token else "not needed",
    }
    for place, value in values.items():
        html = html.replace(place, escape(value))
    own, shared = Assets(_PACKAGE, "assets"), Assets(_PAGE, "assets")
    router = APIRouter(prefix=prefix, dependencies=list(dependencies), route_class=ProblemRoute, redirect_slashes=False)

    @router.get("", include_in_schema=False)
    @router.head("", include_in_schema=False)
    async def show() -> HTMLResponse:
        return page(html, _POLICY)

    @router.get("/page/{name}", include_in_schema=False)
    @router.head("/page/{name}", include_in_schema=False)
    async def asset(request: Request, name: str) -> Response:
        return await (shared if name in _OF_PAGE else own).get_response(name, request.scope)

    return router
