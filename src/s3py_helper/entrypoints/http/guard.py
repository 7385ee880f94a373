"""Requests that a foreign web page makes somebody's browser send.

A service without a token trusts those who reach it, and a browser on the same machine does. Two tricks of foreign pages
are refused here. DNS rebinding: the page's own name is made to lead to this service, so that the browser takes both for
one site; the header `Host` gives it away. Forged requests: a page may send forms anywhere without being asked; the
headers `Sec-Fetch-Site` (Fetch Metadata Request Headers, W3C) and `Origin` (RFC 6454, section 7) give them away.
"""

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final

from fastapi import HTTPException, Request
from starlette.responses import Response
from starlette.types import Scope

from s3py_helper.entrypoints.http.problems.response import ProblemResponse
from s3py_helper.entrypoints.http.problems.table import HOST_NOT_ALLOWED, INVALID_HOST, ORIGIN_NOT_ALLOWED
from s3py_helper.entrypoints.setting_names import PREFIX
from s3py_helper.entrypoints.settings import Settings, is_loopback

ANY_HOST: Final = "*"

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w!$%&'()*+,;=~.-]*)(?::\d*)?", re.ASCII)
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_OWN_SITE: Final = frozenset({"same-origin", "none"})


class Guard:
    """Decides which requests are let in, by the headers that browsers set and pages cannot change.

    Args:
        hosts: Names that clients may address the service by, in lower case; `None` for any.
        loopback: Whether every name and address of this machine alone is one of them.
        origins: Other origins whose pages may send requests that change something; `None` for any.
    """

    def __init__(
        self, hosts: AbstractSet[str] | None, *, loopback: bool = False, origins: AbstractSet[str] | None = None
    ) -> None:
        self._hosts = hosts
        self._loopback = loopback
        self._origins = origins
        self._served_last: bytes | None = None
        """Most requests name the service as the one before did."""

    @classmethod
    def of(cls, settings: Settings) -> "Guard":
        """The guard of a deployment. No page knows the token, so with one only a list of names is enforced."""
        hosts = {host.strip("[]").lower() for host in settings.allowed_hosts}
        if settings.has_tokens:
            return cls(hosts if hosts and ANY_HOST not in hosts else None)
        origins = {origin.rstrip("/").lower() for origin in settings.allowed_origins}
        return cls(None if ANY_HOST in hosts else hosts, loopback=True, origins=origins)

    def refusal(self, scope: Scope) -> Response | None:
        """The response to a request that is not let in."""
        values = [value for name, value in scope["headers"] if name == b"host"]
        if len(values) > 1:
            return ProblemResponse(INVALID_HOST, "the request has more than one header 'Host' (RFC 9112, 3.2)")
        if not values:
            # No browser leaves it out, and HTTP/1.0 needs none.
            return None if scope["http_version"] == "1.0" else ProblemResponse(INVALID_HOST, "no header 'Host'")
        host = values[0].decode("latin-1")
        if values[0] != self._served_last:
            if (refusal := self._foreign_name(host)) is not None:
                return refusal
            self._served_last = values[0]
        if self._origins is not None and scope["method"] not in _SAFE_METHODS:
            return self._foreign_page(scope, host, self._origins)
        return None

    def _foreign_name(self, host: str) -> Response | None:
        if (match := _HOST.fullmatch(host)) is None:
            return ProblemResponse(INVALID_HOST, "the header 'Host' is not of the form name:port")
        if not self._serves(match[1].strip("[]").rstrip(".").lower()):
            return ProblemResponse(
                HOST_NOT_ALLOWED, f"this service is not served as {host!r}: add the name to {PREFIX}ALLOWED_HOSTS"
            )
        return None

    def _serves(self, name: str) -> bool:
        if self._hosts is None or name in self._hosts:
            return True
        # Browsers resolve the names below localhost themselves (RFC 6761, 6.3): nobody can point them elsewhere.
        return self._loopback and (name.endswith(".localhost") or _is_loopback(name))

    @staticmethod
    def _foreign_page(scope: Scope, host: str, allowed: AbstractSet[str]) -> Response | None:
        origin = ", ".join(_values(scope, b"origin"))
        if origin.lower() in allowed or _is_of_own_site(scope, origin, host):
            return None
        return ProblemResponse(
            ORIGIN_NOT_ALLOWED,
            f"a page of {origin or 'another site'} may change nothing here: add its origin to {PREFIX}ALLOWED_ORIGINS",
        )


def refuse_foreign_pages(request: Request) -> None:
    """A dependency for an application without a guard: nothing is changed by pages of other sites.

    Whoever shows a bearer token knows it, and no browser adds one by itself (RFC 6750, 5.3).

    Raises:
        HTTPException: A page of another site sends the request: 403.
    """
    if request.method in _SAFE_METHODS or request.headers.get("authorization", "").lower().startswith("bearer "):
        return
    origin = request.headers.get("origin", "")
    if not _is_of_own_site(request.scope, origin, request.headers.get("host", "")):
        raise HTTPException(ORIGIN_NOT_ALLOWED.status, f"a page of {origin or 'another site'} may change nothing here")


def _is_of_own_site(scope: Scope, origin: str, host: str) -> bool:
    site = ", ".join(_values(scope, b"sec-fetch-site"))
    # Old browsers, and those that came by plain HTTP, do not tell the site.
    return site in _OWN_SITE if site else not origin or origin.partition("://")[2].lower() == host.lower()


# Taking an address apart takes longer than all else that is done for a request here, and few names come.
_is_loopback: Final = lru_cache(maxsize=64)(is_loopback)


def _values(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
