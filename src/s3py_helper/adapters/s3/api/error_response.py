"""A response with which the service refuses."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Final

_ELEMENT: Final = r"<{0}>([^<]*)</{0}>"
_CODE: Final = re.compile(_ELEMENT.format("Code"))
_MESSAGE: Final = re.compile(_ELEMENT.format("Message"))


class ErrorResponse(Exception):
    """What an error response says (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).

    Attributes:
        status: HTTP status.
        code: The service's error code; empty where the response has no body, as with HEAD.
        message: The service's own words.
        headers: Headers of the response, names in lower case.
    """

    def __init__(
        self, status: int, code: str = "", message: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{code or 'no error code'} (HTTP {status})")
        self.status = status
        self.code = code
        self.message = message
        self.headers: Mapping[str, str] = headers or {}


def parse_error_response(status: int, headers: Mapping[str, str], body: bytes) -> ErrorResponse:
    """Parse an error response. Proxies and load balancers write their own: then only the status counts."""
    text = body.decode("utf-8", "replace")
    code, message = _CODE.search(text), _MESSAGE.search(text)
    return ErrorResponse(
        status,
        unescape(code[1]) if code else "",
        unescape(message[1]) if message else "",
        {name.lower(): value for name, value in headers.items()},
    )
