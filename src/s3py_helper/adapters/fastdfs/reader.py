"""Describing files, and opening them for reading."""

import errno
from typing import NamedTuple

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.deadline import within
from s3py_helper.adapters.fastdfs.describe import FileFacts, describe
from s3py_helper.adapters.fastdfs.download_body import CHUNK_BYTES, DownloadBody, HeldBody, Refill, StreamedBody
from s3py_helper.adapters.fastdfs.metadata import read_metadata
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.adapters.fastdfs.routing.read_routing import Candidate, ReadRouting, ReplicaBehind
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.ports.observer import DownloadResumed
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import ByteRange, Span, span_of
from s3py_helper.domain.errors import IntegrityException, InvalidRangeException
from s3py_helper.domain.file_id import Backend, FileId


class OpenDownload(NamedTuple):
    """A file that is being read.

    Attributes:
        blob: What callers get.
        body: Its body, to be closed however much was read.
    """

    blob: OpenBlob
    body: DownloadBody


class BlobReader:
    """Asks storage servers for descriptions and bytes."""

    def __init__(self, config: FastdfsConfig, session: FastdfsSession, routing: ReadRouting) -> None:
        self._session = session
        self._routing = routing
        self._verify = config.verify_checksum
        self._read = routing.from_source if config.read_from == "source" else routing.from_replica

    async def info(self, file_id: FileId) -> BlobInfo:
        """Two requests for a normal file with metadata: where it is, and what is kept beside it."""

        async def attempt(candidate: Candidate) -> BlobInfo:
            return await self._session.talk(
                candidate.address, lambda connection: self._describe(connection, candidate, file_id)
            )

        return await self._routing.from_source(file_id, attempt)

    async def open(self, file_id: FileId, byte_range: ByteRange | None, *, described: bool) -> OpenDownload:
        """Two requests for a normal file: where it is, its bytes. A third, for its metadata, when it is `described`."""
        facts = FileFacts.in_name(file_id)
        begin_at = self._session.talk if _is_held(facts, byte_range) else self._session.begin

        async def attempt(candidate: Candidate) -> OpenDownload:
            async def begin(connection: FramedConnection) -> OpenDownload:
                client = StorageClient(connection, file_id.bucket)
                stored = await _metadata(client, file_id, candidate) if described else None
                known = facts or FileFacts.on_server(await client.stat(file_id.key))
                return await self._begin(client, candidate, file_id, known, byte_range, stored)

            return await begin_at(candidate.address, begin)

        return await self._read(file_id, attempt)

    async def _describe(self, connection: FramedConnection, candidate: Candidate, file_id: FileId) -> BlobInfo:
        client = StorageClient(connection, file_id.bucket)
        stored = await _metadata(client, file_id, candidate)
        facts = FileFacts.in_name(file_id)
        if facts is None or stored is None:
            stat = await client.stat(file_id.key)
            facts = facts or FileFacts.on_server(stat)
        return describe(file_id, facts, read_metadata(stored or b""))

    async def _begin(
        self,
        client: StorageClient,
        candidate: Candidate,
        file_id: FileId,
        facts: FileFacts,
        byte_range: ByteRange | None,
        stored: bytes | None,
    ) -> OpenDownload:
        # The name tells the facts of a file that may be gone; asking for its bytes shows whether it is there.
        try:
            span = _span(byte_range, facts, file_id)
        except InvalidRangeException:
            if stored is None:
                await client.stat(file_id.key)  # a range is judged only if the file is there
            raise
        size = len(span)
        if size:
            await self._ask_for(client, file_id, facts, span.start, size, candidate)
        elif stored is None:
            await client.stat(file_id.key)  # an empty file has no bytes to ask for, so this request finds out
        body = await self._body(client.connection, file_id, facts, span.start, size)
        return OpenDownload(OpenBlob(describe(file_id, facts, read_metadata(stored or b"")), span, body), body)

    async def _body(
        self, connection: FramedConnection, file_id: FileId, facts: FileFacts, start: int, size: int
    ) -> DownloadBody:
        crc32 = facts.crc32 if self._verify and size == facts.size else None
        if size > CHUNK_BYTES:
            refill = None if facts.crc32 is None else self._refill(file_id)
            return StreamedBody(file_id, connection, start, size, crc32, refill)
        content = await connection.receive_exactly(size) if size else b""
        connection.release()
        return HeldBody(file_id, content, crc32)

    def _refill(self, file_id: FileId) -> Refill:
        async def refill(start: int, size: int) -> bytes:
            async def fetch(connection: FramedConnection) -> bytes:
                client = StorageClient(connection, file_id.bucket)
                _check_length(await client.begin_download(file_id.key, start, size), start, size, file_id)
                return await connection.receive_exactly(size)

            self._session.observer.notify(
                DownloadResumed(Backend.FASTDFS, str(file_id), start, "others waited for its connection")
            )
            with within(self._session, self._session.operation_timeout, "download", file_id):
                return await self._read(file_id, lambda candidate: self._session.talk(candidate.address, fetch))

        return refill

    async def _ask_for(
        self, client: StorageClient, file_id: FileId, facts: FileFacts, start: int, size: int, candidate: Candidate
    ) -> None:
        # Asking for the rest shows a file that is longer than its name says; an appender file's name says nothing.
        to_the_end = facts.crc32 is not None and start + size == facts.size
        try:
            length = await client.begin_download(file_id.key, start, 0 if to_the_end else size)
        except ServerRefusal as refusal:
            if refusal.status != errno.EINVAL:
                raise
            length = await self._length_from(start, client, file_id, candidate)
            if length >= size:
                raise
        if length != size:
            if not candidate.final:
                raise ReplicaBehind
            _check_length(length, start, size, file_id)

    async def _length_from(self, start: int, client: StorageClient, file_id: FileId, candidate: Candidate) -> int:
        """Bytes from `start` on: none where a span begins behind the end, few where (before 6.15.4) it ends there."""
        client.connection.release()  # a storage server closes it after such a status
        stat = await self._session.talk(
            candidate.address, lambda connection: StorageClient(connection, file_id.bucket).stat(file_id.key)
        )
        return max(0, stat.size - start)


async def _metadata(client: StorageClient, file_id: FileId, candidate: Candidate) -> bytes | None:
    stored = await client.metadata(file_id.key)
    if stored is None and candidate.may_lag:
        raise ReplicaBehind  # a new file reaches a replica before its metadata does
    return stored


def _is_held(facts: FileFacts | None, byte_range: ByteRange | None) -> bool:
    """Whether a download fits into one chunk, and need not hold a connection while it is being read."""
    if facts is None:
        return False
    if byte_range is None:
        return facts.size <= CHUNK_BYTES
    try:
        return len(span_of(byte_range, facts.size)) <= CHUNK_BYTES
    except InvalidRangeException:
        return True


def _span(byte_range: ByteRange | None, facts: FileFacts, file_id: FileId) -> Span:
    try:
        return span_of(byte_range, facts.size)
    except InvalidRangeException as error:
        error.file_id, error.backend = str(file_id), Backend.FASTDFS
        raise


def _check_length(length: int, start: int, expected: int, file_id: FileId) -> None:
    if length != expected:
        raise IntegrityException(
            f"download of {file_id}: the server has {length} bytes from {start} on, there should be {expected}",
            operation="download",
            file_id=str(file_id),
            backend=Backend.FASTDFS,
        )
