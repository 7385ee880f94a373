"""After failed, cancelled and soon deleted uploads no server of the group has anything, also not what it copied."""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator
from math import inf

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.fastdfs_name import FastdfsName
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob
from tests.support.fastdfs import Command, Delay, FakeCluster
from tests.support.fastdfs.real_site import RealSite
from tests.support.fastdfs.site import FastdfsSite
from tests.support.waiting import until

_MIB = 1024 * 1024
_SIZE = 6 * _MIB
_UPLOADS = 8

pytestmark = pytest.mark.timeout(180)


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(_SIZE // _MIB):
        yield os.urandom(_MIB)
        await asyncio.sleep(0)


def _config(trackers: list[str]) -> FastdfsConfig:
    return FastdfsConfig(tracker_servers=trackers, group_name="group1")


@pytest.mark.slow
@pytest.mark.parametrize("size", [None, _SIZE], ids=["size unknown", "size known"])
async def test_on_a_real_server_nothing_stays_on_any_disk(fastdfs_site: FastdfsSite, size: int | None) -> None:
    if not isinstance(fastdfs_site, RealSite):
        pytest.skip("the disks of this FastDFS are not ours to look at")
    async with FastdfsBlobStore(_config(list(fastdfs_site.trackers))) as store:
        await _settle(store, fastdfs_site)  # files of other tests are still being copied and deleted
        before = [set(disk) for disk in fastdfs_site.on_disk("group1")]
        for _ in range(_UPLOADS):
            written = await store.write(new_blob(size=size), body_of(_pieces(), size=size))
            await asyncio.sleep(random.random() * 0.5)  # replication has begun, or not
            await store.delete(written.file_id)
        for moment in range(_UPLOADS):
            await _cancel(store, size, after=moment * 0.02)
        await _settle(store, fastdfs_site)

    def nothing_new() -> bool:
        return all(disk.keys() <= known for disk, known in zip(fastdfs_site.on_disk("group1"), before, strict=True))

    await until(nothing_new, within=60)


async def _cancel(store: FastdfsBlobStore, size: int | None, *, after: float) -> None:
    """An upload, which may come to its end before."""
    writing = asyncio.create_task(store.write(new_blob(size=size), body_of(_pieces(), size=size)))
    await asyncio.sleep(after)
    writing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await store.delete((await writing).file_id)


async def _settle(store: FastdfsBlobStore, site: RealSite) -> None:
    """Each storage repeats what others did in the order in which they did it: markers from all of them come last."""
    markers: dict[bytes, FileId] = {}
    while len(markers) < len(site.on_disk("group1")):
        written = await store.write(new_blob(), body_of(b"marker"))
        name = FastdfsName.decode(written.file_id.key)
        assert name is not None
        if name.source in markers:
            await store.delete(written.file_id)
        markers.setdefault(name.source, written.file_id)
    names = {file_id.key.rpartition("/")[2] for file_id in markers.values()}
    await until(lambda: all(names <= disk.keys() for disk in site.on_disk("group1")), within=90)
    for file_id in markers.values():
        await store.delete(file_id)


@pytest.mark.parametrize("lag", [0.0, 0.05, inf], ids=str)
@pytest.mark.parametrize("size", [None, _SIZE], ids=["size unknown", "size known"])
async def test_nothing_stays_on_replicas_that_lag(lag: float, size: int | None) -> None:
    async with FakeCluster({"group1": 3}) as cluster, FastdfsBlobStore(_config(cluster.tracker_addresses)) as store:
        group = cluster.group("group1")
        group.replication_lag = lag
        for storage in cluster.storages:
            storage.misbehave(Delay(0.05), command=Command.UPLOAD, times=None)
        for moment in range(_UPLOADS):
            written = await store.write(new_blob(size=size), body_of(_pieces(), size=size))
            await store.delete(written.file_id)
            await _cancel(store, size, after=moment * 0.01)
        group.replication_lag = 0
        await until(lambda: not cluster.file_ids)
