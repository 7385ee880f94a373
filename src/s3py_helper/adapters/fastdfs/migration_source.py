"""The port `MigrationSource` on FastDFS."""

import errno
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.deadline import within
from s3py_helper.adapters.fastdfs.describe import FileFacts
from s3py_helper.adapters.fastdfs.download_body import CHUNK_BYTES, DownloadBody, HeldBody, StreamedBody
from s3py_helper.adapters.fastdfs.metadata import read_metadata
from s3py_helper.adapters.fastdfs.path_scan import PathScanner
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, ProtocolFault, ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.group_listing import GroupServer
from s3py_helper.adapters.fastdfs.protocol.messages import FileStat
from s3py_helper.adapters.fastdfs.protocol.storage_client import NOT_FOUND, StorageClient, seconds_to_read
from s3py_helper.adapters.fastdfs.routing.whereabouts import Finder
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.ports.migration_source import (
    Listed,
    MigrationSource,
    SourceFacts,
    SourceGroup,
    SourceMetadata,
    SourceServer,
)
from s3py_helper.application.ports.observer import FailedOver
from s3py_helper.domain.byte_range import ByteRange, Span, span_of
from s3py_helper.domain.errors import (
    FileNotFoundException,
    IntegrityException,
    InvalidArgumentException,
    InvalidRangeException,
    StorageException,
    StorageUnavailableException,
)
from s3py_helper.domain.fastdfs_name import NameShape, decoded
from s3py_helper.domain.file_id import Backend, FileId

_SUMMED_BY_SERVERS: Final = frozenset({NameShape.APPENDER, NameShape.SLAVE})


class FastdfsMigrationSource:
    """The servers of an open store, one by one; only those that a tracker lists are asked.

    Args:
        config: The folder for what a listing cannot hold in memory.
        store: An open one.
    """

    def __init__(self, config: FastdfsConfig, store: FastdfsBlobStore) -> None:
        self._store = store
        self._session = store.session
        self._trackers = store.trackers
        self._finder = Finder(store.session, store.trackers)
        directory = None if config.spool_directory is None else Path(config.spool_directory)
        self._scanner = PathScanner(store.session, directory)

    async def groups(self) -> Sequence[SourceGroup]:
        """See `MigrationSource.groups`."""
        with within(self._session, self._session.operation_timeout, "list groups"):
            return [
                SourceGroup(name, _described(await self._trackers.servers_of(name)))
                for name in await self._trackers.groups()
            ]

    @asynccontextmanager
    async def listing(self, group: str, server: str, store_path: int) -> AsyncGenerator[Listed]:
        """See `MigrationSource.listing`."""
        with within(self._session, self._session.operation_timeout, "listing"):
            address = _known(server, await self._trackers.servers_of(group), group)
        async with self._scanner.scan(address, group, store_path) as names:
            yield names

    async def facts(self, file_id: FileId) -> SourceFacts:
        """See `MigrationSource.facts`."""
        with within(self._session, self._session.operation_timeout, "facts", file_id):
            found = await self._finder.find(file_id)
        if found.address is None or found.stat is None:
            return SourceFacts(exists=False, at_source=found.proven)
        name = decoded(file_id.key)
        if name is not None and name.shape in _SUMMED_BY_SERVERS and found.stat.size:
            return await self._summed(file_id, found.address, found.stat.size, at_source=found.proven)
        return _facts(file_id, found.stat, at_source=found.proven)

    async def metadata(self, file_id: FileId) -> SourceMetadata:
        """See `MigrationSource.metadata`."""
        info = await self._store.info(file_id)
        return SourceMetadata(info.file_name, info.content_type, dict(info.metadata))

    async def fetch(self, file_id: FileId, size: int) -> tuple[SourceMetadata, bytes] | None:
        """See `MigrationSource.fetch`. Two requests over one connection."""

        async def both(connection: FramedConnection) -> tuple[SourceMetadata, bytes] | None:
            client = _client(connection, file_id)
            stored = read_metadata(await client.metadata(file_id.key) or b"")
            if await client.begin_download(file_id.key, 0, 0) != size:
                return None
            content = await connection.receive_exactly(size)
            return SourceMetadata(stored.file_name, stored.content_type, dict(stored.pairs)), content

        try:
            with within(self._session, self._session.operation_timeout, "download", file_id):
                holder = await self._trackers.holder_of(file_id)
                return None if holder.stands_in else await self._session.talk(holder.address, both)
        except StorageException:  # the usual way meets it again, and deals with it
            return None

    @asynccontextmanager
    async def open(
        self, file_id: FileId, byte_range: ByteRange | None = None, *, server: str | None = None
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        """See `MigrationSource.open`."""
        with within(self._session, self._session.opening_timeout, "download", file_id):
            body = await self._opened(file_id, byte_range, server)
        try:
            yield body
        finally:
            body.close()

    async def replicas(self, file_id: FileId) -> Sequence[str]:
        """See `MigrationSource.replicas`. Servers that are down come last."""
        with within(self._session, self._session.operation_timeout, "replicas", file_id):
            holder = await self._trackers.holder_of(file_id)
            servers = await self._trackers.sources.servers(file_id.bucket)
        first = holder.source or holder.address
        others = sorted(servers, key=lambda server: not server.is_active)
        return [str(first), *(str(server.address) for server in others if server.address != first)]

    async def delete(self, file_id: FileId) -> None:
        """See `MigrationSource.delete`."""
        try:
            await self._store.delete(file_id)
        except FileNotFoundException as missing:
            # The server that the tracker named may stand in for the source, and have fewer files.
            with within(self._session, self._session.operation_timeout, "delete", file_id):
                found = await self._finder.find(file_id)
                if not found.proven:
                    raise _source_is_down(file_id) from missing
                if found.address is None:
                    raise
                await self._session.talk(
                    found.address, lambda connection: _client(connection, file_id).delete(file_id.key)
                )

    async def _summed(self, file_id: FileId, address: Address, size: int, *, at_source: bool) -> SourceFacts:
        """Facts of a file whose checksum only its server can tell, by reading all of it."""
        with within(self._session, self._session.operation_timeout + seconds_to_read(size), "facts", file_id):
            try:
                stat, crc32 = await self._session.talk(
                    address, lambda connection: _client(connection, file_id).summed_stat(file_id.key, size)
                )
            except ServerRefusal as refusal:
                if refusal.status != NOT_FOUND:
                    raise
                return SourceFacts(exists=False, at_source=at_source)
        return SourceFacts(exists=True, at_source=at_source, size=stat.size, mtime=stat.created_at, crc32=crc32)

    async def _opened(self, file_id: FileId, byte_range: ByteRange | None, server: str | None) -> DownloadBody:
        async def open_at(address: Address) -> DownloadBody:
            async def begin(connection: FramedConnection) -> DownloadBody:
                return await self._begun(connection, address, file_id, byte_range)

            return await self._session.begin(address, begin)

        if server is not None:
            servers = await self._trackers.sources.servers(file_id.bucket)
            return await open_at(_known(server, servers, file_id.bucket))
        holder = await self._trackers.holder_of(file_id)
        if holder.stands_in:
            reason = "trackers name another server, as they do while it is down"
            self._session.observer.notify(FailedOver(Backend.FASTDFS, str(holder.source), str(holder.address), reason))
        try:
            return await open_at(holder.address)
        except (ConnectionFault, ProtocolFault) as fault:
            self._trackers.forget(holder.address)
            found = await self._finder.find_elsewhere(file_id, holder, fault)
            if found.address is None:
                raise
        except ServerRefusal as refusal:
            if refusal.status != NOT_FOUND or holder.address == holder.source:
                raise
            found = await self._finder.find_elsewhere(file_id, holder)
            if found.address is None:
                raise
        return await open_at(found.address)

    async def _begun(
        self, connection: FramedConnection, address: Address, file_id: FileId, byte_range: ByteRange | None
    ) -> DownloadBody:
        client = _client(connection, file_id)
        start, size = 0, 0
        if byte_range is not None:
            span = _span(byte_range, await client.stat(file_id.key), file_id)
            start, size = span.start, len(span)
        try:
            length = await client.begin_download(file_id.key, start, size)
        except ServerRefusal as refusal:
            if refusal.status != errno.EINVAL or byte_range is not None:
                raise
            connection.release()  # the server closes it
            stat = await self._session.talk(address, lambda other: _client(other, file_id).stat(file_id.key))
            if stat.size:
                raise
            return HeldBody(file_id, b"", None)  # an empty file has no bytes to ask for
        if size and length != size:
            raise _short(file_id, address, length, size)
        if length > CHUNK_BYTES:
            return StreamedBody(file_id, connection, start, length, None, None)
        content = await connection.receive_exactly(length) if length else b""
        connection.release()
        return HeldBody(file_id, content, None)


def _known(server: str, servers: Sequence[GroupServer], group: str) -> Address:
    """The address of a server by its name; a server that no tracker lists is not asked."""
    for known in servers:
        if str(known.address) == server:
            return known.address
    names = ", ".join(str(known.address) for known in servers) or "none"
    raise InvalidArgumentException(f"{group} has no storage server {server}; it has: {names}")


def _described(servers: Sequence[GroupServer]) -> list[SourceServer]:
    return [
        SourceServer(
            name=str(server.address),
            store_paths=server.store_paths,
            version=server.version,
            active=server.is_active,
            files=server.uploaded - server.deleted,
            synced_until=_synced_until(server, [peer for peer in servers if peer is not server]),
            free_bytes=server.free_bytes,
            heard_at=server.last_heartbeat or None,
        )
        for server in servers
    ]


def _synced_until(server: GroupServer, peers: Sequence[GroupServer]) -> int | None:
    """Servers report the time of the last change that they applied, which grows old while nothing changes.

    With several peers it is the earliest of their times, so it says nothing about the others.
    """
    if not peers:
        return None
    changes = [peer.last_change for peer in peers if peer.last_change]
    is_level = not changes or server.synced_until >= min(changes)
    return server.last_heartbeat if is_level else server.synced_until


def _facts(file_id: FileId, stat: FileStat, *, at_source: bool) -> SourceFacts:
    in_id = FileFacts.in_name(file_id)
    if in_id is None:
        crc32 = None if stat.size else 0
        return SourceFacts(exists=True, at_source=at_source, size=stat.size, mtime=stat.created_at, crc32=crc32)
    # A slave can have a name like a master's. One of another size is noticed; its name tells the master's checksum.
    crc32 = in_id.crc32 if in_id.size == stat.size else None
    return SourceFacts(
        exists=True, at_source=at_source, size=stat.size, mtime=int(in_id.created_at.timestamp()), crc32=crc32
    )


def _client(connection: FramedConnection, file_id: FileId) -> StorageClient:
    return StorageClient(connection, file_id.bucket)


def _span(byte_range: ByteRange, stat: FileStat, file_id: FileId) -> Span:
    try:
        return span_of(byte_range, stat.size)
    except InvalidRangeException as error:
        error.file_id, error.backend = str(file_id), Backend.FASTDFS
        raise


def _short(file_id: FileId, address: Address, length: int, expected: int) -> IntegrityException:
    return IntegrityException(
        f"download of {file_id}: {address} gives {length} bytes, where it said that it had {expected}",
        operation="download",
        file_id=str(file_id),
        backend=Backend.FASTDFS,
    )


def _source_is_down(file_id: FileId) -> StorageUnavailableException:
    return StorageUnavailableException(
        f"delete of {file_id}: its source is out of reach, and that another server lacks it proves nothing",
        operation="delete",
        file_id=str(file_id),
        backend=Backend.FASTDFS,
    )


_source: type[MigrationSource] = FastdfsMigrationSource
