"""The storages of one group, and which of them a tracker names for what."""

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Final

from tests.support.fastdfs.names import StoredName
from tests.support.fastdfs.replication import ReplicationQueue
from tests.support.fastdfs.settings import Settings
from tests.support.fastdfs.shelf import Shelf
from tests.support.fastdfs.storage import StorageServer
from tests.support.fastdfs.volume import Change

_MASTER_NAME_LENGTH: Final = 44


class Group:
    def __init__(self, name: str, hosts: Sequence[str], settings: Settings) -> None:
        self.name = name
        self.is_trusted_blindly = False
        """Let trackers name replicas for reading before these have the file: a stale view of the group."""
        self.storages = [
            StorageServer(Shelf(host, _server_id(host, settings), name, settings, partial(self._replicate, index)))
            for index, host in enumerate(hosts)
        ]
        self._queues = {
            (source, target): ReplicationQueue(replica)
            for target, replica in enumerate(self.storages)
            for source in range(len(hosts))
            if source != target
        }
        for (_, target), queue in self._queues.items():
            self.storages[target].when_started = queue.deliver
        self._lag = 0.0
        self._turns = count()

    @property
    def replication_lag(self) -> float:
        """Seconds until a change, deletes included, reaches the other storages. `inf` until it is set anew."""
        return self._lag

    @replication_lag.setter
    def replication_lag(self, seconds: float) -> None:
        self._lag = seconds
        for queue in self._queues.values():
            queue.set_lag(seconds)

    async def start(self) -> None:
        for storage in self.storages:
            await storage.start()

    async def close(self) -> None:
        """Stop for good and forget all files."""
        for queue in self._queues.values():
            queue.clear()
        await asyncio.gather(*(storage.stop() for storage in self.storages))
        for storage in self.storages:
            storage.files.clear()

    def announced(self) -> list[StorageServer]:
        return [storage for storage in self.storages if storage.is_announced]

    def for_upload(self) -> StorageServer | None:
        return self._in_turn(self.announced())

    def for_update(self, name: bytes) -> StorageServer | None:
        """The storage that made the file, where it is up; any other would do as well for a name of unknown source."""
        source = self.source_of(name)
        return source if source and source.is_announced else self._in_turn(self.announced())

    def for_download(self, name: bytes) -> list[StorageServer]:
        stored = StoredName.decode(name)
        source = self.source_of(name)
        needs_source = stored is not None and (stored.is_appender or len(name) > _MASTER_NAME_LENGTH)
        if needs_source and source and source.is_announced:
            return [source]
        return [storage for storage in self.announced() if self._may_have(storage, name)] or self.announced()

    def one_for_download(self, name: bytes) -> StorageServer | None:
        return self._in_turn(self.for_download(name))

    def source_of(self, name: bytes) -> StorageServer | None:
        stored = StoredName.decode(name)
        return next((storage for storage in self.storages if stored and storage.source == stored.source), None)

    def _may_have(self, storage: StorageServer, name: bytes) -> bool:
        source = self.source_of(name)
        if source is None or source is storage or self.is_trusted_blindly:
            return True
        return self._queues[self.storages.index(source), self.storages.index(storage)].has_passed(name)

    def _in_turn(self, storages: Sequence[StorageServer]) -> StorageServer | None:
        return storages[next(self._turns) % len(storages)] if storages else None

    def _replicate(self, source: int, name: bytes, change: Change) -> None:
        for target in range(len(self.storages)):
            if target != source:
                self._queues[source, target].add(name, change)


def _server_id(host: str, settings: Settings) -> str:
    if not settings.uses_storage_ids:
        return host
    *_, group, index = host.split(".")
    return str(100_000 + 100 * int(group) + int(index))
