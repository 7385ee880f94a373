"""Everything that a deployment can be set to, in one value."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from pydantic import Field

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.s3.config import S3Config, S3PerfConfig
from s3py_helper.application.observing import LoggingObserver
from s3py_helper.application.ports.observer import Observer
from s3py_helper.application.service_links import ServiceLinks
from s3py_helper.domain.arguments import (
    require_instance,
    require_method,
    require_number,
    require_optional_instance,
    require_optional_text,
)
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.file_name import check_folder
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.object_key import escaped
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.domain.settings_model import SettingsModel
from s3py_helper.domain.validation import FileValidatorImpl
from s3py_helper.entrypoints.container.fastdfs_links import FastdfsLinksConfig
from s3py_helper.entrypoints.container.ledger_names import shown_ledger
from s3py_helper.entrypoints.container.mounts import Mount

__all__ = [
    "FastdfsConfig",
    "FastdfsLinksConfig",
    "FileTypeConfig",
    "FilesystemConfig",
    "FusionConfig",
    "KitConfig",
    "MigrationConfig",
    "S3Config",
    "S3PerfConfig",
    "StorageMode",
]

_NAMES: Final[dict[str, tuple[str, str, str]]] = {
    Backend.S3: ("s3", "s3_config", "S3PY_S3__ENDPOINT, ..."),
    Backend.FASTDFS: ("fastdfs", "fastdfs_config", "S3PY_FASTDFS__TRACKER_SERVERS"),
    Backend.FILESYSTEM: ("filesystem", "filesystem_config", "S3PY_FILESYSTEM__ROOT"),
}


class FusionConfig(SettingsModel, defer_build=True):
    """What hybrid deployments may still do with files in FastDFS."""

    enable_fastdfs_download: bool = True
    """When false, downloading a FastDFS id raises `RouteNotSupportedException`."""
    enable_fastdfs_delete: bool = True
    """When false, deleting a FastDFS id raises `DeleteNotSupportedException`."""


class MigrationConfig(SettingsModel, defer_build=True):
    """The memory of a migration from FastDFS, and where its files go; see docs/leaving-fastdfs.md.

    Every program that deletes files needs it before the first file is copied: what it deletes would come back.
    """

    ledger: str = "s3py-migration.db"
    """The ledger: the path of a SQLite file on a local disk, or for several hosts `postgresql://USER@HOST/DATABASE`."""
    bucket: str | None = None
    """Where moved files go; by default S3's default bucket."""
    prefix: str = ""
    """The front of their keys, taken verbatim: `old/` makes `old/fastdfs/group1/M00/...`."""
    broker: str | None = Field(default=None, repr=False)
    """Carries shards to `s3py migrate worker`: `nats://HOST:4222` or `redis://HOST:6379/0` (the extra `taskiq`).

    Without one the ledger itself hands out files.
    """

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        """Without the password of a database."""
        for name, value in super().__repr_args__():
            yield name, shown_ledger(self.ledger) if name == "ledger" else value


@dataclass(frozen=True, slots=True)
class KitConfig:
    """One deployment: its mode, the settings of the backends that the mode needs, and its rules.

    Attributes:
        mounts: Stores that the application brings along.
        new_files: The backend that takes new files, where it is not the mode's own: the scheme of a mounted store.
        buckets: Buckets that may be used; `None` permits every one that the credentials reach.
        groups: Groups of FastDFS whose files are served; `None` permits every one.
        folders: Folders that files are served from and stored in; `None` permits every one. Not for FastDFS, which has
            none.
        service_links: Makes links to the HTTP service; `None` where there are none.
        observer: Is notified of what happens; logs it by default.
        migration: The migration that this deployment takes part in; `None` where it knows of none.
        makes_ledger: Whether its ledger is made where there is none.
        waits_for_ledger: Whether it waits at its beginning for a ledger whose database is being restarted.
        fastdfs_links: How links of FastDFS' nginx module are made; `None` where they are not.

    Raises:
        InvalidArgumentException: The mode needs a backend whose settings are missing; the message names them.
    """

    mode: StorageMode
    s3: S3Config | None = None
    fastdfs: FastdfsConfig | None = None
    filesystem: FilesystemConfig | None = None
    fusion: FusionConfig = field(default_factory=FusionConfig)
    validator: FileValidatorImpl = field(default_factory=FileValidatorImpl)
    buckets: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    folders: frozenset[str] | None = None
    concurrent_files: int = 16
    observer: Observer = field(default_factory=LoggingObserver)
    mounts: tuple[Mount, ...] = ()
    new_files: str | None = None
    migration: MigrationConfig | None = None
    makes_ledger: bool = True
    waits_for_ledger: bool = False
    service_links: ServiceLinks | None = None
    fastdfs_links: FastdfsLinksConfig | None = None

    def __post_init__(self) -> None:
        self._check_types()
        schemes = [mount.scheme for mount in self.mounts]
        if len(set(schemes)) < len(schemes):
            raise InvalidArgumentException(f"a scheme is mounted twice: {', '.join(schemes)}")
        for backend in self.opened_backends:
            if backend in schemes:
                continue
            attribute, argument, variables = _NAMES[backend]
            if getattr(self, attribute) is None:
                raise InvalidArgumentException(
                    f"mode '{self.mode}' needs the setting {argument} (in the environment: {variables})",
                    backend=backend,
                )

    def _check_types(self) -> None:
        """Annotations do not bind callers, and what is wrong here would show in some later operation only."""
        require_optional_instance(self.s3, S3Config, "s3_config")
        require_optional_instance(self.fastdfs, FastdfsConfig, "fastdfs_config")
        require_optional_instance(self.filesystem, FilesystemConfig, "filesystem_config")
        require_instance(self.fusion, FusionConfig, "fusion_config")
        require_method(self.validator, "validate_file_name", "validator")
        require_method(self.observer, "notify", "observer")
        require_optional_instance(self.service_links, ServiceLinks, "service_links")
        require_number(self.concurrent_files, "concurrent_files", least=1)
        require_optional_text(self.new_files, "new_files")
        require_optional_instance(self.migration, MigrationConfig, "migration_config")
        require_optional_instance(self.fastdfs_links, FastdfsLinksConfig, "fastdfs_links_config")
        if self.migration is not None and self.mode not in {StorageMode.HYBRID, StorageMode.S3}:
            raise InvalidArgumentException(f"a migration needs mode 'hybrid', or 's3' at its end, not '{self.mode}'")
        for mount in self.mounts:
            require_instance(mount, Mount, "a mount")
        if self.folders is not None and not all(map(check_folder, self.folders)):
            raise InvalidArgumentException("a folder of those that are served has no name")

    @property
    def opened_backends(self) -> tuple[str, ...]:
        """The backends that are opened; ids of FastDFS may be answered without it, once its files have moved."""
        without_fastdfs = self.mode is StorageMode.S3
        return tuple(name for name in self.policy.backends if not (without_fastdfs and name == Backend.FASTDFS))

    @property
    def policy(self) -> RoutingPolicy:
        """The routing rules that follow from it."""
        mounted = tuple(mount.scheme for mount in self.mounts)
        everything = frozenset([*Backend, *mounted])
        without_fastdfs = everything - {Backend.FASTDFS}
        return RoutingPolicy(
            self.mode,
            buckets=self.buckets,
            groups=self.groups,
            folders=None if self.folders is None else _fronts(self.folders),
            readable=everything if self.fusion.enable_fastdfs_download else without_fastdfs,
            deletable=everything if self.fusion.enable_fastdfs_delete else without_fastdfs,
            mounted=mounted,
            default=self.new_files,
            answers_for_fastdfs=self.migration is not None,
        )


def _fronts(folders: Collection[str]) -> tuple[str, ...]:
    named = [f"{check_folder(folder)}/" for folder in folders]
    return tuple(sorted({*named, *map(escaped, named)}))
