"""Sources on a real FastDFS whose servers are stopped."""

import asyncio
import zlib

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.errors import StorageException, StorageUnavailableException
from s3py_helper.domain.fastdfs_name import FastdfsName
from s3py_helper.domain.file_id import FileId
from tests.support.fastdfs.layout import FIRST_STORAGE_ID
from tests.support.fastdfs.real_site import RealSite
from tests.support.fastdfs.special_files import RawFiles, raw_files
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(120)

_CONTENT = b"on both servers of its group"


async def _taken_by_the_first(files: RawFiles) -> FileId:
    while True:
        file_id = await files.upload(_CONTENT)
        name = FastdfsName.decode(file_id.key)
        if name is not None and name.is_from("", str(FIRST_STORAGE_ID)):
            return file_id


async def test_a_replica_tells_what_it_has_while_the_source_is_down(storage_id_site: RealSite) -> None:
    config = FastdfsConfig(tracker_servers=list(storage_id_site.trackers), connect_timeout=1)
    async with FastdfsBlobStore(config) as store, raw_files(storage_id_site.trackers[0]) as files:
        source = FastdfsMigrationSource(config, store)
        file_id = await _taken_by_the_first(files)
        name = file_id.key.rpartition("/")[2]
        await until(lambda: all(name in disk for disk in storage_id_site.on_disk("group1")), within=30)
        missing = FileId(file_id.backend, file_id.bucket, file_id.key[:-3] + "jpg")
        assert (await source.facts(missing)).at_source
        await asyncio.to_thread(storage_id_site.stop_storage, "group1", 0)
        try:
            async with FastdfsBlobStore(config) as later:
                source = FastdfsMigrationSource(config, later)
                facts = await source.facts(file_id)
                assert (facts.exists, facts.at_source, facts.crc32) == (True, False, zlib.crc32(_CONTENT))
                facts = await source.facts(missing)
                assert (facts.exists, facts.at_source) == (False, False), "what a stand-in lacks proves nothing"
                async with source.open(file_id) as chunks:
                    assert b"".join([chunk async for chunk in chunks]) == _CONTENT
                group = next(group for group in await source.groups() if group.name == "group1")
                assert sorted(server.active for server in group.servers) == [False, True]
                down = next(server.name for server in group.servers if not server.active)
                assert (await source.replicas(file_id))[0] == down
                with pytest.raises(StorageException):
                    async with source.listing("group1", down, 0):
                        pass
                with pytest.raises(StorageUnavailableException):
                    await source.delete(missing)
        finally:
            await asyncio.to_thread(storage_id_site.start_storage, "group1", 0)
