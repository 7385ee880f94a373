"""The health check."""

from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.ports.health import HealthCheck


class S3Health:
    """Asks for the default bucket: that needs network, service, keys and bucket."""

    def __init__(self, session: S3Session) -> None:
        self._session = session

    async def check(self) -> None:
        """Return when the bucket is there and the keys may use it."""
        await self._session.objects.check_bucket(self._session.config.default_bucket, "health check", once=True)


_: type[HealthCheck] = S3Health
