"""Keys from where the SDK usually looks: environment, shared files, container and instance roles."""

import asyncio
from typing import Any

# It ships no types.
import aioboto3  # type: ignore[import-untyped]

from s3py_helper.adapters.s3.api.credentials import Credentials
from s3py_helper.adapters.s3.api.errors import ErrorContext, translated
from s3py_helper.adapters.s3.config import S3Config
from s3py_helper.adapters.s3.sdk.errors import failure_of


class ChainCredentials:
    """The keys that the SDK has found; it renews temporary ones before they expire.

    Keys in the environment or in a file have no date of expiry there: when the service refuses them, the chain is asked
    again, because somebody may have replaced them meanwhile.
    """

    def __init__(self, found: Any, region: str, context: ErrorContext) -> None:
        self._found = found
        self._region = region
        self._context = context
        self._renewing = asyncio.Lock()

    async def current(self) -> Credentials:
        """The keys of this moment."""
        with translated(self._context, failure_of):
            frozen = await self._found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

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
    return None if found is None else ChainCredentials(found, config.region, context)


async def _ask_chain(region: str) -> Any:
    session: Any = aioboto3.Session(region_name=region)
    return await session.get_credentials()
