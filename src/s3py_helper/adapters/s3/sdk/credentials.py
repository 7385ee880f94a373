"""Keys from the SDK's default chain: environment, shared files, container and instance roles."""

import asyncio
from typing import Any

# It ships no types.
import aioboto3  # type: ignore[import-untyped]

from s3py_helper.adapters.s3.api.errors import ErrorContext, translated
from s3py_helper.adapters.s3.api.signing import Credentials
from s3py_helper.adapters.s3.config import S3Config, check_keys
from s3py_helper.adapters.s3.sdk.errors import failure_of
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend


class ChainCredentials:
    """The keys that the SDK found; it renews temporary ones before they expire.

    Keys in the environment or in a file show no date of expiry: when the service refuses them, the chain is asked
    again, because they may have been replaced.
    """

    def __init__(self, found: Any, region: str, context: ErrorContext) -> None:
        self._found = found
        self._region = region
        self._context = context
        self._renewing = asyncio.Lock()
        self._checked: Credentials | None = None

    async def current(self) -> Credentials:
        """The current keys."""
        with translated(self._context, failure_of):
            frozen = await self._found.get_frozen_credentials()
        credentials = Credentials(frozen.access_key, frozen.secret_key, frozen.token)
        if credentials != self._checked:
            _check(credentials)
            self._checked = credentials
        return credentials

    async def renew(self, refused: Credentials) -> bool:
        """As `CredentialSource.renew`; requests that are refused at the same time ask the chain once."""
        async with self._renewing:
            if await self.current() != refused:
                return True
            with translated(self._context, failure_of):
                found = await _ask_chain(self._region)
            if found is not None:
                self._found = found
            return await self.current() != refused


async def find_credentials(config: S3Config) -> ChainCredentials | None:
    """Ask the SDK's default chain; `None` when it finds nothing."""
    context = ErrorContext("asking for keys", config.endpoint)
    with translated(context, failure_of):
        found = await _ask_chain(config.region)
    if found is None:
        return None
    credentials = ChainCredentials(found, config.region, context)
    await credentials.current()  # raises at once when they cannot be used
    return credentials


def _check(credentials: Credentials) -> None:
    try:
        check_keys(credentials.access_key, credentials.secret_key, credentials.session_token)
    except ValueError as error:
        raise InvalidArgumentException(
            f"the credential chain gives keys that cannot be used: {error}", operation="open", backend=Backend.S3
        ) from None


async def _ask_chain(region: str) -> Any:
    session: Any = aioboto3.Session(region_name=region)
    return await session.get_credentials()
