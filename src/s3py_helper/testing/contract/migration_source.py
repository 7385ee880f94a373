"""The promises of the port `MigrationSource`."""

# ruff: noqa: S101 - assertions are what a test kit is made of

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import ClassVar, Final, Protocol

import pytest

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.application.ports.migration_source import MigrationSource, SourceFacts
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import (
    FileNotFoundException,
    InvalidArgumentException,
    InvalidRangeException,
    StorageOperationException,
)
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing.bodies import body_of, new_blob
from s3py_helper.testing.contract.harness import PATIENCE
from s3py_helper.testing.leaks import leak_guard

_TEXT: Final = b"0123456789abcdefghij"
_LARGE: Final = bytes(range(256)) * 4096


class SpecialFiles(Protocol):
    """What FastDFS can do beyond the port `BlobStore`. All files of a test are deleted after it."""

    async def upload(self, content: bytes) -> FileId:
        """Store a normal file, without metadata."""
        ...

    async def upload_appender(self, content: bytes) -> FileId:
        """Store a file that can grow."""
        ...

    async def append(self, file_id: FileId, content: bytes) -> None:
        """Let it grow."""
        ...

    async def regenerate(self, file_id: FileId) -> FileId:
        """Make it a normal file."""
        ...

    async def upload_slave(self, master: FileId, prefix: str, extension: str, content: bytes) -> FileId:
        """Store a file beside its master."""
        ...


@pytest.mark.asyncio
class MigrationSourceContract:
    """Override the fixtures `store`, `source` (over the same servers) and `files`.

    Attributes:
        reports_within: Seconds after which trackers know of what was done at a server.
    """

    reports_within: ClassVar[float] = 0.0

    @pytest.fixture
    def store(self) -> BlobStore:
        """An open store of FastDFS."""
        raise NotImplementedError("override the fixture `store`: an open store")

    @pytest.fixture
    def source(self, store: BlobStore) -> MigrationSource:
        """The same as a source."""
        raise NotImplementedError("override the fixture `source`: the store as a source")

    @pytest.fixture
    def files(self) -> SpecialFiles:
        """See `SpecialFiles`."""
        raise NotImplementedError("override the fixture `files`: see `SpecialFiles`")

    async def test_groups_have_servers_that_can_be_listed(self, source: MigrationSource) -> None:
        groups = await source.groups()
        assert groups
        for group in groups:
            assert group.servers
            assert len({server.name for server in group.servers}) == len(group.servers)
            for server in group.servers:
                assert server.active
                assert server.version[0].isdigit()
                assert server.store_paths >= 1
                assert server.free_bytes > 0
                assert (server.synced_until is None) == (len(group.servers) == 1)
                for store_path in range(server.store_paths):
                    await _names(source, group.name, server.name, store_path)

    async def test_servers_count_what_was_stored_and_deleted(
        self, source: MigrationSource, store: BlobStore, files: SpecialFiles
    ) -> None:
        before = await self._settled_count(source)
        kept = [await files.upload(b"counted") for _ in range(3)]
        await files.upload_slave(kept[0], "_s", "txt", b"counted as well")
        gone = await files.upload(b"soon gone")
        await store.delete(gone)
        await _until(lambda: _equals(_count(source, "group1"), before + 4))

    async def _settled_count(self, source: MigrationSource) -> int:
        """The count when what other tests did has been reported."""
        count, since = await _count(source, "group1"), time.monotonic()
        while time.monotonic() - since < self.reports_within:
            await asyncio.sleep(0.1)
            if (now := await _count(source, "group1")) != count:
                count, since = now, time.monotonic()
        return count

    async def test_a_file_is_listed_at_every_server_of_its_group(
        self, source: MigrationSource, store: BlobStore, files: SpecialFiles
    ) -> None:
        written = await store.write(new_blob("listed.txt", metadata={"kind": "test"}), body_of(b"listed"))
        slave = await files.upload_slave(written.file_id, "_big", "txt", b"a slave")
        appender = await files.upload_appender(b"grows")
        for server in await source.replicas(written.file_id):
            await _until(partial(_holds, source, server, [written.file_id, slave, appender]))
            names = await _names(source, "group1", server, _store_path(written.file_id))
            assert len(names) == len(set(names)), "each name once"
            assert all(name.startswith(written.file_id.key[:4]) for name in names), "those of other paths are not here"
            assert not [name for name in names if name.startswith(written.file_id.key) and name.endswith("-m")]
        await store.delete(written.file_id)
        if written.file_id.key in await _names(
            source, "group1", (await source.replicas(written.file_id))[0], _store_path(written.file_id)
        ):  # nobody looks into trunk files
            assert await source.facts(written.file_id) == SourceFacts(exists=False, at_source=True)

    async def test_a_server_or_store_path_that_is_none_is_refused(self, source: MigrationSource) -> None:
        server = (await source.groups())[0].servers[0]
        group = (await source.groups())[0].name
        with pytest.raises(InvalidArgumentException, match=r"has no storage server 127\.0\.0\.99:1"):
            await _names(source, group, "127.0.0.99:1")
        with pytest.raises(StorageOperationException, match="no such store path"):
            await _names(source, group, server.name, server.store_paths)

    async def test_a_listing_that_is_left_early_leaves_nothing_behind(
        self, source: MigrationSource, files: SpecialFiles
    ) -> None:
        await files.upload(b"listed")
        server = (await source.groups())[0].servers[0].name
        async with leak_guard():
            for _ in range(3):
                async with source.listing("group1", server, 0):
                    pass
                async with source.listing("group1", server, 0) as listed:
                    async for _ in listed:
                        break
        await _names(source, "group1", server)

    @pytest.mark.parametrize("content", [b"", b"x", _TEXT, _LARGE], ids=lambda content: f"{len(content)} bytes")
    async def test_the_facts_of_a_normal_file(self, source: MigrationSource, store: BlobStore, content: bytes) -> None:
        written = await store.write(new_blob(), body_of(content))
        facts = await source.facts(written.file_id)
        described = (await store.info(written.file_id)).last_modified
        await store.delete(written.file_id)
        assert described is not None
        assert facts == SourceFacts(
            exists=True,
            at_source=True,
            size=len(content),
            mtime=int(described.timestamp()),
            crc32=zlib.crc32(content),
        )

    async def test_the_facts_of_a_file_that_grows(self, source: MigrationSource, files: SpecialFiles) -> None:
        appender = await files.upload_appender(_TEXT)
        facts = await source.facts(appender)
        assert (facts.exists, facts.at_source, facts.size, facts.crc32) == (True, True, 20, zlib.crc32(_TEXT))
        await files.append(appender, _LARGE)
        facts = await source.facts(appender)
        assert (facts.size, facts.crc32) == (len(_TEXT + _LARGE), zlib.crc32(_TEXT + _LARGE))
        empty = await files.upload_appender(b"")
        facts = await source.facts(empty)
        assert (facts.exists, facts.size, facts.crc32) == (True, 0, 0)

    async def test_the_old_name_of_a_regenerated_file_is_missing(
        self, source: MigrationSource, files: SpecialFiles
    ) -> None:
        appender = await files.upload_appender(_TEXT)
        normal = await files.regenerate(appender)
        assert await source.facts(appender) == SourceFacts(exists=False, at_source=True)
        facts = await source.facts(normal)
        assert (facts.exists, facts.size, facts.crc32) == (True, 20, zlib.crc32(_TEXT))

    @pytest.mark.parametrize(
        ("prefix", "extension", "told"),
        [
            ("_150x150", "jpg", True),
            ("_s", "jpg", True),
            ("-big", "", False),
            ("-", "a", False),
            ("_small-m", "", True),
        ],
    )
    async def test_the_facts_of_a_slave_are_its_own(
        self, source: MigrationSource, files: SpecialFiles, prefix: str, extension: str, *, told: bool
    ) -> None:
        master = await files.upload(b"the master")
        slave = await files.upload_slave(master, prefix, extension, _TEXT)
        facts = await source.facts(slave)
        assert (facts.exists, facts.at_source, facts.size) == (True, True, 20)
        assert facts.crc32 == (zlib.crc32(_TEXT) if told else None), "a master's sum is not its slave's"
        assert (await source.facts(master)).crc32 == zlib.crc32(b"the master")

    async def test_an_empty_slave_has_the_sum_of_nothing(self, source: MigrationSource, files: SpecialFiles) -> None:
        slave = await files.upload_slave(await files.upload(b"the master"), "_empty", "txt", b"")
        facts = await source.facts(slave)
        assert (facts.exists, facts.size, facts.crc32) == (True, 0, 0)

    async def test_a_file_that_is_not_there_is_missing_at_its_source(
        self, source: MigrationSource, files: SpecialFiles
    ) -> None:
        there = await files.upload(b"there")
        for name in (there.key[:-3] + "jpg", there.key + "_no_slave.txt", "M00/00/00/" + "x" * 34, "M00/00/00/x"):
            missing = FileId(there.backend, there.bucket, name)
            assert await source.facts(missing) == SourceFacts(exists=False, at_source=True), name

    async def test_metadata_are_as_the_store_describes_them(
        self, source: MigrationSource, store: BlobStore, files: SpecialFiles
    ) -> None:
        blob = new_blob("Überblick.tar.gz", content_type="application/x-odd", metadata={"Author": "Zoë", "empty": ""})
        written = await store.write(blob, body_of(_TEXT))
        described = await source.metadata(written.file_id)
        info = await store.info(written.file_id)
        assert (described.file_name, described.content_type) == (info.file_name, info.content_type)
        assert (described.file_name, described.content_type) == ("Überblick.tar.gz", "application/x-odd")
        assert described.metadata == info.metadata == {"Author": "Zoë", "empty": ""}
        await store.delete(written.file_id)
        plain = await source.metadata(await files.upload(b"by another client"))
        assert (plain.file_name, plain.content_type, plain.metadata) == (None, None, {})
        with pytest.raises(FileNotFoundException):
            await source.metadata(written.file_id)

    async def test_a_small_file_comes_together_with_what_is_kept_beside_it(
        self, source: MigrationSource, store: BlobStore, files: SpecialFiles
    ) -> None:
        written = await store.write(new_blob("a name.txt", metadata={"kind": "test"}), body_of(_TEXT))
        described = await source.metadata(written.file_id)
        large = await files.upload(_LARGE)
        async with leak_guard():
            assert await source.fetch(written.file_id, len(_TEXT)) == (described, _TEXT)
            assert await source.fetch(large, len(_LARGE)) == (await source.metadata(large), _LARGE)
        await store.delete(written.file_id)

    async def test_a_file_that_is_not_as_it_was_told_is_not_fetched(
        self, source: MigrationSource, store: BlobStore, files: SpecialFiles
    ) -> None:
        written = await store.write(new_blob(metadata={"kind": "test"}), body_of(_TEXT))
        large = await files.upload(_LARGE)
        async with leak_guard(), asyncio.timeout(PATIENCE):
            for _ in range(50):  # of what comes all the same nothing is taken for the next answer
                assert await source.fetch(large, len(_TEXT)) is None
            assert await source.fetch(written.file_id, len(_TEXT) + 1) is None
            assert await source.fetch(written.file_id, len(_TEXT) - 1) is None
            await store.delete(written.file_id)
            assert await source.fetch(written.file_id, len(_TEXT)) is None
            assert await source.fetch(large, len(_LARGE)) is not None

    @pytest.mark.parametrize(
        ("byte_range", "expected"),
        [
            (None, _TEXT),
            (ByteRange(0, 4), b"01234"),
            (ByteRange(15, None), b"fghij"),
            (ByteRange(15, 999), b"fghij"),
            (ByteRange(None, 3), b"hij"),
        ],
        ids=str,
    )
    async def test_bytes_come_from_every_server(
        self, source: MigrationSource, files: SpecialFiles, byte_range: ByteRange | None, expected: bytes
    ) -> None:
        file_id = await files.upload(_TEXT)
        assert await _read(source, file_id, byte_range) == expected
        for server in await source.replicas(file_id):
            await _until(partial(_can_be_read, source, file_id, server))
            assert await _read(source, file_id, byte_range, server) == expected

    async def test_large_empty_and_growing_files_are_read_whole(
        self, source: MigrationSource, files: SpecialFiles
    ) -> None:
        for content in (_LARGE, b""):
            assert await _read(source, await files.upload(content)) == content
            assert await _read(source, await files.upload_appender(content)) == content
        large = await files.upload(_LARGE)
        assert await _read(source, large, ByteRange(300_000, 900_000)) == _LARGE[300_000:900_001]

    async def test_what_cannot_be_read_is_refused(self, source: MigrationSource, files: SpecialFiles) -> None:
        file_id = await files.upload(_TEXT)
        with pytest.raises(InvalidRangeException):
            await _read(source, file_id, ByteRange(20, 25))
        with pytest.raises(InvalidArgumentException, match="has no storage server"):
            await _read(source, file_id, None, "127.0.0.99:1")
        with pytest.raises(FileNotFoundException):
            await _read(source, FileId(file_id.backend, file_id.bucket, file_id.key[:-3] + "jpg"))

    async def test_reading_that_is_given_up_holds_nothing(self, source: MigrationSource, files: SpecialFiles) -> None:
        file_id = await files.upload(_LARGE)
        async with leak_guard(), asyncio.timeout(PATIENCE):
            for _ in range(100):  # more often than there are connections
                async with source.open(file_id) as chunks:
                    async for _ in chunks:
                        break
        assert await _read(source, file_id) == _LARGE

    async def test_the_source_is_the_first_of_the_replicas(
        self, source: MigrationSource, store: BlobStore, files: SpecialFiles
    ) -> None:
        file_id = await files.upload(_TEXT)
        replicas = await source.replicas(file_id)
        group = next(group for group in await source.groups() if group.name == file_id.bucket)
        assert sorted(replicas) == sorted(server.name for server in group.servers)
        await store.delete(file_id)
        with pytest.raises(FileNotFoundException):
            await _read(source, file_id, server=replicas[0])  # at once, the others follow

    async def test_a_file_is_deleted_once(self, source: MigrationSource, files: SpecialFiles) -> None:
        master = await files.upload(_TEXT)
        slave = await files.upload_slave(master, "_s", "txt", b"a slave")
        for file_id in (master, slave, await files.upload_appender(_TEXT)):
            await source.delete(file_id)
            assert await source.facts(file_id) == SourceFacts(exists=False, at_source=True)
            with pytest.raises(FileNotFoundException):
                await source.delete(file_id)


async def _names(source: MigrationSource, group: str, server: str, store_path: int = 0) -> list[str]:
    async with source.listing(group, server, store_path) as listed:
        names = [name async for name in listed]
        assert listed.complete
    return names


async def _read(
    source: MigrationSource, file_id: FileId, byte_range: ByteRange | None = None, server: str | None = None
) -> bytes:
    async with source.open(file_id, byte_range, server=server) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def _holds(source: MigrationSource, server: str, file_ids: list[FileId]) -> bool:
    for file_id in file_ids:
        if file_id.key not in await _names(source, file_id.bucket, server, _store_path(file_id)):
            return False
    return True


def _store_path(file_id: FileId) -> int:
    return int(file_id.key[1:3], 16)


async def _can_be_read(source: MigrationSource, file_id: FileId, server: str) -> bool:
    try:
        await _read(source, file_id, server=server)
    except FileNotFoundException:
        return False
    return True


async def _count(source: MigrationSource, group: str) -> int:
    return sum(server.files for found in await source.groups() if found.name == group for server in found.servers)


async def _equals(counted: Awaitable[int], expected: int) -> bool:
    return await counted == expected


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.05)
