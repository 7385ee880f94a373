"""Requests that come faster than a client may send them."""

import math
from typing import Final

from starlette.responses import Response
from starlette.types import Scope

from s3py_helper.entrypoints.http.access.tokens import Tokens
from s3py_helper.entrypoints.http.health import PROBES
from s3py_helper.entrypoints.http.limits.clients import client_of
from s3py_helper.entrypoints.http.limits.rates import RateLimit
from s3py_helper.entrypoints.http.problems.response import ProblemResponse
from s3py_helper.entrypoints.http.problems.table import RATE_LIMITED


class RateGate:
    """Counts requests by their token, or by their address where they have none that is known.

    What comes with a wrong token counts for the address: guessing is slowed down as well. Probes are not counted.
    """

    def __init__(self, rate: RateLimit, tokens: Tokens | None, root_path: str = "") -> None:
        self._probes: Final = PROBES | {root_path + probe for probe in PROBES}
        self._rate: Final = rate
        self._tokens: Final = tokens

    def refusal(self, scope: Scope) -> Response | None:
        """The response to a request that is one too many."""
        if scope["path"] in self._probes:
            return None
        token = None if self._tokens is None else self._tokens.name_of(scope)
        wait = self._rate.wait_of(f"address {client_of(scope)}" if token is None else f"token {token}")
        if not wait:
            return None
        seconds = math.ceil(wait)
        whose = "address" if token is None else "token"
        return ProblemResponse(
            RATE_LIMITED,
            f"too many requests of this {whose}: come back in {seconds} s",
            headers={"Retry-After": str(seconds)},
        )
