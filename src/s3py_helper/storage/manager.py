"""The entry point of the library."""

from collections.abc import Collection, Iterable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from s3py_helper.adapters.memory.mount import open_backend
from s3py_helper.application.copy import CopyService
from s3py_helper.application.delete import DeleteService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.health import HealthService
from s3py_helper.application.info import InfoService
from s3py_helper.application.links import LinkService
from s3py_helper.application.listing import ListService
from s3py_helper.application.observing import LoggingObserver
from s3py_helper.application.ports.observer import Observer
from s3py_helper.application.service_links import ServiceLinks
from s3py_helper.application.services import FileServices
from s3py_helper.application.upload import DEFAULT_CONCURRENT_FILES, UploadService
from s3py_helper.domain.arguments import require_items, require_optional_instance
from s3py_helper.domain.errors import InvalidArgumentException, StorageOperationException
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.routing import StorageMode
from s3py_helper.domain.validation import FileValidatorImpl
from s3py_helper.entrypoints.container.config import (
    FastdfsConfig,
    FastdfsLinksConfig,
    FilesystemConfig,
    FusionConfig,
    KitConfig,
    MigrationConfig,
    S3Config,
)
from s3py_helper.entrypoints.container.mounts import Mount
from s3py_helper.storage.lazy_names import moved
from s3py_helper.storage.mode import StorageModeConfig

if TYPE_CHECKING:
    from s3py_helper.application.migration.migration import Migration


class StorageManager:
    """Opens the backends of a storage mode and offers the services that work on them.

    ```python
    async with StorageManager(
        mode_config=StorageModeConfig(mode=StorageMode.FILESYSTEM),
        filesystem_config=FilesystemConfig(root="data"),
    ) as manager:
        attach = await manager.upload_service.upload_bytes("report.pdf", content)
    ```

    Opening connects to nothing: a backend that is down shows in its operations and in `health_service`, not here. A
    manager can be opened again after it was closed.

    Args:
        mode_config: The storage mode; hybrid by default.
        s3_config: Connection to S3, needed in the modes `s3` and `hybrid`.
        fastdfs_config: Connection to FastDFS, needed in the modes `fastdfs` and `hybrid`.
        file_type_config: Allowed and refused file types; ignored when a `validator` is given.
        filesystem_config: The folder to use, needed in the mode `filesystem`.
        fusion_config: What may still be done with files in FastDFS.
        validator: Rules for uploads, among them the largest size.
        buckets: The only buckets that may be used; by default every one that the credentials reach.
        groups: The only groups of FastDFS whose files are served; by default all.
        folders: The only folders that files are served from and stored in; by default all. FastDFS has none.
        concurrent_files: How many files of one `upload_files` are stored at a time.
        observer: Is notified of what happens (retries, fail-overs, ...); by default it is logged to `s3py_helper`.
        migration_config: Where the memory of a migration from FastDFS is, and where its files go.
        service_links: Makes links to your HTTP service, for files on every backend.
        fastdfs_links_config: How links of FastDFS' nginx module are made.
        mounts: Stores of your own, each under its scheme; they are served beside the mode's backends. With nothing but
            mounts given the mode is `mounted`.
        new_files: The scheme of the mounted store that takes new files; by default the mode's own backend does, and
            without one the first mount.

    Raises:
        InvalidArgumentException: Settings that the mode needs are missing; the message names them.
    """

    def __init__(  # noqa: PLR0913 - one argument per backend and rule, all but the first four by name only
        self,
        mode_config: StorageModeConfig | None = None,
        s3_config: S3Config | None = None,
        fastdfs_config: FastdfsConfig | None = None,
        file_type_config: FileTypeConfig | None = None,
        *,
        filesystem_config: FilesystemConfig | None = None,
        fusion_config: FusionConfig | None = None,
        validator: FileValidatorImpl | None = None,
        buckets: Collection[str] | None = None,
        groups: Collection[str] | None = None,
        folders: Collection[str] | None = None,
        concurrent_files: int = DEFAULT_CONCURRENT_FILES,
        observer: Observer | None = None,
        migration_config: MigrationConfig | None = None,
        service_links: ServiceLinks | None = None,
        fastdfs_links_config: FastdfsLinksConfig | None = None,
        mounts: Iterable[Mount] = (),
        new_files: str | None = None,
    ) -> None:
        mounts = tuple(require_items(mounts, Mount, "mounts"))
        require_optional_instance(mode_config, StorageModeConfig, "mode_config")
        if mode_config is None:
            mounted_only = mounts and not (s3_config or fastdfs_config or filesystem_config)
            mode_config = StorageModeConfig(mode=StorageMode.MOUNTED if mounted_only else StorageMode.HYBRID)
        self._config = KitConfig(
            mode=mode_config.mode,
            s3=s3_config,
            fastdfs=fastdfs_config,
            filesystem=filesystem_config,
            fusion=fusion_config or FusionConfig(),
            validator=validator or FileValidatorImpl(file_type_config),
            buckets=_texts(buckets, "buckets"),
            groups=_texts(groups, "groups"),
            folders=_texts(folders, "folders"),
            concurrent_files=concurrent_files,
            observer=observer or LoggingObserver(),
            mounts=mounts,
            new_files=new_files,
            migration=migration_config,
            service_links=service_links,
            fastdfs_links=fastdfs_links_config,
        )
        self._opening: AbstractAsyncContextManager[FileServices] | None = None
        self._services: FileServices | None = None

    @classmethod
    def in_memory(cls, *, validator: FileValidatorImpl | None = None, observer: Observer | None = None) -> Self:
        """A manager whose files live in memory until it is closed (ids `memory:files/...`): for tests and demos."""
        return cls(mounts=[Mount("memory", open_backend)], validator=validator, observer=observer)

    async def __aenter__(self) -> Self:
        # The object graph takes some tenths of a second to import, which only those pay who open a manager.
        from s3py_helper.entrypoints.container.container import open_services  # noqa: PLC0415

        if self._opening is not None:
            raise StorageOperationException("this StorageManager is open already")
        self._opening = open_services(self._config)
        try:
            self._services = await self._opening.__aenter__()
        except BaseException:  # a cancellation too: the manager must not look open afterwards
            self._opening = None
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        opening, self._opening, self._services = self._opening, None, None
        if opening is not None:
            await opening.__aexit__(kind, error, traceback)

    @property
    def services(self) -> FileServices:
        """All services in one value.

        Raises:
            StorageOperationException: The manager is not open.
        """
        return self._open_services

    @property
    def upload_service(self) -> UploadService:
        """Stores files."""
        return self._open_services.upload_service

    @property
    def download_service(self) -> DownloadService:
        """Reads files and packs archives."""
        return self._open_services.download_service

    @property
    def delete_service(self) -> DeleteService:
        """Removes files."""
        return self._open_services.delete_service

    @property
    def info_service(self) -> InfoService:
        """Describes files."""
        return self._open_services.info_service

    @property
    def copy_service(self) -> CopyService:
        """Copies files to where new files go, also from FastDFS to S3."""
        return self._open_services.copy_service

    @property
    def link_service(self) -> LinkService:
        """Signs links with which clients talk to S3 directly."""
        return self._open_services.link_service

    @property
    def list_service(self) -> ListService:
        """Enumerates files."""
        return self._open_services.list_service

    @property
    def health_service(self) -> HealthService:
        """Tells how the backends are."""
        return self._open_services.health_service

    @property
    def migration(self) -> "Migration":
        """Moves files from FastDFS to S3, step by step.

        Raises:
            InvalidArgumentException: The manager was made without `migration_config`.
            StorageOperationException: It is not open.
        """
        if (migration := self._open_services.migration) is None:
            raise InvalidArgumentException("this StorageManager takes part in no migration: give it migration_config")
        return migration

    @property
    def _open_services(self) -> FileServices:
        if self._services is None:
            raise StorageOperationException(
                "this StorageManager is not open: use its services inside 'async with StorageManager(...) as manager'"
            )
        return self._services


def _texts(values: Collection[str] | None, what: str) -> frozenset[str] | None:
    return None if values is None else frozenset(require_items(values, str, what))


if not TYPE_CHECKING:
    __getattr__ = moved(
        __name__,
        {
            "s3py_helper.storage": """
                FileIdRouterImpl FusionDeleteServiceImpl FusionDownloadServiceImpl FusionInfoServiceImpl
                FusionUploadServiceImpl InvalidArgumentException StorageMode
            """,
            "s3py_helper.storage.fastdfs": """
                FastdfsClient FastdfsDeleteServiceImpl FastdfsDownloadServiceImpl FastdfsInfoServiceImpl
                FastdfsUploadServiceImpl
            """,
            "s3py_helper.storage.s3raw": """
                S3Client S3RawDeleteServiceImpl S3RawDownloadServiceImpl S3RawInfoServiceImpl S3RawUploadServiceImpl
            """,
        },
    )
