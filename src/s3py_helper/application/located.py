"""A file together with the backend that holds it."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from types import TracebackType

from s3py_helper.application.operation import Operation
from s3py_helper.application.ports.backend import MountedBackend, required
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.ports.observer import Observer
from s3py_helper.application.ports.presigning import PresignedUrls
from s3py_helper.application.ports.relocation import DeleteAt, Relocation
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException
from s3py_helper.domain.file_id import FileId


@dataclass(frozen=True, slots=True)
class Place:
    """A backend, and the id by which it knows the file."""

    backend: MountedBackend
    file_id: FileId


class Located:
    """A file that can be worked with. What comes back, errors too, speaks of it by the id that the caller gave.

    Args:
        text: The id as the caller wrote it.
        file_id: The same, parsed.
        places: Where to look for it, in order: a place where it is not leads to the next one.
        delete_at: Deletes a file from one place.
        relocation: Knows from which places, and in which order.
        observer: Is notified of the operations.
    """

    __slots__ = ("_delete_at", "_observer", "_places", "_relocation", "file_id", "text")

    def __init__(
        self,
        text: str,
        file_id: FileId,
        places: Sequence[Place],
        delete_at: DeleteAt,
        relocation: Relocation,
        observer: Observer,
    ) -> None:
        self.text = text
        self.file_id = file_id
        self._places = places
        self._delete_at = delete_at
        self._relocation = relocation
        self._observer = observer

    def open(self, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenBlob]:
        """Description and bytes; see `BlobStore.open`."""
        return _Opening(self, lambda place: place.backend.store.open(place.file_id, byte_range))

    def open_bytes(self, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenBlob]:
        """As `open`, for callers who need neither name nor content type nor metadata: these may be missing."""

        def opening(place: Place) -> AbstractAsyncContextManager[OpenBlob]:
            if place.backend.bytes_only is None:
                return place.backend.store.open(place.file_id, byte_range)
            return place.backend.bytes_only.open_bytes(place.file_id, byte_range)

        return _Opening(self, opening)

    async def info(self) -> BlobInfo:
        """What is known of the file; see `BlobStore.info`."""
        with self.operation("info"):
            info = await self.first_hit(lambda place: place.backend.store.info(place.file_id))
        return self.renamed(info)

    async def delete(self) -> None:
        """Remove the file from every place that may hold it; see `BlobStore.delete`."""
        with self.operation("delete"):
            await self._relocation.delete(self.file_id, self._delete_at)

    @property
    def presigning(self) -> PresignedUrls:
        """Signs URLs; raises `RouteNotSupportedException` where the file's backend cannot."""
        return required(self._places[0].backend.presigning, self._places[0].file_id.backend, "sign URLs")

    @property
    def first_place(self) -> FileId:
        """The id by which the backend that is asked first knows the file."""
        return self._places[0].file_id

    @property
    def may_be_elsewhere(self) -> bool:
        """Whether there is more than one place to look."""
        return len(self._places) > 1

    def operation(self, name: str) -> Operation:
        """A context around work on the file."""
        return Operation(self._observer, name, self.file_id.backend, self.text)

    async def first_hit[T](self, ask: Callable[[Place], Awaitable[T]]) -> T:
        """The answer of the first place that has the file."""
        *others, last = self._places
        for place in others:
            try:
                return await ask(place)
            except FileNotFoundException:
                continue
        return await ask(last)

    def renamed(self, info: BlobInfo) -> BlobInfo:
        """What a place says of the file, under the id that the caller knows."""
        return info if info.file_id == self.file_id else replace(info, file_id=self.file_id)


class _Opening:
    """Opens the first place that has the file. A class, because two generators in each other cost twice as much."""

    __slots__ = ("_located", "_opened", "_opening_at", "_operation")

    def __init__(self, located: Located, opening_at: Callable[[Place], AbstractAsyncContextManager[OpenBlob]]) -> None:
        self._located = located
        self._opening_at = opening_at
        self._operation = located.operation("download")
        self._opened: AbstractAsyncContextManager[OpenBlob] | None = None

    async def __aenter__(self) -> OpenBlob:
        self._operation.__enter__()
        try:
            blob = await self._located.first_hit(self._enter)
        except BaseException as error:  # the block is never entered, so that nothing else would report its end
            self._operation.__exit__(type(error), error, error.__traceback__)
            raise
        self._operation.size = len(blob.span)
        info = self._located.renamed(blob.info)
        return blob if info is blob.info else replace(blob, info=info)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is None:
            raise RuntimeError("the block was not entered")
        try:
            await self._opened.__aexit__(kind, error, trace)
        except BaseException as raised:  # among them what the block itself raised
            self._operation.__exit__(type(raised), raised, raised.__traceback__)
            raise
        self._operation.__exit__(kind, error, trace)

    async def _enter(self, place: Place) -> OpenBlob:
        opening = self._opening_at(place)
        blob = await opening.__aenter__()
        self._opened = opening
        return blob
