"""Every use case of the kit, on files that are there."""

import io
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.storage import FileDownload, StorageManager

SMALL: Final = b"0123456789" * 100


@dataclass(frozen=True, slots=True)
class Files:
    """Attributes:
    small: Id of a file with the content `SMALL`.
    large: Id of a file with the content `content`.
    doomed: Id of a file that may be deleted.
    content: Large enough for uploads in parts.
    """

    small: str
    large: str
    doomed: str
    content: bytes


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form."""

    filename: str
    content: io.BytesIO
    size: int | None
    content_type: str | None = None

    async def read(self, size: int = -1, /) -> bytes:
        return self.content.read(size)

    async def seek(self, offset: int, /) -> None:
        self.content.seek(offset)


type UseCase = Callable[[StorageManager, Files], Coroutine[Any, Any, object]]


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 512 * 1024):
        yield content[start : start + 512 * 1024]


async def upload_bytes(manager: StorageManager, files: Files) -> object:
    return await manager.upload_service.upload_bytes("a.bin", SMALL)


async def upload_large_bytes(manager: StorageManager, files: Files) -> object:
    return await manager.upload_service.upload_bytes("a.bin", files.content)


async def upload_stream(manager: StorageManager, files: Files) -> object:
    return await manager.upload_service.upload_stream("a.bin", _pieces(files.content), len(files.content))


async def upload_stream_of_unknown_size(manager: StorageManager, files: Files) -> object:
    return await manager.upload_service.upload_stream("a.bin", _pieces(files.content))


async def upload_files(manager: StorageManager, files: Files) -> object:
    forms = [FormFile(f"{number}.bin", io.BytesIO(SMALL), len(SMALL)) for number in range(4)]
    return await manager.upload_service.upload_files(forms)


async def download_bytes(manager: StorageManager, files: Files) -> None:
    _require_same(await manager.download_service.download_bytes(files.small), SMALL)


async def download_range(manager: StorageManager, files: Files) -> None:
    read = await manager.download_service.download_bytes(files.large, byte_range=ByteRange(100, 700_000))
    _require_same(read, files.content[100:700_001])


async def download_to_stream(manager: StorageManager, files: Files) -> None:
    out = io.BytesIO()
    await manager.download_service.download_to_stream(files.large, out)
    _require_same(out.getvalue(), files.content)


async def download_to_generator(manager: StorageManager, files: Files) -> None:
    read = bytearray()
    async with aclosing(manager.download_service.download_to_generator(files.large)) as chunks:
        async for chunk in chunks:
            read += chunk
    _require_same(read, files.content)


async def stream_zip(manager: StorageManager, files: Files) -> None:
    wanted = [FileDownload(file_id=file_id) for file_id in (files.small, files.large, files.small)]
    size = 0
    async with aclosing(manager.download_service.stream_zip(wanted, compression="never")) as archive:
        async for piece in archive:
            size += len(piece)
    assert size > len(files.content)


async def get_file_info(manager: StorageManager, files: Files) -> None:
    assert (await manager.info_service.get_file_info(files.large)).file_size == len(files.content)


async def delete_file(manager: StorageManager, files: Files) -> None:
    await manager.delete_service.delete_file(files.doomed)


async def copy_file(manager: StorageManager, files: Files) -> object:
    return await manager.copy_service.copy_file(files.large)


async def list_files(manager: StorageManager, files: Files) -> None:
    async with aclosing(manager.list_service.list_files()) as found:
        assert files.small in [file.file_id async for file in found]


async def health(manager: StorageManager, files: Files) -> None:
    await manager.health_service.report()


def _require_same(read: bytes | bytearray, stored: bytes) -> None:
    if read != stored:  # without pytest's comparison, which takes minutes for so many bytes
        raise AssertionError("other bytes than those that were stored")


USE_CASES: Final[tuple[UseCase, ...]] = (
    upload_bytes,
    upload_large_bytes,
    upload_stream,
    upload_stream_of_unknown_size,
    upload_files,
    download_bytes,
    download_range,
    download_to_stream,
    download_to_generator,
    stream_zip,
    get_file_info,
    delete_file,
    copy_file,
    list_files,
    health,
)
