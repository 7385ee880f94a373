"""Asking the service how it is."""

from s3py_helper.adapters.s3.session import S3Connection
from s3py_helper.application.ports.health import HealthCheck


class S3Health:
    """Asks for the default bucket: that needs network, service, keys and bucket."""

    def __init__(self, connection: S3Connection) -> None:
        self._connection = connection

    async def check(self) -> None:
        """Return when the bucket is there and the keys permit to use it."""
        await self._connection.hot.head_bucket(self._connection.config.default_bucket, "health check")


_: type[HealthCheck] = S3Health
