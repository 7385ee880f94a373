"""A FastDFS that a scenario may damage, whether real or protocol-level."""

import asyncio
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final

import pytest

from tests.support.fastdfs.cluster import FakeCluster
from tests.support.fastdfs.group import Group
from tests.support.fastdfs.real_site import RealSite
from tests.support.fastdfs.samples import source_of
from tests.support.waiting import until

_REPLICAS: Final = 2


class Servers(ABC):
    """Two replicas of `group1`.

    Attributes:
        tracker: `host:port`.
    """

    def __init__(self, tracker: str) -> None:
        self.tracker = tracker

    @abstractmethod
    async def replicated(self, file_id: str) -> None:
        """Wait until both replicas have the file."""

    @abstractmethod
    async def damage(self, file_id: str, *, everywhere: bool) -> None:
        """Flip a bit of a file, at its source or on both replicas, as a failing disk does."""

    @abstractmethod
    async def stop_one(self) -> None:
        """Stop the second replica."""

    @abstractmethod
    async def start_one(self) -> None:
        """Start it again."""

    @abstractmethod
    async def poison_listings(self) -> None:
        """Let each replica of `group1` have a record that ends its listing without a word."""

    @abstractmethod
    async def lose_first_records(self) -> None:
        """Let each replica of `group1` lose the first of its records, without which it lists nothing."""

    @abstractmethod
    async def mend(self) -> None:
        """Undo what was done to the records."""


class ProtocolServers(Servers):
    def __init__(self, cluster: FakeCluster) -> None:
        super().__init__(cluster.tracker_address)
        self._group: Group = cluster.group("group1")

    async def replicated(self, file_id: str) -> None:
        name = _name(file_id)
        await until(lambda: all(name in storage.files for storage in self._group.storages))

    async def damage(self, file_id: str, *, everywhere: bool) -> None:
        name = _name(file_id)
        source = self._group.source_of(name)
        for storage in self._group.storages:
            if everywhere or storage is source:
                storage.files[name].content = storage.files[name].content.copy()  # replicas share it
                storage.files[name].damage()

    async def stop_one(self) -> None:
        await self._group.storages[1].stop()

    async def start_one(self) -> None:
        await self._group.storages[1].start()

    async def poison_listings(self) -> None:
        for storage in self._group.storages:
            storage.files.binlog.poison = storage.files.binlog.records[-1].name

    async def lose_first_records(self) -> None:
        for storage in self._group.storages:
            storage.files.binlog.lacks_beginning = True

    async def mend(self) -> None:
        for storage in self._group.storages:
            storage.files.binlog.poison = None
            storage.files.binlog.lacks_beginning = False


class RealServers(Servers):
    def __init__(self, site: RealSite) -> None:
        super().__init__(site.trackers[0])
        self._site = site
        self._moved: list[tuple[Path, Path]] = []

    async def replicated(self, file_id: str) -> None:
        name = file_id.rpartition("/")[2]
        await until(lambda: all(name in files for files in self._site.on_disk("group1")), within=30)

    async def damage(self, file_id: str, *, everywhere: bool) -> None:
        source = self._site.index_of((await source_of(self.tracker, file_id)).partition(":")[0])
        for index in range(_REPLICAS):
            if everywhere or index == source:
                path = self._site.path_of(file_id, index)
                content = bytearray(path.read_bytes())
                content[0] ^= 1
                path.write_bytes(content)

    async def stop_one(self) -> None:
        await asyncio.to_thread(self._site.stop_storage, "group1", 1)

    async def start_one(self) -> None:
        await asyncio.to_thread(self._site.start_storage, "group1", 1)

    async def poison_listings(self) -> None:
        pytest.skip("a record that cannot be read would stop the replication of these servers for good")

    async def lose_first_records(self) -> None:
        for index in range(_REPLICAS):
            path = self._site.binlog("group1", index)
            kept = path.with_suffix(".kept")
            path.rename(kept)
            self._moved.append((kept, path))

    async def mend(self) -> None:
        for kept, path in self._moved:
            kept.replace(path)
        self._moved.clear()


def _name(file_id: str) -> bytes:
    return file_id.partition("/")[2].encode("ascii")
