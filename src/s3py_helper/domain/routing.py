"""Which backend takes new files, and which ids may be served."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from s3py_helper.domain.errors import DeleteNotSupportedException, InvalidArgumentException, RouteNotSupportedException
from s3py_helper.domain.file_id import DEFAULT_BUCKET, Backend, FileId
from s3py_helper.domain.text_rules import shortened


class StorageMode(StrEnum):
    """How a deployment stores files.

    `HYBRID` is the way out of FastDFS: new files go to S3, and every id is served by the backend that its prefix names.
    `MOUNTED` has no backend of the kit, only stores that the application mounts. These can be added to any other mode.
    """

    S3 = "s3"
    FASTDFS = "fastdfs"
    HYBRID = "hybrid"
    FILESYSTEM = "filesystem"
    MOUNTED = "mounted"


_SERVED: Final[dict[StorageMode, tuple[str, ...]]] = {
    StorageMode.S3: (Backend.S3,),
    StorageMode.FASTDFS: (Backend.FASTDFS,),
    StorageMode.HYBRID: (Backend.S3, Backend.FASTDFS),
    StorageMode.FILESYSTEM: (Backend.FILESYSTEM,),
    StorageMode.MOUNTED: (),
}


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """The rules of one deployment.

    Attributes:
        mode: The storage mode.
        mounted: Schemes of the stores that the application mounted; they are served beside the mode's backends.
        answers_for_fastdfs: Whether ids of FastDFS are served although the mode has none: their files have moved.
        default: The backend that takes new files, where it is not the mode's own.
        buckets: Buckets that may be read, written and deleted from, besides `files` in mounted stores; `None` permits
            every one. FastDFS has none.
        groups: Groups of FastDFS whose files are served; `None` permits every one.
        folders: Fronts of the keys that are served, each with a slash at its end; `None` permits every key. FastDFS has
            no folders.
        readable: Backends that are served at all; `None` stands for all that the mode has.
        deletable: Backends that files may be deleted from; `None` stands for all that the mode has.
        backends: Every backend that is served.
        new_files: The backend that takes new files.

    Raises:
        InvalidArgumentException: No backend is left, or new files would go to one that is not served.
    """

    mode: StorageMode
    buckets: AbstractSet[str] | None = None
    groups: AbstractSet[str] | None = None
    folders: tuple[str, ...] | None = None
    readable: AbstractSet[str] | None = None
    deletable: AbstractSet[str] | None = None
    mounted: tuple[str, ...] = ()
    default: str | None = None
    answers_for_fastdfs: bool = False
    backends: tuple[str, ...] = field(init=False)
    new_files: str = field(init=False)

    def __post_init__(self) -> None:
        # Asked for by every operation, so they are derived once.
        backends: tuple[str, ...] = (*_served(self.mode), *self.mounted)
        if not backends:
            raise InvalidArgumentException(f"mode '{self.mode}' needs a mounted store")
        if self.answers_for_fastdfs and Backend.FASTDFS not in backends:
            backends = (*backends, Backend.FASTDFS)
        default = self.default or backends[0]
        if default not in backends:
            raise InvalidArgumentException(
                f"new files cannot go to {default!r}: {_listed(backends)} can take them here", backend=default
            )
        object.__setattr__(self, "backends", backends)
        object.__setattr__(self, "new_files", default)

    def require_served(self, file_id: FileId) -> None:
        """Raise `RouteNotSupportedException` unless the id's backend and bucket are served here."""
        if file_id.backend not in self.backends:
            raise RouteNotSupportedException(
                f"mode '{self.mode}' serves {_listed(self.backends)} only, not {file_id.backend}: {file_id}",
                file_id=str(file_id),
                backend=file_id.backend,
            )
        if file_id.backend != Backend.FASTDFS:
            if self.buckets is not None:
                self.require_bucket(file_id.bucket, file_id)
            if self.folders is not None:
                self.require_folder(file_id.key, file_id)
        elif self.groups is not None and file_id.bucket not in self.groups:
            raise RouteNotSupportedException(
                f"group {file_id.bucket!r} is not served here", file_id=str(file_id), backend=file_id.backend
            )

    def require_readable(self, file_id: FileId) -> None:
        """As `require_served`, and downloads from the id's backend must be switched on."""
        self.require_served(file_id)
        if self.readable is not None and file_id.backend not in self.readable:
            raise RouteNotSupportedException(
                f"downloading from {file_id.backend} is switched off: {file_id}",
                operation="download",
                file_id=str(file_id),
                backend=file_id.backend,
            )

    def require_deletable(self, file_id: FileId) -> None:
        """As `require_served`, and raise `DeleteNotSupportedException` where deleting is switched off."""
        self.require_served(file_id)
        if self.deletable is not None and file_id.backend not in self.deletable:
            raise DeleteNotSupportedException(
                f"deleting from {file_id.backend} is switched off: {file_id}",
                operation="delete",
                file_id=str(file_id),
                backend=file_id.backend,
            )

    def require_bucket(self, bucket: str, file_id: FileId | None = None) -> None:
        """Raise `RouteNotSupportedException` unless the bucket is among those served.

        A mounted store puts files that name no bucket into `files`, which is therefore always served.
        """
        backend = self.new_files if file_id is None else file_id.backend
        if self.buckets is None or bucket in self.buckets or (bucket == DEFAULT_BUCKET and backend in self.mounted):
            return
        raise RouteNotSupportedException(
            f"bucket {bucket!r} is not served here", file_id=None if file_id is None else str(file_id), backend=backend
        )

    def require_folder(self, key: str, file_id: FileId | None = None) -> None:
        """Raise `RouteNotSupportedException` unless the key, or the front of keys, is in a folder that is served."""
        if self.folders is None or key.startswith(self.folders):
            return
        raise RouteNotSupportedException(
            f"only the folders {', '.join(self.folders)} are served here, not {shortened(key)}",
            file_id=None if file_id is None else str(file_id),
            backend=self.new_files if file_id is None else file_id.backend,
        )


def _served(mode: StorageMode) -> tuple[str, ...]:
    try:
        return _SERVED[StorageMode(mode)]
    except ValueError:
        raise InvalidArgumentException(f"the mode is one of {', '.join(StorageMode)}, got {shortened(mode)}") from None


def _listed(backends: tuple[str, ...]) -> str:
    return " and ".join(backends)
