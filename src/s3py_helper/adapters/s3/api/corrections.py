"""What a refusal teaches: the right time, and that the keys have been replaced."""

import time
from typing import Final

from s3py_helper.adapters.s3.api.dates import moment_of
from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.signing import Credentials, CredentialSource, Signer

_CLOCK: Final = frozenset({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"})
_KEYS: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidToken",
        "InvalidTokenId",
        "TokenRefreshRequired",
    }
)

_NOTICEABLE: Final = 60.0
"""Seconds. Servers tolerate 5 to 15 minutes; a difference smaller than this is not what they refuse."""


class Corrections:
    """Each correction is tried once per request: a service that refuses again means something else."""

    def __init__(self, signer: Signer, credentials: CredentialSource) -> None:
        self._signer = signer
        self._credentials = credentials
        self._tried: set[str] = set()

    async def after(self, error: Exception, used: Credentials, clock_offset: float) -> str | None:
        """What has been corrected, so that the request should be sent again at once; `None` when nothing was.

        Args:
            error: How the request failed.
            used: The keys that it was signed with.
            clock_offset: `Signer.clock_offset` as it was then.
        """
        if not isinstance(error, ErrorResponse):
            return None
        if error.code in _CLOCK and self._is_first("clock"):
            return self._correct_clock(error, clock_offset)
        if error.code in _KEYS and self._is_first("keys") and await self._credentials.renew(used):
            return "the credential chain has given other keys"
        return None

    def _is_first(self, what: str) -> bool:
        first = what not in self._tried
        self._tried.add(what)
        return first

    def _correct_clock(self, error: ErrorResponse, clock_offset: float) -> str | None:
        servers = moment_of(error.headers.get("date", ""))
        if servers is None:
            return None
        right_offset = servers.timestamp() - time.time()
        if abs(right_offset - clock_offset) < _NOTICEABLE:
            return None
        self._signer.clock_offset = right_offset
        return f"the service's clock is {right_offset:+.0f} s from this machine's: requests are signed by the service's"
