"""Where the documentation is found."""

from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from starlette.responses import HTMLResponse

from s3py_helper.entrypoints.http.browser.assets import Assets, page

_PACKAGE: Final = "s3py_helper.entrypoints.http.browser.documentation"
# Swagger UI has its pictures in its style sheet, and sets styles of single elements.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def add_documentation(app: FastAPI) -> None:
    """Add `GET /docs`. Swagger UI comes from the package `fastapi-offline`, not from a server elsewhere."""
    html = (files(_PACKAGE) / "index.html").read_text("utf-8")

    @app.get("/docs", include_in_schema=False)
    @app.head("/docs", include_in_schema=False)
    async def show() -> HTMLResponse:
        return page(html, _POLICY)

    app.mount("/docs/own", Assets(_PACKAGE, "assets"))
    app.mount("/docs/swagger-ui", Assets("fastapi_offline", "static"))
