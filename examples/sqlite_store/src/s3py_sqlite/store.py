"""The ports `BlobStore`, `Listing` and `HealthCheck` on a database."""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from s3py_helper.backends import (
    DEFAULT_BUCKET,
    BlobInfo,
    ByteRange,
    FileId,
    IncomingBody,
    NewBlob,
    Observer,
    OpenBlob,
    RollbackFailed,
    Span,
    completed,
    span_of,
)
from s3py_helper.storage import StorageException
from s3py_sqlite.database import SCHEME, Database
from s3py_sqlite.errors import translated
from s3py_sqlite.session import Session, not_open

ROW_SIZE: Final = 256 * 1024
"""Bytes in a row: about what one upload or download holds in memory."""


class SqliteStore:
    """Files in one SQLite database; open inside `async with`."""

    def __init__(self, path: Path, observer: Observer) -> None:
        self._path = path
        self._observer = observer
        self._session: Session | None = None

    async def __aenter__(self) -> Self:
        session = Session()
        try:
            await completed(session.open(self._path))
        except BaseException:  # a cancellation too: nobody else could close what is open by now
            await completed(session.close())
            raise
        self._session = session
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await completed(session.close())

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """Store a file row by row; it becomes visible when all of them are there."""
        session, number = self._opened, secrets.randbits(62)
        place = FileId(SCHEME, blob.bucket or DEFAULT_BUCKET, blob.key)
        position, rest = 0, bytearray()
        try:
            async for chunk in body:
                rest += chunk
                while len(rest) >= ROW_SIZE:
                    await session.run("upload", place, Database.append, number, position, bytes(rest[:ROW_SIZE]))
                    del rest[:ROW_SIZE]
                    position += ROW_SIZE
            if rest:
                await session.run("upload", place, Database.append, number, position, bytes(rest))
            return await session.run("upload", place, Database.finish, number, place, blob, body)
        except BaseException:  # the caller was cancelled, or the stream failed: nothing may stay behind
            await completed(self._roll_back(session, place, number))
            raise

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        """The description at once; bytes are read as the caller takes them."""
        session = self._opened
        number, info = await session.run("download", file_id, Database.find, file_id)
        with translated("download", file_id):
            span = span_of(byte_range, info.size)
        async with aclosing(_chunks(session, file_id, number, span)) as body:
            yield OpenBlob(info, span, body)

    async def info(self, file_id: FileId) -> BlobInfo:
        """See `BlobStore.info`."""
        return (await self._opened.run("info", file_id, Database.find, file_id))[1]

    async def delete(self, file_id: FileId) -> None:
        """See `BlobStore.delete`."""
        await self._opened.run("delete", file_id, Database.delete, file_id)

    def list(
        self, prefix: str = "", *, bucket: str | None = None, after: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[BlobInfo]]:
        """See `Listing.list`."""
        return aclosing(self._files(prefix, bucket or DEFAULT_BUCKET, after))

    async def check(self) -> None:
        """See `HealthCheck.check`."""
        await self._opened.run("health check", None, Database.check)

    @property
    def _opened(self) -> Session:
        if self._session is None:
            raise not_open()
        return self._session

    async def _roll_back(self, session: Session, place: FileId, number: int) -> None:
        try:
            if session.is_open:  # closing has removed the rows
                await session.run("upload", place, Database.remove, number)
        except StorageException as error:
            self._observer.notify(RollbackFailed(SCHEME, f"rows of {place}", str(error)))

    async def _files(self, prefix: str, bucket: str, after: str) -> AsyncGenerator[BlobInfo]:
        session = self._opened
        while page := await session.run("list", None, Database.page, bucket, prefix, after):
            for info in page:
                yield info
            after = page[-1].file_id.key


async def _chunks(session: Session, file_id: FileId, number: int, span: Span) -> AsyncGenerator[bytes]:
    at = span.start
    while at < span.stop:
        chunk = await session.run("download", file_id, Database.read, number, at, span.stop)
        yield chunk
        at += len(chunk)
