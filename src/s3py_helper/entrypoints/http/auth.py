"""Who may use the service: whoever has the token."""

import hmac
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

_bearer = HTTPBearer(auto_error=False, description="The value of the setting S3PY_API_TOKEN.")


class BearerToken:
    """A dependency that refuses requests without the token; the time it takes tells nothing about the token."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    async def __call__(self, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
        """Raise 401 unless the request has `Authorization: Bearer <token>`."""
        if not self.accepts(given):
            raise HTTPException(
                401,
                "this service needs the header 'Authorization: Bearer <token>' with the right token",
                headers={"WWW-Authenticate": 'Bearer realm="files"'},
            )

    def accepts(self, given: HTTPAuthorizationCredentials | None) -> bool:
        """Whether these are the right credentials."""
        expected = self._token.get_secret_value().encode()
        return given is not None and hmac.compare_digest(given.credentials.encode(), expected)
