"""A backend with everything that it can do."""

from collections.abc import Callable
from dataclasses import dataclass

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.application.ports.copying import ServerSideCopy
from s3py_helper.application.ports.examining import SelfExamination
from s3py_helper.application.ports.health import HealthCheck
from s3py_helper.application.ports.listing import Listing
from s3py_helper.application.ports.migration_source import MigrationSource
from s3py_helper.application.ports.migration_target import MigrationTarget
from s3py_helper.application.ports.naming import NamedWrites
from s3py_helper.application.ports.pool_use import PoolUse
from s3py_helper.application.ports.presigning import PresignedUrls
from s3py_helper.application.ports.reading import BytesOnly
from s3py_helper.domain.errors import RouteNotSupportedException


@dataclass(frozen=True, slots=True)
class MountedBackend:
    """A store and its optional abilities; `None` for those that it lacks.

    Attributes:
        store: Where the bytes live.
        health: Tells whether the backend can be used.
        presigning: Signs URLs with which clients talk to the backend directly.
        listing: Enumerates files.
        copying: Copies files without moving their bytes through this process.
        naming: Stores files under keys that callers choose.
        bytes_only: Reads bytes alone, in fewer requests than bytes and description take.
        pool_use: Tells how many of its connections are in use.
        examination: Tries permissions and rules that only this backend has.
        migration_source: What a migration to another backend reads, while the files are in use.
        migration_target: Makes what such a migration writes to, for a bucket.
    """

    store: BlobStore
    health: HealthCheck
    presigning: PresignedUrls | None = None
    listing: Listing | None = None
    copying: ServerSideCopy | None = None
    naming: NamedWrites | None = None
    bytes_only: BytesOnly | None = None
    pool_use: Callable[[], PoolUse] | None = None
    examination: SelfExamination | None = None
    migration_source: MigrationSource | None = None
    migration_target: Callable[[str], MigrationTarget] | None = None


def required[Ability](ability: Ability | None, backend: str, action: str) -> Ability:
    """The ability; raises `RouteNotSupportedException`, which says what the backend cannot do, where it is lacking."""
    if ability is None:
        raise RouteNotSupportedException(f"{backend} cannot {action}", backend=backend)
    return ability
