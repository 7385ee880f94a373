"""The headers by which a request says which bytes it wants, and when."""

from collections.abc import Mapping
from typing import Final

from starlette.types import Scope

_NAMES: Final = {
    name.encode(): name
    for name in (
        "range",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "if-range",
        "want-content-digest",
        "want-repr-digest",
    )
}


def reading_headers(scope: Scope) -> Mapping[str, str]:
    """Those that the request has, under lower-case names; lines of the same name are one list (RFC 9110, 5.3)."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if (known := _NAMES.get(name)) is not None:
            text = value.decode("latin-1")
            found[known] = f"{found[known]}, {text}" if known in found else text
    return found
