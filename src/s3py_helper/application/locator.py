"""From an id to its bytes, and from a new file to the backend that takes it.

One place parses ids, applies the routing policy and follows relocations. Use cases get store and id together, never one
without the other.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum, auto
from typing import Final

from s3py_helper.application.background import BackgroundCleanUp
from s3py_helper.application.located import Located, Place
from s3py_helper.application.observing import LoggingObserver, guarded
from s3py_helper.application.operation import Operation, complete_error
from s3py_helper.application.ports.backend import MountedBackend, required
from s3py_helper.application.ports.listing import Listing
from s3py_helper.application.ports.naming import NamedWrites
from s3py_helper.application.ports.observer import Observer
from s3py_helper.application.ports.presigning import PresignedUrls
from s3py_helper.application.ports.relocation import Relocation
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.application.streams.progress import Progress, reported
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import RouteNotSupportedException, StorageException
from s3py_helper.domain.file_id import Backend, FileId, check_bucket
from s3py_helper.domain.routing import RoutingPolicy
from s3py_helper.domain.text_rules import require_text


class Purpose(StrEnum):
    """What is about to be done with a file; the policy may permit one and refuse another."""

    READ = auto()
    DESCRIBE = auto()
    DELETE = auto()


_REQUIREMENTS: Final[dict[Purpose, Callable[[RoutingPolicy, FileId], None]]] = {
    Purpose.READ: RoutingPolicy.require_readable,
    Purpose.DESCRIBE: RoutingPolicy.require_served,
    Purpose.DELETE: RoutingPolicy.require_deletable,
}


class Destination:
    """Takes new files.

    Args:
        name: The backend's name.
        backend: The backend.
        observer: Is notified of the operations; `None` where nobody wants to know.
    """

    __slots__ = ("_backend", "_observer", "name")

    def __init__(self, name: str, backend: MountedBackend, observer: Observer | None) -> None:
        self.name = name
        self._backend = backend
        self._observer = observer

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """Store a file; see `BlobStore.write`."""
        if self._observer is not None:
            with self.operation("upload") as operation:
                info = await self._backend.store.write(blob, body)
                operation.size = info.size
            return info
        try:
            return await self._backend.store.write(blob, body)
        except StorageException as error:
            complete_error(error, "upload", self.name, None)
            raise

    async def create(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """Store a file under exactly its key; see `NamedWrites.create`."""
        with self.operation("upload") as operation:
            info = await self.naming.create(blob, body)
            operation.size = info.size
        return info

    def operation(self, name: str) -> Operation:
        """A context around work on the backend as a whole, or on what it is about to hold."""
        return Operation(self._observer, name, self.name)

    async def copy(self, source: Located, target: NewBlob, progress: Progress | None = None) -> BlobInfo:
        """Store a file a second time: by the backend itself where it holds the file, else through bounded memory."""
        copying, place = self._backend.copying, source.first_place
        if copying is not None and place.backend == self.name and not source.may_be_elsewhere:
            with source.operation("copy") as operation:
                operation.size = target.size
                info = await copying.copy(place, target)
            if progress is not None:
                progress(info.size, info.size)
            return info
        async with source.open() as blob, reported(blob.body, progress, len(blob.span)) as body:
            return await self.write(target, IncomingBody(body, size=len(blob.span)))

    @property
    def presigning(self) -> PresignedUrls:
        """Signs URLs; raises `RouteNotSupportedException` where the backend cannot."""
        return required(self._backend.presigning, self.name, "sign URLs")

    @property
    def naming(self) -> NamedWrites:
        """Stores files under given keys; raises `RouteNotSupportedException` where the backend cannot."""
        return required(self._backend.naming, self.name, "store a file under a key of the caller's choice")

    @property
    def listing(self) -> Listing:
        """Lists files; raises `RouteNotSupportedException` where the backend cannot."""
        return required(self._backend.listing, self.name, "list files")


class Locator:
    """Knows where an id's bytes are and where new files go.

    Args:
        policy: Which backends take new files, and which ids are served.
        backends: The mounted backends by name.
        implied_prefix: What callers leave out of ids: nothing where every backend is served, `"s3:"` in the raw S3
            services, whose ids read `bucket/key`.
        relocation: Knows which files have moved; `None` where none has.
        places: Further backends, to which only the relocation leads.
        observer: Is notified when operations begin and end.
        clean_up: Rolls back what failed operations leave; its maker closes it before the backends.

    Attributes:
        policy: As given.
        backends: As given.
        observer: As given, or the one that logs.
        clean_up: As given, or one of its own.
    """

    def __init__(
        self,
        policy: RoutingPolicy,
        backends: Mapping[str, MountedBackend],
        *,
        implied_prefix: str = "",
        relocation: Relocation | None = None,
        places: Mapping[str, MountedBackend] | None = None,
        observer: Observer | None = None,
        clean_up: BackgroundCleanUp | None = None,
    ) -> None:
        self.policy = policy
        self.backends = backends
        self._implied_prefix = implied_prefix
        self._relocation = relocation
        self._places = {**backends, **(places or {})}
        self.observer = guarded(observer or LoggingObserver())
        self.clean_up = clean_up or BackgroundCleanUp(self.observer)

    async def find(self, text: str, purpose: Purpose) -> Located:
        """The file that an id names; whether it exists is not checked.

        Raises:
            InvalidArgumentException: The id is not valid.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            DeleteNotSupportedException: Deleting is switched off for the id's backend.
            FileNotFoundException: The file is known to have been deleted.
        """
        try:
            file_id = self._parsed(text) if self._implied_prefix else FileId.parse(text, self.policy.mounted)
            _REQUIREMENTS[purpose](self.policy, file_id)
            if self._relocation is None:
                observer = self.observer if self.observer.wants_operations() else None
                return Located(text, file_id, Place(self.backends[file_id.backend], file_id), (), None, observer)
            relocation = self._relocation
            first, *others = await relocation.places(file_id)
        except StorageException as error:
            error.file_id = text
            raise
        return Located(
            text,
            file_id,
            self._place(first),
            [self._place(other) for other in others],
            lambda moved: relocation.delete(moved, self._delete_at),
            self.observer if self.observer.wants_operations() else None,
        )

    def stored(self, text: str) -> Located:
        """A file that was just stored, to be rolled back: regardless of policy and relocations."""
        return self._located(text, self._parsed(text))

    def destination(self, bucket: str | None = None, key: str = "") -> Destination:
        """Where new files go.

        Args:
            bucket: The bucket, instead of the default one.
            key: The file's key, or the common front of several keys.

        Raises:
            InvalidArgumentException: The backend cannot have a bucket of that name.
            RouteNotSupportedException: The bucket or the key's folder is not served here.
        """
        backend = self.policy.new_files
        if bucket is not None and backend != Backend.FASTDFS:
            check_bucket(backend, bucket)
            self.policy.require_bucket(bucket)
        if self.policy.folders is not None and backend != Backend.FASTDFS:
            self.policy.require_folder(key)
        observer = self.observer if self.observer.wants_operations() else None
        return Destination(backend, self.backends[backend], observer)

    def require_own(self, file_id: FileId) -> None:
        """Raise `RouteNotSupportedException` unless the id is served here and the file has not moved."""
        self.policy.require_served(file_id)
        if self._relocation is not None and self._relocation.known_as(file_id) != file_id:
            raise RouteNotSupportedException(
                f"{file_id} is kept for a file that moves", operation="upload", file_id=str(file_id)
            )

    def text(self, file_id: FileId | str) -> str:
        """An id as callers read it."""
        return str(file_id).removeprefix(self._implied_prefix)

    def shown(self, file_id: FileId) -> str | None:
        """The id under which a listing shows a stored object; `None` for one that is not a file of its own."""
        known = file_id if self._relocation is None else self._relocation.known_as(file_id)
        return None if known is None else self.text(known)

    async def delete_place(self, place: FileId) -> None:
        """Delete what lies in one place, regardless of policy and relocations."""
        await self._delete_at(place)

    def _parsed(self, text: str) -> FileId:
        if self._implied_prefix:
            text = self._implied_prefix + require_text(text, "a file id")
        return FileId.parse(text, self.policy.mounted)

    def _located(self, text: str, file_id: FileId) -> Located:
        """A file that is where its id says."""
        observer = self.observer if self.observer.wants_operations() else None
        return Located(text, file_id, Place(self._places[file_id.backend], file_id), (), None, observer)

    def _place(self, file_id: FileId) -> Place:
        return Place(self._places[file_id.backend], file_id)

    async def _delete_at(self, place: FileId) -> None:
        await self._places[place.backend].store.delete(place)
