"""From an id, or from the wish to store something, to the backend that does it."""

from collections.abc import Mapping
from dataclasses import dataclass

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.application.ports.copying import ServerSideCopy
from s3py_helper.application.ports.health import HealthCheck
from s3py_helper.application.ports.links import DirectLinks
from s3py_helper.application.ports.listing import Listing
from s3py_helper.domain.file_id import Backend, FileId, check_bucket
from s3py_helper.domain.routing import RoutingPolicy


@dataclass(frozen=True, slots=True)
class MountedBackend:
    """A backend and the abilities that it declares; `None` for those it lacks."""

    store: BlobStore
    health: HealthCheck
    links: DirectLinks | None = None
    listing: Listing | None = None
    copying: ServerSideCopy | None = None


class StoreRouter:
    """Applies the routing policy, then hands out the backend."""

    def __init__(self, policy: RoutingPolicy, backends: Mapping[Backend, MountedBackend]) -> None:
        self.policy = policy
        self.backends = backends

    def for_new_files(self, bucket: str | None) -> MountedBackend:
        """Where new files go; raises when the bucket is not valid (`InvalidArgument`) or not served (`Route`)."""
        backend = self.policy.new_files
        if bucket is not None and backend is not Backend.FASTDFS:
            check_bucket(backend, bucket)
            self.policy.require_bucket(bucket)
        return self.backends[backend]

    def for_reading(self, file_id: FileId) -> MountedBackend:
        """Where the id's bytes are; raises `RouteNotSupportedException`."""
        self.policy.require_readable(file_id)
        return self.backends[file_id.backend]

    def for_describing(self, file_id: FileId) -> MountedBackend:
        """Where the id is known; raises `RouteNotSupportedException`."""
        self.policy.require_served(file_id)
        return self.backends[file_id.backend]

    def for_deleting(self, file_id: FileId) -> MountedBackend:
        """Where the id can be deleted; raises `RouteNotSupported…` or `DeleteNotSupportedException`."""
        self.policy.require_deletable(file_id)
        return self.backends[file_id.backend]
