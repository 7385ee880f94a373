"""Describing files, and opening them for reading."""

import errno

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.describe import FileFacts, describe
from s3py_helper.adapters.fastdfs.download_body import DownloadBody
from s3py_helper.adapters.fastdfs.metadata import read_metadata
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.adapters.fastdfs.routing.read_routing import (
    Candidate,
    ReplicaBehind,
    read_from_replica,
    read_from_source,
)
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import ByteRange, Span, span_of
from s3py_helper.domain.errors import IntegrityException, InvalidRangeException
from s3py_helper.domain.file_id import Backend, FileId


class OpenDownload:
    """A file that is being read; closing it gives the connection back."""

    def __init__(self, info: BlobInfo, span: Span, body: DownloadBody) -> None:
        self.blob = OpenBlob(info, span, body)
        self._body = body

    def close(self) -> None:
        """Stop, however much was read."""
        self._body.close()


class BlobReader:
    """Asks storage servers for descriptions and bytes."""

    def __init__(self, config: FastdfsConfig, session: FastdfsSession, trackers: Trackers) -> None:
        self._session = session
        self._trackers = trackers
        self._verify = config.verify_checksum
        self._read = read_from_source if config.read_from == "source" else read_from_replica

    async def info(self, file_id: FileId) -> BlobInfo:
        """Two requests for a normal file with metadata: where it is, and what was kept beside it."""

        async def attempt(candidate: Candidate) -> BlobInfo:
            return await self._session.talk(
                candidate.address, lambda connection: self._describe(connection, candidate, file_id)
            )

        return await read_from_source(self._trackers, file_id, attempt)

    async def open(self, file_id: FileId, byte_range: ByteRange | None, *, described: bool) -> OpenDownload:
        """Two requests for a normal file: where it is, its bytes. A third, for its metadata, when it is `described`."""

        async def attempt(candidate: Candidate) -> OpenDownload:
            async def begin(connection: FramedConnection) -> OpenDownload:
                client = StorageClient(connection, file_id.bucket)
                stored = await _metadata(client, file_id, candidate) if described else None
                return await self._begin(client, candidate, file_id, byte_range, stored)

            return await self._session.begin(candidate.address, begin)

        return await self._read(self._trackers, file_id, attempt)

    async def _describe(self, connection: FramedConnection, candidate: Candidate, file_id: FileId) -> BlobInfo:
        client = StorageClient(connection, file_id.bucket)
        stored = await _metadata(client, file_id, candidate)
        facts = await _facts(client, file_id, known_to_exist=stored is not None)
        return describe(file_id, facts, read_metadata(stored or b""))

    async def _begin(
        self,
        client: StorageClient,
        candidate: Candidate,
        file_id: FileId,
        byte_range: ByteRange | None,
        stored: bytes | None,
    ) -> OpenDownload:
        facts = await _facts(client, file_id, known_to_exist=True)  # whether it does, asking for its bytes will show
        try:
            span = _span(byte_range, facts, file_id)
        except InvalidRangeException:
            if stored is None:
                await client.stat(file_id.key)  # whether a range lies within the file is judged only if it is there
            raise
        if len(span):
            await self._ask_for(client, file_id, facts, span, candidate)
        elif stored is None:
            await client.stat(file_id.key)  # no bytes can be asked for, so this one finds out
        whole = len(span) == facts.size
        body = DownloadBody(file_id, client.connection, len(span), facts.crc32 if whole and self._verify else None)
        return OpenDownload(describe(file_id, facts, read_metadata(stored or b"")), span, body)

    async def _ask_for(
        self, client: StorageClient, file_id: FileId, facts: FileFacts, span: Span, candidate: Candidate
    ) -> None:
        # Asked to the end, a file that is longer than its name says gives itself away. One that grows does not.
        to_the_end = facts.crc32 is not None and span.stop == facts.size
        try:
            length = await client.begin_download(file_id.key, span.start, 0 if to_the_end else len(span))
        except ServerRefusal as refusal:
            if refusal.status != errno.EINVAL:
                raise
            length = await self._length_from(span.start, client, file_id, candidate)
            if length >= len(span):
                raise
        if length == len(span):
            return
        if not candidate.final:
            raise ReplicaBehind
        raise IntegrityException(
            f"download of {file_id}: the server has {length} bytes from {span.start} on, there should be {len(span)}",
            operation="download",
            file_id=str(file_id),
            backend=Backend.FASTDFS,
        )

    async def _length_from(self, start: int, client: StorageClient, file_id: FileId, candidate: Candidate) -> int:
        """Why a span was refused: it may begin behind the file's end, or (before 6.15.4) reach beyond it."""
        client.connection.release()  # a storage server closes it after a status like that
        stat = await self._session.talk(
            candidate.address, lambda connection: StorageClient(connection, file_id.bucket).stat(file_id.key)
        )
        return max(0, stat.size - start)


async def _metadata(client: StorageClient, file_id: FileId, candidate: Candidate) -> bytes | None:
    stored = await client.metadata(file_id.key)
    if stored is None and candidate.may_lag:
        raise ReplicaBehind  # a new file reaches a replica before its metadata do
    return stored


async def _facts(client: StorageClient, file_id: FileId, *, known_to_exist: bool) -> FileFacts:
    facts = FileFacts.in_name(file_id)
    if facts is not None and known_to_exist:
        return facts
    stat = await client.stat(file_id.key)
    return facts or FileFacts.on_server(stat)


def _span(byte_range: ByteRange | None, facts: FileFacts, file_id: FileId) -> Span:
    try:
        return span_of(byte_range, facts.size)
    except InvalidRangeException as error:
        error.file_id, error.backend = str(file_id), Backend.FASTDFS
        raise
