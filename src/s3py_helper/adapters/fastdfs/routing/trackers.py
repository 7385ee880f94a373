"""Asking trackers where files are, or may go."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import (
    ConnectionFault,
    Fault,
    PoolClosed,
    PoolExhausted,
    ServerRefusal,
)
from s3py_helper.adapters.fastdfs.protocol.storage_client import NOT_FOUND
from s3py_helper.adapters.fastdfs.protocol.tracker_client import TrackerClient
from s3py_helper.adapters.fastdfs.routing.source_cache import SourceCache
from s3py_helper.adapters.fastdfs.session import FastdfsSession, repeated_if_stale
from s3py_helper.domain.file_id import FileId

REMEMBERED_DOWN_SECONDS: Final = 10.0
"""So long a tracker that failed is asked only after the others."""

ANY_PATH: Final = 255
"""The storage server chooses the store path itself."""


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """Where a new file may go: server, group, and index of the store path on it."""

    address: Address
    group: str
    path_index: int


class Trackers:
    """Several trackers that know the same; the first that answers is asked again next time."""

    def __init__(self, config: FastdfsConfig, session: FastdfsSession) -> None:
        addresses = [Address.parse(text) for text in dict.fromkeys(config.tracker_servers)]
        random.shuffle(addresses)  # so that many processes do not all ask the same one
        self._addresses = addresses
        self._session = session
        self._group = config.group_name
        self._path_index = config.store_path_index
        self._down_until: dict[Address, float] = {}
        self._sources = SourceCache()

    async def place_for_new_file(self) -> UploadTarget:
        """A storage server that takes uploads."""
        server = await self._ask(
            lambda client: (
                client.tracker_query_storage_stor_without_group()
                if self._group is None
                else client.tracker_query_storage_stor_with_group(self._group)
            )
        )
        return UploadTarget(_address(server), server.group_name.decode("ascii", "replace"), server.store_path_index)

    async def storage_to_read(self, file_id: FileId) -> Address:
        """A storage server that has the file, as far as the tracker knows."""
        return _address(await self._ask(lambda client: client.storage_to_read(file_id.bucket, file_id.key)))

    async def storage_to_change(self, file_id: FileId) -> Address:
        """The server that took the upload, or another one of the group while it is down; remembered for a second."""
        known = self._sources.address_for(file_id)
        if known is not None:
            return known
        address = _address(await self._ask(lambda client: client.storage_to_change(file_id.bucket, file_id.key)))
        self._sources.add(file_id, address)
        return address

    def forget(self, storage: Address) -> None:
        """A storage server cannot be reached: ask again who stands in for it."""
        self._sources.forget(storage)

    async def check(self) -> None:
        """Return when a tracker answers."""
        await self._ask(lambda client: client.active_test())

    async def _ask(self, question: Callable[[TrackerClient], Awaitable[Any]]) -> Any:
        failures: list[Fault] = []
        for address in self._in_order():
            try:
                reply = await self._ask_one(address, question)
            except (PoolClosed, PoolExhausted):
                raise
            except ServerRefusal as refusal:
                if refusal.status != NOT_FOUND:
                    raise
                # A tracker that was just restarted does not know the storage servers yet; another one may.
                failures.append(refusal)
            except Fault as fault:
                self._down_until[address] = monotonic() + REMEMBERED_DOWN_SECONDS
                failures.append(fault)
            else:
                if self._down_until:
                    self._down_until.pop(address, None)
                return reply
        raise _the_worst(failures)

    async def _ask_one(self, address: Address, question: Callable[[TrackerClient], Awaitable[Any]]) -> Any:
        pool = self._session.tracker(address)
        client = TrackerClient(pool, self._path_index)
        return await repeated_if_stale(pool, lambda: question(client))

    def _in_order(self) -> list[Address]:
        if not self._down_until:
            return self._addresses
        now = monotonic()
        return sorted(self._addresses, key=lambda address: max(self._down_until.get(address, 0.0), now))


def _address(server: Any) -> Address:
    return Address(server.ip_addr.decode("ascii", "replace"), server.port)


def _the_worst(failures: list[Fault]) -> Fault:
    # A tracker that answers knows more than one that does not.
    refusal = next((failure for failure in failures if isinstance(failure, ServerRefusal)), None)
    if refusal is not None or len(failures) == 1:
        return refusal or failures[0]
    return ConnectionFault(failures[0].peer, "; ".join([failures[0].message, *map(str, failures[1:])]))
