"""One locator out of those of raw services."""

from typing import Final, Protocol

from s3py_helper.application.locator import Locator
from s3py_helper.domain.arguments import require_instance, require_optional_instance
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.entrypoints.container.config import FusionConfig

_MODES: Final = {
    (True, True): StorageMode.HYBRID,
    (True, False): StorageMode.S3,
    (False, True): StorageMode.FASTDFS,
}


class RawService(Protocol):
    """A service on one backend."""

    @property
    def locator(self) -> Locator:
        """Where it looks for files."""
        ...


def fused(s3: RawService | None, fastdfs: RawService | None, config: FusionConfig | None = None) -> Locator:
    """Serves S3 and FastDFS where there is a raw service for them, each with the settings of that service.

    Raises:
        InvalidArgumentException: There is neither, or what is given is no raw service.
    """
    services = [service for service in (s3, fastdfs) if service is not None]
    if not services:
        raise InvalidArgumentException("a fusion service needs a raw service of S3, of FastDFS, or of both")
    for service in services:
        require_instance(getattr(service, "locator", None), Locator, "the locator of a raw service")
    require_optional_instance(config, FusionConfig, "config")
    mode = _MODES[s3 is not None, fastdfs is not None]
    backends = {name: backend for service in services for name, backend in service.locator.backends.items()}
    first = services[0].locator
    policy = _policy(mode, config or FusionConfig())
    return Locator(policy, backends, observer=first.observer, clean_up=first.clean_up)


def _policy(mode: StorageMode, config: FusionConfig) -> RoutingPolicy:
    without_fastdfs = frozenset(Backend) - {Backend.FASTDFS}
    return RoutingPolicy(
        mode,
        readable=None if config.enable_fastdfs_download else without_fastdfs,
        deletable=None if config.enable_fastdfs_delete else without_fastdfs,
    )
