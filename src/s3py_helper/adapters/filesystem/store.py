"""Files on the local disk."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.disk.disk import Disk
from s3py_helper.adapters.filesystem.disk.incoming import probe
from s3py_helper.adapters.filesystem.disk.layout import DiskPath
from s3py_helper.adapters.filesystem.disk.trailer import Trailer
from s3py_helper.adapters.filesystem.disk.verified import VerifiedFiles
from s3py_helper.adapters.filesystem.errors import not_open, taken, translated
from s3py_helper.adapters.filesystem.reader import BlobReader, read_description
from s3py_helper.adapters.filesystem.region import FileRegion
from s3py_helper.adapters.filesystem.session import Session
from s3py_helper.adapters.filesystem.writer import BlobWriter, remove
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.concurrency.in_flight import InFlight
from s3py_helper.application.observing import LoggingObserver
from s3py_helper.application.ports.blob_store import BlobStore, OpenBlob
from s3py_helper.application.ports.health import HealthCheck
from s3py_helper.application.ports.naming import NamedWrites
from s3py_helper.application.ports.observer import Observer, RollbackFailed
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange, Span, span_of
from s3py_helper.domain.errors import FileNotFoundException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId, check_bucket

BATCH_SIZE: Final = 256 * 1024
"""Bytes that are gathered for one visit to a thread; smaller files need a single visit."""


class FilesystemBlobStore:
    """A folder of the local disk. Several processes may use the same folder.

    Raises:
        InvalidArgumentException: The default bucket is not a valid name.
    """

    def __init__(self, config: FilesystemConfig, observer: Observer | None = None) -> None:
        check_bucket(Backend.FILESYSTEM, config.default_bucket)
        self._config = config
        self._observer = observer or LoggingObserver()
        self._opened: Session | None = None

    async def __aenter__(self) -> Self:
        """Make the folder where it is missing, and remove what killed processes have left in it."""
        with translated("open", Path(self._config.root)):
            disk = Disk(Path(self._config.root), durability=self._config.durability)
            self._opened = await Session.open(disk, VerifiedFiles(self._config.trust_seconds))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Undo uploads that are still in progress and close; their callers are told at their next step."""
        session, self._opened = self._opened, None
        if session is not None:
            with translated("close"):
                await completed(session.close())

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """Store a file; see `BlobStore.write`."""
        file_id = FileId(Backend.FILESYSTEM, blob.bucket or self.default_bucket, blob.key)
        with translated("upload", file_id):
            session = self.session
        writer = BlobWriter(session.disk, DiskPath.of(file_id))
        try:
            async with (
                session.holding(writer),
                InFlight[None]() as writing,
            ):
                pieces: list[bytes] = []
                gathered = 0
                async for chunk in body:
                    pieces.append(chunk)
                    gathered += len(chunk)
                    if gathered >= BATCH_SIZE:
                        with translated("upload", file_id):
                            await writing.settle()
                        writing.start(session.run(writer.append, pieces))
                        pieces, gathered = [], 0
                trailer = _trailer(blob, body)
                with translated("upload", file_id):
                    await writing.settle()
                    await session.run(writer.finish, pieces, trailer)
                    writer.keep()
        finally:
            if writer.left_behind is not None:
                self._observer.notify(RollbackFailed(Backend.FILESYSTEM, f"the file {file_id}", writer.left_behind))
        session.sweep_in_passing()
        return trailer.describe(file_id)

    def place_of(self, bucket: str | None, key: str) -> FileId:
        """See `NamedWrites.place_of`."""
        return FileId(Backend.FILESYSTEM, bucket or self.default_bucket, key)

    async def require_free(self, file_id: FileId) -> None:
        """See `NamedWrites.require_free`."""
        with suppress(FileNotFoundException):
            await self.info(file_id)
            raise taken(file_id)

    async def create(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """Store a file where nothing is; see `NamedWrites.create`. No file is ever replaced here: link(2)."""
        try:
            return await self.write(blob, body)
        except StorageOperationException as error:
            if isinstance(error.__cause__, FileExistsError | NotADirectoryError):
                raise taken(self.place_of(blob.bucket, blob.key)) from error
            raise

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        """Read a file; see `BlobStore.open`."""
        with translated("download", file_id):
            session = self.session
        place = DiskPath.of(file_id)
        if (cached := session.read_cached(place)) is not None:
            trailer, content = cached
            with translated("download", file_id):
                span = span_of(byte_range, trailer.size)
            async with aclosing(_held(content[span.start : span.stop])) as body:
                yield OpenBlob(trailer.describe(file_id), span, body)
            return
        async with session.holding(BlobReader(session.disk, place, session.verified)) as reader:
            with translated("download", file_id):
                trailer, span, first = await session.run(reader.open, byte_range)
            async with aclosing(_chunks(session, file_id, reader, span, first)) as body:
                pieces = _pieces(session, file_id, reader, span, first)
                yield OpenBlob(trailer.describe(file_id), span, body, pieces)

    async def info(self, file_id: FileId) -> BlobInfo:
        """Describe a file; see `BlobStore.info`."""
        with translated("info", file_id):
            trailer = await self.session.run(read_description, self.session.disk, DiskPath.of(file_id))
        return trailer.describe(file_id)

    async def delete(self, file_id: FileId) -> None:
        """Delete a file; see `BlobStore.delete`."""
        with translated("delete", file_id):
            await self.session.run(remove, self.session.disk, DiskPath.of(file_id))

    async def check(self) -> None:
        """Write a few bytes and remove them again; see `HealthCheck.check`."""
        with translated("health check"):
            await self.session.run(probe, self.session.disk)

    @property
    def default_bucket(self) -> str:
        """Where files go that name no bucket."""
        return self._config.default_bucket

    @property
    def session(self) -> Session:
        """What is open; raises when nothing is."""
        if self._opened is None:
            raise not_open()
        return self._opened


def _trailer(blob: NewBlob, body: IncomingBody) -> Trailer:
    return Trailer(
        size=body.received,
        crc32=body.crc32,
        created=datetime.now(UTC),
        file_name=blob.file_name,
        content_type=blob.content_type,
        metadata=blob.metadata,
    )


async def _held(content: bytes) -> AsyncGenerator[bytes]:
    if content:
        yield content


async def _chunks(
    session: Session, file_id: FileId, reader: BlobReader, span: Span, first: bytes
) -> AsyncGenerator[bytes]:
    """Read one chunk ahead, so that the disk works while the caller passes the last one on."""
    chunk, left = first, len(span) - len(first)
    async with InFlight[bytes]() as ahead:
        while left:
            ahead.start(session.run(reader.read))
            yield chunk
            with translated("download", file_id):
                chunk = await ahead.collect()
            left -= len(chunk)
        if chunk:
            yield chunk


async def _pieces(
    session: Session, file_id: FileId, reader: BlobReader, span: Span, first: bytes
) -> AsyncGenerator[bytes | FileRegion]:
    """The same without a copy of what the system has in memory, which it usually has read ahead by itself."""
    left = len(span) - len(first)
    reader.trust()
    if first:
        yield first
    while left:
        with translated("download", file_id):
            passed = reader.pass_over(session.cached)
        if passed:
            left -= len(passed)
            yield FileRegion(file_id, reader, passed)
            continue
        with translated("download", file_id):
            chunk = await session.run(reader.read)
        left -= len(chunk)
        yield chunk


_: type[BlobStore] = FilesystemBlobStore
__: type[HealthCheck] = FilesystemBlobStore
___: type[NamedWrites] = FilesystemBlobStore
