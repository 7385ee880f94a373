"""Trackers and storages that belong together, served by the running event loop."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Literal, Self

from tests.support.fastdfs.group import Group
from tests.support.fastdfs.settings import Settings
from tests.support.fastdfs.storage import StorageServer
from tests.support.fastdfs.tracker import TrackerServer


class FakeCluster:
    """A FastDFS made of real sockets on loopback addresses of its own, and of files in memory.

    `groups` says how many replicas each group has. Everything is gone when the block is left.
    """

    def __init__(
        self,
        groups: Mapping[str, int] | None = None,
        *,
        trackers: int = 1,
        address_size: Literal[15, 45] = 15,
        version: tuple[int, int, int] = (6, 16, 1),
        uses_storage_ids: bool = False,
    ) -> None:
        settings = Settings(address_size, version, uses_storage_ids)
        counts = groups or {"group1": 2, "group2": 1}
        self._groups = {
            name: Group(name, [f"127.1.{number}.{index + 1}" for index in range(replicas)], settings)
            for number, (name, replicas) in enumerate(counts.items(), start=1)
        }
        members = list(self._groups.values())
        self.trackers = [TrackerServer(f"127.1.0.{index + 1}", members, settings) for index in range(trackers)]
        self._opened = AsyncExitStack()

    @property
    def groups(self) -> list[Group]:
        return list(self._groups.values())

    @property
    def tracker_address(self) -> str:
        """`host:port` of the first tracker."""
        return self.trackers[0].address

    @property
    def tracker_addresses(self) -> list[str]:
        return [tracker.address for tracker in self.trackers]

    @property
    def storages(self) -> list[StorageServer]:
        return [storage for group in self.groups for storage in group.storages]

    @property
    def open_connections(self) -> int:
        return sum(server.statistics.open for server in [*self.trackers, *self.storages])

    @property
    def file_ids(self) -> set[str]:
        """Every file on any storage, with its group: what is left behind."""
        return {
            f"{group.name}/{name.decode('ascii')}"
            for group in self.groups
            for storage in group.storages
            for name in storage.files
        }

    def group(self, name: str) -> Group:
        return self._groups[name]

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opened:
            for group in self.groups:
                opened.push_async_callback(group.close)
                await group.start()
            for tracker in self.trackers:
                opened.push_async_callback(tracker.stop)
                await tracker.start()
            self._opened = opened.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._opened.aclose()
