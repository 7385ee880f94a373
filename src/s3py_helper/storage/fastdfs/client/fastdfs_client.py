"""Operations of FastDFS one by one."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.metadata import check_sizes
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.background import BackgroundCleanUp
from s3py_helper.application.concurrency.completion import acquired, completed
from s3py_helper.application.download import DownloadService
from s3py_helper.application.locator import Locator, Purpose
from s3py_helper.application.observing import GuardedObserver, LoggingObserver
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import Observer
from s3py_helper.application.streams.local_files import require_path
from s3py_helper.application.streams.sources import UploadedFile
from s3py_helper.application.to_path import fetch
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.arguments import require_instance
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.fastdfs_name import FastdfsName
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.files import FileAttach
from s3py_helper.domain.metadata import check_metadata
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.domain.text_rules import require_text, shortened

if TYPE_CHECKING:
    from s3py_helper.application.migration.migration import Migration, RawAccess


class FastdfsClient:
    """A client of one FastDFS cluster; works within `async with`, and connects when something is asked of it.

    The methods give dictionaries, as they always have; the services of `s3py_helper.storage.fastdfs` do the same with
    values, and more. What goes wrong is raised as a `StorageException`.

    Args:
        config: Trackers and timeouts.
        observer: Is notified of retries, fail-overs and the like; by default they are logged.
        migration: That of an open manager (`manager.migration`) which moves this cluster's files. It learns then what
            is written and deleted here, and old ids are found where their files are. The manager is closed last.
    """

    def __init__(
        self, config: FastdfsConfig, observer: Observer | None = None, *, migration: "Migration | None" = None
    ) -> None:
        require_instance(config, FastdfsConfig, "config")
        self._raw = None if migration is None else _raw_access(migration)
        self._observer = GuardedObserver(observer or LoggingObserver())
        self._clean_up = BackgroundCleanUp(self._observer)
        self._store = FastdfsBlobStore(config, self._observer)
        commands = self._store.commands
        self.commands = commands if self._raw is None else commands.noting(self._raw.notice)
        """What FastDFS can do beyond storing files: for the services."""
        self._locator = self.locator()
        self._uploads = UploadService(self._locator)
        self._downloads = DownloadService(self._locator)

    async def __aenter__(self) -> Self:
        await self._store.__aenter__()
        await self._clean_up.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._clean_up.aclose()
        finally:
            await self._store.__aexit__(kind, error, trace)

    def locator(self) -> Locator:
        """What the raw services work with: this client alone."""
        backend = MountedBackend(store=self._store, health=self._store, bytes_only=self._store)
        return Locator(
            RoutingPolicy(StorageMode.FASTDFS),
            {Backend.FASTDFS: backend},
            relocation=None if self._raw is None else self._raw.relocation,
            places=None if self._raw is None else self._raw.places,
            observer=self._observer,
            clean_up=self._clean_up,
        )

    async def upload_by_buffer(
        self, file_buffer: bytes, file_ext_name: str = "", metadata: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Store bytes that are in memory, under the name `file` with the extension.

        Args:
            file_buffer: The bytes.
            file_ext_name: The extension, with or without its dot.
            metadata: Pairs of your own.

        Returns:
            `group_name`, `file_id`, `file_name`, `file_size` (text, as `"11B"`) and `storage_ip`, all text.

        Raises:
            InvalidArgumentException: Metadata are not valid.
            StorageOperationException: FastDFS failed; nothing was stored.
        """
        extension = require_text(file_ext_name, "file_ext_name").lstrip(".")
        name = f"file.{extension}" if extension else "file"
        return _stored(await self._uploads.upload_bytes(name, file_buffer, metadata=metadata), "")

    async def upload_by_filename(self, local_path: str) -> dict[str, Any]:
        """Store a local file under its own name; the result is that of `upload_by_buffer`.

        Args:
            local_path: Where the file is.

        Raises:
            InvalidArgumentException: There is no such local file, or it cannot be read.
            StorageOperationException: FastDFS failed; nothing was stored.
        """
        async with _local_file(local_path) as file:
            return _stored(await self._uploads.upload_stream(Path(local_path).name, file), local_path)

    async def upload_by_upload_file(
        self, upload_file: UploadedFile, metadata: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Store a FastAPI `UploadFile`; the result is that of `upload_by_buffer`.

        Args:
            upload_file: The file.
            metadata: Pairs of your own.

        Raises:
            InvalidArgumentException: The file has no name, or metadata are not valid.
            StorageOperationException: FastDFS failed; nothing was stored.
        """
        attach = await self._uploads.upload_file(upload_file, metadata=metadata)
        return _stored(attach, attach.file_name)

    async def download_to_file(self, local_path: str, file_id: str) -> dict[str, Any]:
        """Write a file to the local disk, where it appears when it is whole; one that is there already is replaced.

        Args:
            local_path: Where to write it.
            file_id: The file.

        Returns:
            `file_id`, `content` (the path), `download_size` (text, as `"11B"`) and `storage_ip`.

        Raises:
            InvalidArgumentException: The id is not valid, or the local file cannot be written.
            FileNotFoundException: There is no such file; the local file is as it was.
            StorageOperationException: FastDFS failed; the local file is as it was.
        """
        target = require_path(local_path, "local_path")
        located = await self._locator.find(file_id, Purpose.READ)
        try:
            size = await fetch(located.open_bytes, target, overwrite=True, progress=None)
        except OSError as error:
            raise InvalidArgumentException(f"cannot write the local file {shortened(local_path)}: {error}") from error
        return {
            "file_id": file_id,
            "content": local_path,
            "download_size": f"{size}B",
            "storage_ip": _source(located.file_id),
        }

    def download_to_generator(self, file_id: str) -> AsyncGenerator[bytes]:
        """Yield a file piece by piece; see `DownloadService.download_to_generator`.

        Raises:
            InvalidArgumentException: The id is not valid.
            FileNotFoundException: There is no such file.
            StorageOperationException: FastDFS failed.
        """
        return self._downloads.download_to_generator(file_id)

    async def delete_file(self, file_id: str) -> dict[str, Any]:
        """Remove a file.

        Returns:
            `file_id` and `storage_ip`.

        Raises:
            InvalidArgumentException: The id is not valid.
            FileNotFoundException: There is no such file.
            StorageOperationException: FastDFS failed.
        """
        located = await self._locator.find(file_id, Purpose.DELETE)
        await located.delete()
        return {"file_id": file_id, "storage_ip": _source(located.file_id)}

    async def get_meta_data(self, file_id: str) -> dict[str, str]:
        """All pairs that are kept beside a file, its original name (`OriginFileName`) among them.

        Raises:
            InvalidArgumentException: The id is not valid.
            FileNotFoundException: There is no such file.
            StorageOperationException: FastDFS failed.
        """
        located = await self._locator.find(file_id, Purpose.DESCRIBE)
        with located.operation("metadata"):
            return await self.commands.metadata(located.file_id)

    async def set_meta_data(self, file_id: str, metadata: Mapping[str, str], *, merge: bool = False) -> None:
        """Replace all pairs that are kept beside a file, its original name included.

        Args:
            file_id: The file.
            metadata: Names of up to 64 and values of up to 256 bytes of UTF-8.
            merge: Whether to keep pairs whose names are not among the new ones.

        Raises:
            InvalidArgumentException: The id or the pairs are not valid.
            FileNotFoundException: There is no such file.
            StorageOperationException: FastDFS failed.
        """
        pairs = check_metadata(metadata)
        check_sizes(pairs)
        located = await self._locator.find(file_id, Purpose.DESCRIBE)
        with located.operation("metadata"):
            await self.commands.set_metadata(located.file_id, pairs, merge=merge)

    async def query_file_info(self, file_id: str) -> dict[str, Any]:
        """What FastDFS knows of a file. For an appender file the server reads all of it, to know its checksum.

        Returns:
            `file_id`, `file_size`, `create_timestamp` (Unix seconds), `crc32` and `source_ip`.

        Raises:
            InvalidArgumentException: The id is not valid.
            FileNotFoundException: There is no such file.
            StorageOperationException: FastDFS failed.
        """
        located = await self._locator.find(file_id, Purpose.DESCRIBE)
        info = await located.info()
        name = FastdfsName.decode(located.file_id.key)
        with located.operation("info"):
            crc32 = await self.commands.crc32(located.file_id) if name is None or name.crc32 is None else name.crc32
        return {
            "file_id": file_id,
            "file_size": info.size,
            "create_timestamp": 0 if info.last_modified is None else int(info.last_modified.timestamp()),
            "crc32": crc32,
            "source_ip": _source(located.file_id),
        }


def _raw_access(migration: "Migration") -> "RawAccess | None":
    # Imported here, because few clients take part in a migration.
    from s3py_helper.application.migration.migration import Migration  # noqa: PLC0415

    return require_instance(migration, Migration, "migration").raw


@asynccontextmanager
async def _local_file(path: str) -> AsyncGenerator[BinaryIO]:
    try:
        opening = asyncio.to_thread(Path(require_text(path, "local_path")).open, "rb")
        file = cast("BinaryIO", await acquired(opening, lambda file: file.close()))
    except (OSError, ValueError) as error:
        raise InvalidArgumentException(f"cannot open the local file {shortened(path)}: {error}") from error
    try:
        yield file
    finally:
        await completed(asyncio.to_thread(file.close))


def _stored(attach: FileAttach, file_name: str) -> dict[str, Any]:
    file_id = FileId.parse(attach.file_id)
    return {
        "group_name": file_id.bucket,
        "file_id": attach.file_id,
        "file_name": file_name,
        "file_size": f"{attach.file_size}B",
        "storage_ip": _source(file_id),
    }


def _source(file_id: FileId) -> str:
    """The server that took the upload, as its id says; empty where the id does not tell."""
    name = FastdfsName.decode(file_id.key)
    return "" if name is None else name.source_text
