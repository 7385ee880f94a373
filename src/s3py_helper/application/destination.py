"""The backend that takes new files."""

from s3py_helper.application.located import Located
from s3py_helper.application.operation import Operation, complete_error
from s3py_helper.application.ports.backend import MountedBackend, required
from s3py_helper.application.ports.listing import Listing
from s3py_helper.application.ports.observer import Observer
from s3py_helper.application.ports.presigning import PresignedUrls
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import StorageException


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
            with Operation(self._observer, "upload", self.name) as operation:
                info = await self._backend.store.write(blob, body)
                operation.size = info.size
            return info
        try:
            return await self._backend.store.write(blob, body)
        except StorageException as error:
            complete_error(error, "upload", self.name, None)
            raise

    async def copy(self, source: Located, target: NewBlob) -> BlobInfo:
        """Store a file a second time: by the backend itself where it holds the file, else in bounded memory."""
        copying, place = self._backend.copying, source.first_place
        if copying is not None and place.backend == self.name and not source.may_be_elsewhere:
            with source.operation("copy") as operation:
                operation.size = target.size
                return await copying.copy(place, target)
        async with source.open() as blob:
            return await self.write(target, IncomingBody(blob.body, size=len(blob.span)))

    @property
    def presigning(self) -> PresignedUrls:
        """Signs URLs; raises `RouteNotSupportedException` where the backend cannot."""
        return required(self._backend.presigning, self.name, "sign URLs")

    @property
    def listing(self) -> Listing:
        """Lists files; raises `RouteNotSupportedException` where the backend cannot."""
        return required(self._backend.listing, self.name, "list files")
