"""FastDFS behind the storage port."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from s3py_helper.adapters.fastdfs.commands import FastdfsCommands
from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.deadline import within
from s3py_helper.adapters.fastdfs.describe import describe
from s3py_helper.adapters.fastdfs.errors import translated
from s3py_helper.adapters.fastdfs.health import check_health
from s3py_helper.adapters.fastdfs.metadata import StoredMetadata
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.adapters.fastdfs.reader import BlobReader, OpenDownload
from s3py_helper.adapters.fastdfs.routing.read_routing import Candidate, ReadRouting
from s3py_helper.adapters.fastdfs.routing.tombstones import Tombstones
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.adapters.fastdfs.upload.new_file import NewFile
from s3py_helper.adapters.fastdfs.upload.writer import BlobWriter
from s3py_helper.application.observing import LoggingObserver
from s3py_helper.application.ports.blob_store import BlobStore, OpenBlob
from s3py_helper.application.ports.health import HealthCheck
from s3py_helper.application.ports.observer import Observer
from s3py_helper.application.ports.reading import BytesOnly
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException
from s3py_helper.domain.file_id import Backend, FileId


class FastdfsBlobStore:
    """Files of a FastDFS cluster. Nothing is connected to before it is needed.

    An open store belongs to the event loop and the process that opened it.

    Attributes:
        session: Its connections.
        trackers: What it knows of the cluster.
    """

    def __init__(self, config: FastdfsConfig, observer: Observer | None = None) -> None:
        observer = observer or LoggingObserver()
        self.session = FastdfsSession(config, observer)
        self.trackers = Trackers(config, self.session)
        self._routing = ReadRouting(self.trackers, observer)
        self._reader = BlobReader(config, self.session, self._routing)
        self._writer = BlobWriter(config, self.session, self.trackers)
        self._tombstones = Tombstones()
        self.commands = FastdfsCommands(self.session, self.trackers, self._routing)
        """What FastDFS can do beyond the port."""

    async def __aenter__(self) -> Self:
        """Permit connections; none is made yet."""
        with translated("open"):
            self.session.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections; what is under way fails. Failed uploads are cleaned up first, for up to 10 s."""
        with translated("close"):
            await self.session.close()

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """Store a file with its metadata; see `BlobStore.write`."""
        file = NewFile.of(blob, body)
        with translated("upload"):
            file_id = await self._writer.store(file)
        metadata = StoredMetadata(blob.file_name, blob.content_type, dict(blob.metadata))
        return describe(file_id, file.facts(file_id), metadata)

    def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenBlob]:
        """Description and bytes; see `BlobStore.open`."""
        return self._opening(file_id, byte_range, described=True)

    def open_bytes(self, file_id: FileId, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenBlob]:
        """Bytes without the metadata, which take a request of their own; see `BytesOnly.open_bytes`."""
        return self._opening(file_id, byte_range, described=False)

    async def info(self, file_id: FileId) -> BlobInfo:
        """A file's description; see `BlobStore.info`."""
        self._refuse_deleted(file_id, "info")
        with within(self.session, self.session.operation_timeout, "info", file_id):
            return await self._reader.info(file_id)

    async def delete(self, file_id: FileId) -> None:
        """Remove a file; see `BlobStore.delete`."""

        async def attempt(candidate: Candidate) -> None:
            await self.session.talk(
                candidate.address, lambda connection: StorageClient(connection, file_id.bucket).delete(file_id.key)
            )

        with within(self.session, self.session.operation_timeout, "delete", file_id):
            await self._routing.change_at_source(file_id, attempt)
        self._tombstones.add(file_id)

    async def check(self) -> None:
        """Return when new files can be stored; see `HealthCheck.check`."""
        with within(self.session, self.session.operation_timeout, "health check"):
            await check_health(self.trackers, self.session)

    def _opening(
        self, file_id: FileId, byte_range: ByteRange | None, *, described: bool
    ) -> AbstractAsyncContextManager[OpenBlob]:
        async def opened() -> OpenDownload:
            self._refuse_deleted(file_id, "download")
            with within(self.session, self.session.opening_timeout, "download", file_id):
                return await self._reader.open(file_id, byte_range, described=described)

        return _Opening(opened)

    def _refuse_deleted(self, file_id: FileId, operation: str) -> None:
        if file_id in self._tombstones:
            raise FileNotFoundException(
                f"{operation} of {file_id}: the file has been deleted",
                operation=operation,
                file_id=str(file_id),
                backend=Backend.FASTDFS,
            )


class _Opening:
    """The block in which a file is read. A class, because a generator takes as long as a tenth of a small download."""

    __slots__ = ("_download", "_open")

    def __init__(self, open_download: Callable[[], Awaitable[OpenDownload]]) -> None:
        self._open = open_download
        self._download: OpenDownload | None = None

    async def __aenter__(self) -> OpenBlob:
        self._download = await self._open()
        return self._download.blob

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._download is not None:
            self._download.body.close()


_store: type[BlobStore] = FastdfsBlobStore
_health: type[HealthCheck] = FastdfsBlobStore
_bytes_only: type[BytesOnly] = FastdfsBlobStore
