"""Asking trackers where files are, and where new ones may go."""

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
    ProtocolFault,
    ServerRefusal,
)
from s3py_helper.adapters.fastdfs.protocol.group_listing import GroupServer
from s3py_helper.adapters.fastdfs.protocol.storage_client import NOT_FOUND
from s3py_helper.adapters.fastdfs.protocol.tracker_client import TrackerClient
from s3py_helper.adapters.fastdfs.routing.sources import Holder, Sources
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.application.ports.observer import FailedOver, FallbackTaken
from s3py_helper.domain.file_id import Backend, FileId

REMEMBERED_DOWN_SECONDS: Final = 10.0
"""For this long, a tracker that failed is asked after the others."""


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """Where a new file may go: server, group, and index of the store path on it."""

    address: Address
    group: str
    path_index: int


class Trackers:
    """Several trackers that know the same, asked in order until one replies.

    Attributes:
        sources: What they said about the servers that took uploads.
    """

    def __init__(self, config: FastdfsConfig, session: FastdfsSession) -> None:
        addresses = [Address.parse(text) for text in dict.fromkeys(config.tracker_servers)]
        random.shuffle(addresses)  # so that many processes do not all ask the same one
        self._addresses = addresses
        self._session = session
        self._group = config.group_name
        self._path_index = config.store_path_index
        self._down_until: dict[Address, float] = {}
        self.sources = Sources(self._storage_to_change, self._group_servers)

    async def place_for_new_file(self) -> UploadTarget:
        """An active storage server that takes uploads and has room."""
        server = await self._ask(
            lambda client: (
                client.tracker_query_storage_stor_without_group()
                if self._group is None
                else client.tracker_query_storage_stor_with_group(self._group)
            )
        )
        return UploadTarget(_address(server), server.group_name.decode("ascii"), server.store_path_index)

    async def storage_to_read(self, file_id: FileId) -> Address:
        """A storage server that has the file, as far as the tracker knows."""
        return _address(await self._ask(lambda client: client.storage_to_read(file_id.bucket, file_id.key)))

    async def holder_of(self, file_id: FileId) -> Holder:
        """The server that took the upload, or another one of the group while it is down; remembered for a second."""
        return await self.sources.holder_of(file_id)

    async def groups(self) -> list[str]:
        """The names of all groups."""
        names: list[str] = await self._ask(lambda client: client.group_names())
        return names

    async def servers_of(self, group: str) -> list[GroupServer]:
        """All storage servers of a group with what they last reported."""
        servers: list[GroupServer] = await self._ask(lambda client: client.group_servers(group))
        return servers

    def forget(self, storage: Address) -> None:
        """Ask anew who stands in for a storage server, because it cannot be reached."""
        self.sources.forget(storage)

    async def _storage_to_change(self, file_id: FileId) -> Address:
        return _address(await self._ask(lambda client: client.storage_to_change(file_id.bucket, file_id.key)))

    async def _group_servers(self, group: str) -> list[GroupServer]:
        try:
            return await self.servers_of(group)
        except (ProtocolFault, ServerRefusal) as fault:
            # Without the list, a file that is missing where the tracker sends us counts as missing.
            what = f"telling a new file of {group} that is out of reach from one that does not exist"
            self._session.observer.notify(FallbackTaken(Backend.FASTDFS, what, str(fault)))
            return []

    async def _ask(self, question: Callable[[TrackerClient], Awaitable[Any]]) -> Any:
        failures: list[Fault] = []
        for address in self._in_order():
            if failures:
                self._notify_failover(failures[-1], address)
            try:
                reply = await self._ask_one(address, question)
            except (PoolClosed, PoolExhausted):
                raise
            except ServerRefusal as refusal:
                if refusal.status != NOT_FOUND:
                    raise
                # A tracker that has just restarted does not know the storage servers yet; another one may.
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
        client = TrackerClient(self._session.tracker(address), self._path_index)
        try:
            return await question(client)
        except ConnectionFault as fault:
            if not fault.stale:
                raise
        return await question(client)

    def _notify_failover(self, failure: Fault, instead: Address) -> None:
        if not isinstance(failure, ServerRefusal):  # a refusal is a reply, and no fault of the tracker
            self._session.observer.notify(
                FailedOver(Backend.FASTDFS, str(failure.peer.address), str(instead), failure.message)
            )

    def _in_order(self) -> list[Address]:
        if not self._down_until:
            return self._addresses
        now = monotonic()
        return sorted(self._addresses, key=lambda address: max(self._down_until.get(address, 0.0), now))


def _address(server: Any) -> Address:
    return Address(server.ip_addr.decode("ascii"), server.port)


def _the_worst(failures: list[Fault]) -> Fault:
    # A tracker that replies knows more than one that does not.
    refusal = next((failure for failure in failures if isinstance(failure, ServerRefusal)), None)
    if refusal is not None or len(failures) == 1:
        return refusal or failures[0]
    # None whose reply cannot be read gets better by waiting.
    kind = ProtocolFault if all(isinstance(failure, ProtocolFault) for failure in failures) else ConnectionFault
    return kind(failures[0].peer, "; ".join([failures[0].message, *map(str, failures[1:])]))
