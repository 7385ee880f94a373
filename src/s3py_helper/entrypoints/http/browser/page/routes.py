"""Where the page is found."""

from html import escape
from importlib.metadata import version
from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from starlette.responses import HTMLResponse

from s3py_helper.entrypoints.http.browser.assets import Assets, page

_PACKAGE: Final = "s3py_helper.entrypoints.http.browser.page"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def add_page(app: FastAPI, *, mode: str, needs_token: bool, signs_links: bool) -> None:
    """Add `GET /`, where files are dropped, found, fetched and deleted, and what it loads from `/page/`.

    The page is an ordinary client of the service: it can do what the token that it is given permits.

    Args:
        app: The service.
        mode: What it shows as the mode.
        needs_token: Whether it asks for a token first.
        signs_links: Whether it may ask for links, with which browsers fetch what needs a token otherwise.
    """
    html = (files(_PACKAGE) / "index.html").read_text("utf-8")
    values = {
        "{mode}": mode,
        "{version}": version("s3py-helper"),
        "{token}": "needed" if needs_token else "not needed",
        "{links}": "signed" if signs_links else "none",
    }
    for place, value in values.items():
        html = html.replace(place, escape(value))

    @app.get("/", include_in_schema=False)
    @app.head("/", include_in_schema=False)
    async def show() -> HTMLResponse:
        return page(html, _POLICY)

    app.mount("/page", Assets(_PACKAGE, "assets"))
