"""A store whose files say of themselves whatever a test wants."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from isal import isal_zlib

from s3py_helper.application.download import DownloadService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.blob_store import BlobStore, OpenBlob
from s3py_helper.application.ports.health import HealthCheck
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange, span_of
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import FileNotFoundException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.files import FileDownload
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.testing import FailingStore

BUCKET = "my-bucket"
MODIFIED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@dataclass(frozen=True)
class StoredFile:
    """A file, and what its backend says of it.

    `repeat` makes a large one of little memory; `says_size` and `says_crc32` lie.
    """

    content: bytes
    repeat: int = 1
    knows_crc32: bool = False
    says_size: int | None = None
    says_crc32: int | None = None
    modified: datetime | None = MODIFIED
    file_name: str | None = None
    content_type: str | None = None
    chunk_size: int = 64 * 1024

    @property
    def size(self) -> int:
        return len(self.content) * self.repeat

    def crc32(self) -> int:
        crc32 = 0
        for _ in range(self.repeat):
            crc32 = isal_zlib.crc32(self.content, crc32)
        return crc32

    def info(self, file_id: FileId) -> BlobInfo:
        crc32 = self.crc32() if self.knows_crc32 else self.says_crc32
        return BlobInfo(
            file_id,
            self.size if self.says_size is None else self.says_size,
            file_name=self.file_name,
            last_modified=self.modified,
            content_type=self.content_type,
            checksum=None if crc32 is None else Checksum.crc32(crc32),
        )

    async def body(self) -> AsyncGenerator[bytes]:
        for _ in range(self.repeat):
            for start in range(0, len(self.content), self.chunk_size):
                yield self.content[start : start + self.chunk_size]


class HandMadeStore:
    """Gives what it was made of. `open_now` and `most_open` count the files that are open."""

    def __init__(self, files: Mapping[str, StoredFile]) -> None:
        self.files = dict(files)
        self.open_now = 0
        self.most_open = 0

    @asynccontextmanager
    async def open(
        self, file_id: FileId, byte_range: ByteRange | None = None, *, described: bool = True
    ) -> AsyncGenerator[OpenBlob]:
        info = await self.info(file_id)
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            async with aclosing(self.files[file_id.key].body()) as body:
                yield OpenBlob(info, span_of(byte_range, info.size), body)
        finally:
            self.open_now -= 1

    async def info(self, file_id: FileId) -> BlobInfo:
        if file_id.key not in self.files:
            raise FileNotFoundException(f"no such file: {file_id}", file_id=str(file_id))
        return self.files[file_id.key].info(file_id)

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        raise NotImplementedError

    async def delete(self, file_id: FileId) -> None:
        raise NotImplementedError


class Shelf:
    """A download service over hand-made files, and the stores behind it."""

    def __init__(
        self,
        files: Mapping[str, StoredFile | bytes],
        *,
        readable: frozenset[str] | None = None,
        implied_prefix: str = "",
    ) -> None:
        as_stored = {key: StoredFile(file) if isinstance(file, bytes) else file for key, file in files.items()}
        self.store = HandMadeStore(as_stored)
        self.staged = FailingStore(self.store)
        mounted = MountedBackend(self.staged, self.staged)
        policy = RoutingPolicy(StorageMode.S3, readable=readable)
        self.downloads = DownloadService(Locator(policy, {Backend.S3: mounted}, implied_prefix=implied_prefix))

    def all_files(self) -> list[FileDownload]:
        return entries(self.store.files)


def entries(keys: Iterable[str]) -> list[FileDownload]:
    """Each file under its own name."""
    return [entry(key, key) for key in keys]


def entry(key: str, name: str | None = None) -> FileDownload:
    return FileDownload(file_id=f"s3:{BUCKET}/{key}", file_name=name)


_: type[BlobStore] = HandMadeStore
__: type[HealthCheck] = FailingStore
