"""Files that are part of the package, as a browser should get them."""

from typing import Any, Final, override

from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

# Revalidated each time (RFC 9111, 5.2.2.4): another version of the service is another page.
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page(html: str, policy: str) -> HTMLResponse:
    """A page which may load and do what the policy says, and nothing else.

    Args:
        html: The page.
        policy: Value of `Content-Security-Policy` (Content Security Policy Level 3, W3C).
    """
    return HTMLResponse(html, headers={**_HEADERS, "Content-Security-Policy": policy})


class Assets(StaticFiles):
    """What pages load, from a folder of a package.

    Args:
        package: The package.
        folder: The folder in it.
    """

    def __init__(self, package: str, folder: str) -> None:
        super().__init__(packages=[(package, folder)])

    @override
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_HEADERS)
        return response
