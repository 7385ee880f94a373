"""A file together with the backend that holds it."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import NamedTuple

from s3py_helper.application.operation import Operation, complete_error
from s3py_helper.application.ports.backend import MountedBackend, required
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.ports.observer import Observer
from s3py_helper.application.ports.presigning import PresignedUrls
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException, StorageException
from s3py_helper.domain.file_id import FileId

type Delete = Callable[[FileId], Awaitable[None]]


class Place(NamedTuple):
    """A backend, and the id by which it knows the file."""

    backend: MountedBackend
    file_id: FileId


class Located:
    """A file that can be worked with. Results and errors name it by the id that the caller gave.

    Files are opened and described many thousand times a second: the repetitions below take a third of the time that
    shared helpers would.

    Args:
        text: The id as the caller wrote it.
        file_id: The same, parsed.
        place: Where to look for it first.
        others: Where to look next, in order, while it is not found.
        delete: Deletes it everywhere, where that takes more than deleting it from its place.
        observer: Is notified of the operations; `None` where nobody wants to know.
    """

    __slots__ = ("_delete", "_observer", "_others", "_place", "file_id", "text")

    def __init__(
        self,
        text: str,
        file_id: FileId,
        place: Place,
        others: Sequence[Place],
        delete: Delete | None,
        observer: Observer | None,
    ) -> None:
        self.text = text
        self.file_id = file_id
        self._place = place
        self._others = others
        self._delete = delete
        self._observer = observer

    def open(self, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenBlob]:
        """Description and bytes; see `BlobStore.open`."""
        return _Opening(self, self._place, self._others, byte_range, self._observer, described=True)

    def open_bytes(self, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenBlob]:
        """As `open`, for callers who need neither name nor content type nor metadata: these may be missing."""
        return _Opening(self, self._place, self._others, byte_range, self._observer, described=False)

    async def info(self) -> BlobInfo:
        """What is known of the file; see `BlobStore.info`."""
        if self._observer is not None:
            with self.operation("info"):
                return await self._info()
        try:
            return await self._info()
        except StorageException as error:
            self._complete(error, "info")
            raise

    async def backend_that_has_it(self) -> str:
        """The name of the first backend that has the file."""
        with self.operation("info"):
            *earlier, last = (self._place, *self._others)
            for place in earlier:
                with suppress(FileNotFoundException):
                    await place.backend.store.info(place.file_id)
                    return place.file_id.backend
            await last.backend.store.info(last.file_id)
            return last.file_id.backend

    async def delete(self) -> None:
        """Remove the file from every place that may hold it; see `BlobStore.delete`."""
        if self._observer is not None:
            with self.operation("delete"):
                return await self._deleted()
        try:
            return await self._deleted()
        except StorageException as error:
            self._complete(error, "delete")
            raise

    async def download_url(
        self,
        expires_in: timedelta,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        inline: bool = False,
    ) -> str:
        """See `PresignedUrls.download_url`; `RouteNotSupportedException` where the file's backend cannot sign.

        Where a place knows that it does not have the file, the next one is asked.
        """
        place = self._place
        for other in self._others:
            try:
                return await _presigning(place).download_url(
                    place.file_id, expires_in, file_name=file_name, content_type=content_type, inline=inline
                )
            except FileNotFoundException:
                place = other
        return await _presigning(place).download_url(
            place.file_id, expires_in, file_name=file_name, content_type=content_type, inline=inline
        )

    @property
    def can_presign(self) -> bool:
        """Whether a URL can be signed that cannot lead to where the file no longer is."""
        return self._place.backend.presigning is not None and not self._others

    @property
    def first_place(self) -> FileId:
        """The id by which the backend that is asked first knows the file."""
        return self._place.file_id

    @property
    def may_be_elsewhere(self) -> bool:
        """Whether there is more than one place to look."""
        return bool(self._others)

    def operation(self, name: str) -> Operation:
        """A context around work on the file."""
        return Operation(self._observer, name, self.file_id.backend, self.text)

    def _info(self) -> Awaitable[BlobInfo]:
        place = self._place
        if self._others or place.file_id is not self.file_id:
            return self._info_elsewhere()
        return place.backend.store.info(place.file_id)

    async def _info_elsewhere(self) -> BlobInfo:
        place = self._place
        for other in self._others:
            try:
                return self._renamed(await place.backend.store.info(place.file_id))
            except FileNotFoundException:
                place = other
        return self._renamed(await place.backend.store.info(place.file_id))

    def _deleted(self) -> Awaitable[None]:
        if self._delete is None:
            return self._place.backend.store.delete(self._place.file_id)
        return self._delete(self.file_id)

    def _renamed(self, info: BlobInfo) -> BlobInfo:
        """A place's description of the file, under the id that the caller knows."""
        return replace(info, file_id=self.file_id)

    def _complete(self, error: StorageException, operation: str) -> None:
        complete_error(error, operation, self.file_id.backend, self.text)


def _presigning(place: Place) -> PresignedUrls:
    return required(place.backend.presigning, place.file_id.backend, "sign URLs")


class _Opening:
    """Opens the file at the first place that has it. A class, because two nested generators cost twice as much."""

    __slots__ = ("_byte_range", "_described", "_located", "_opened", "_operation", "_others", "_place")

    def __init__(
        self,
        located: Located,
        place: Place,
        others: Sequence[Place],
        byte_range: ByteRange | None,
        observer: Observer | None,
        *,
        described: bool,
    ) -> None:
        self._located = located
        self._place = place
        self._others = others
        self._byte_range = byte_range
        self._described = described
        self._operation = (
            None if observer is None else Operation(observer, "download", located.file_id.backend, located.text)
        )
        self._opened: AbstractAsyncContextManager[OpenBlob] | None = None

    async def __aenter__(self) -> OpenBlob:
        if self._operation is not None:
            self._operation.__enter__()
        try:
            if self._others:
                return await self._enter_first_hit()
            return await self._enter()
        except BaseException as error:  # the block is never entered, so nothing else would report its end
            self._failed(error)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is None:
            raise RuntimeError("the block was not entered")
        try:
            await self._opened.__aexit__(kind, error, trace)
        except BaseException as raised:  # among them what the block itself raised
            self._failed(raised)
            raise
        if error is not None:
            self._failed(error)
        elif self._operation is not None:
            self._operation.__exit__(None, None, None)

    async def _enter_first_hit(self) -> OpenBlob:
        for other in self._others:
            try:
                return await self._enter()
            except FileNotFoundException:
                self._place = other
        return await self._enter()

    async def _enter(self) -> OpenBlob:
        backend, file_id = self._place.backend, self._place.file_id
        if self._described or backend.bytes_only is None:
            opening = backend.store.open(file_id, self._byte_range)
        else:
            opening = backend.bytes_only.open_bytes(file_id, self._byte_range)
        blob = await opening.__aenter__()
        self._opened = opening
        if self._operation is not None:
            self._operation.size = len(blob.span)
        if file_id is self._located.file_id:
            return blob
        return OpenBlob(replace(blob.info, file_id=self._located.file_id), blob.span, blob.body, blob.pieces)

    def _failed(self, error: BaseException) -> None:
        if self._operation is not None:
            self._operation.__exit__(type(error), error, error.__traceback__)
        elif isinstance(error, StorageException):
            complete_error(error, "download", self._located.file_id.backend, self._located.text)
