"""Pages of other origins that may use the service (Fetch standard, "CORS protocol")."""

from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from s3py_helper.entrypoints.settings import ANY, Settings

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE")

_READABLE: Final = (
    # What a page may read of a response besides its type and length.
    *("Accept-Ranges", "Content-Disposition", "Content-Encoding", "Content-Range", "ETag", "Last-Modified"),
    *("Content-Digest", "Repr-Digest", "Link", "Location", "Retry-After", "WWW-Authenticate", "X-Request-ID"),
)

_PREFLIGHT_SECONDS: Final = 7200
"""How long browsers need not ask again; more than two hours none of them remembers."""


def with_cors(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The application, open to the pages of the origins that the settings list.

    Cookies mean nothing here, so that credentials are not allowed: a page sends a token, which it must know.
    """
    if not settings.allowed_origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=[ANY] if ANY in settings.allowed_origins else sorted(map(_origin, settings.allowed_origins)),
        allow_methods=_METHODS,
        allow_headers=["*"],
        expose_headers=_READABLE,
        max_age=_PREFLIGHT_SECONDS,
    )


def _origin(listed: str) -> str:
    # As browsers write them: without a path, in lower case (RFC 6454, 6.2).
    return listed.rstrip("/").lower()
