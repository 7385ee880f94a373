"""Keys from where the SDK usually looks: environment, shared files, container and instance roles."""

from typing import Any

# It ships no types.
import aioboto3  # type: ignore[import-untyped]

from s3py_helper.adapters.s3.api.credentials import Credentials
from s3py_helper.adapters.s3.api.errors import ErrorContext, translated
from s3py_helper.adapters.s3.config import S3Config
from s3py_helper.adapters.s3.sdk.errors import failure_of


class ChainCredentials:
    """The keys that the SDK has found; it renews temporary ones before they expire."""

    def __init__(self, found: Any, context: ErrorContext) -> None:
        self._found = found
        self._context = context

    async def current(self) -> Credentials:
        """The keys of this moment."""
        with translated(self._context, failure_of):
            frozen = await self._found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


async def find_credentials(config: S3Config) -> ChainCredentials | None:
    """Ask the SDK's default chain; `None` when it finds nothing."""
    context = ErrorContext("asking for keys", config.endpoint)
    with translated(context, failure_of):
        session: Any = aioboto3.Session(region_name=config.region)
        found = await session.get_credentials()
    return None if found is None else ChainCredentials(found, context)
