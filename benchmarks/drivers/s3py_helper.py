"""s3py-helper: the same calls for this checkout and for the incumbent 0.0.17, which share the published interface."""

import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import BinaryIO

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Entry, Store, Target
from s3py_helper.storage import FastdfsConfig, FileDownload, S3Config, StorageManager, StorageMode, StorageModeConfig


class ManagedStore(Store):
    def __init__(self, manager: StorageManager, bucket: str) -> None:
        self._uploads = manager.upload_service
        self._downloads = manager.download_service
        self._deletes = manager.delete_service
        self._infos = manager.info_service
        self._bucket = bucket

    def id_of(self, name: str) -> str:
        return f"s3:{self._bucket}/{name}"

    async def put(self, name: str, content: bytes) -> str:
        return (await self._uploads.upload_bytes(name, content)).file_id

    async def get(self, file_id: str) -> bytes:
        return await self._downloads.download_bytes(file_id)

    async def info(self, file_id: str) -> int:
        return (await self._infos.get_file_info(file_id)).file_size or 0

    async def delete(self, file_id: str) -> None:
        await self._deletes.delete_file(file_id)

    async def put_many(self, files: list[tuple[str, bytes]]) -> list[str]:
        from starlette.datastructures import UploadFile  # noqa: PLC0415 - the other operations do without

        forms = [UploadFile(io.BytesIO(content), size=len(content), filename=name) for name, content in files]
        return [attach.file_id for attach in await self._uploads.upload_files(forms)]

    async def upload(self, name: str, source: Source) -> str:
        # The incumbent needs an object with `__anext__`, not only `__aiter__`.
        return (await self._uploads.upload_stream(name, aiter(source), source.size)).file_id

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        async for chunk in self._downloads.download_to_generator(file_id):
            sink.write(chunk)

    async def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        await self._downloads.download_files_as_zip(_wanted(files), out)

    def zip_stream(self, files: list[Entry]) -> AsyncIterator[bytes]:
        return self._downloads.stream_zip(_wanted(files))


class FilesAlone(ManagedStore):
    """No archive: the same files one after another into the same output, as fast as they come."""

    packs = False

    async def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        for file_id, _ in files:
            await self._downloads.download_to_stream(file_id, out)


def _wanted(files: list[Entry]) -> Iterator[FileDownload]:
    # Made while they are asked for: 10 000 at once would hold the event loop up for 20 ms before the archive begins.
    return (FileDownload(file_id=file_id, file_name=name) for file_id, name in files)


def s3_config(target: Target) -> S3Config:
    return S3Config(
        endpoint=target["endpoint"],
        access_key_id=target["access_key"],
        secret_access_key=target["secret_key"],
        default_bucket=target["bucket"],
    )


def fastdfs_config(target: Target, group: str | None = None) -> FastdfsConfig:
    """New files go to the group."""
    return FastdfsConfig(tracker_servers=[target["tracker"]], group_name=group, network_timeout=30)


def manager_for(target: Target, group: str | None = None) -> StorageManager:
    """On what the target names."""
    if target["kind"] == "memory":
        return StorageManager.in_memory()
    if target["kind"] == "fastdfs":
        mode = StorageModeConfig(mode=StorageMode.FASTDFS)
        return StorageManager(mode_config=mode, fastdfs_config=fastdfs_config(target, group))
    return StorageManager(mode_config=StorageModeConfig(mode=StorageMode.S3), s3_config=s3_config(target))


@asynccontextmanager
async def open_store(target: Target, store: type[ManagedStore] = ManagedStore) -> AsyncIterator[Store]:
    async with manager_for(target) as manager:
        yield store(manager, target.get("bucket", ""))


open_files_alone = partial(open_store, store=FilesAlone)
