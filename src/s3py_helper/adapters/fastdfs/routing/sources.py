"""Which servers the sources of files are.

An id names its source, but anybody can write an id: a server is asked only if a tracker says that it belongs to the
group. Two short memories spare most questions. Neither grows with ids that do not exist: one has an entry for
each group that a tracker knows, the other for each server that a tracker lists.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.group_listing import GroupServer
from s3py_helper.domain.fastdfs_name import FastdfsName, decoded
from s3py_helper.domain.file_id import FileId

REMEMBERED_SECONDS: Final = 1.0
"""For this long, a tracker's reply about where a source's file may be changed holds for all of its files."""

LISTED_SECONDS: Final = 5.0
"""Longer, because servers join and leave a group more rarely than they go up and down."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The server to ask for the current state of a file.

    Attributes:
        address: The server that a tracker named: the source, or one that stands in while the source is down.
        source: The source itself, `None` where the id names no server of the group.
    """

    address: Address
    source: Address | None

    @property
    def stands_in(self) -> bool:
        """Whether the source is another server, which may know more."""
        return self.source is not None and self.source != self.address


class Sources:
    """Finds the holders of files.

    Args:
        ask_who_may_change: Asks a tracker for the server where a file may be changed.
        ask_for_servers: Asks a tracker for all servers of a group.
    """

    def __init__(
        self,
        ask_who_may_change: Callable[[FileId], Awaitable[Address]],
        ask_for_servers: Callable[[str], Awaitable[list[GroupServer]]],
    ) -> None:
        self._ask_who_may_change = ask_who_may_change
        self._ask_for_servers = ask_for_servers
        self._holders: dict[tuple[str, bytes], tuple[Holder, float]] = {}
        self._groups: dict[str, tuple[list[GroupServer], float]] = {}

    def __len__(self) -> int:
        """How many groups and servers are remembered."""
        return len(self._groups) + len(self._holders)

    async def holder_of(self, file_id: FileId) -> Holder:
        """The holder that a tracker named within the last second."""
        name = decoded(file_id.key)
        if name is None:
            return Holder(await self._ask_who_may_change(file_id), None)
        key = (file_id.bucket, name.source)
        holder, until = self._holders.get(key, (None, 0.0))
        if holder is not None and until > monotonic():
            return holder
        address = await self._ask_who_may_change(file_id)
        holder = Holder(address, await self._source(file_id.bucket, name, address))
        if holder.source is not None:
            self._holders[key] = holder, monotonic() + REMEMBERED_SECONDS
        return holder

    async def servers(self, group: str) -> list[GroupServer]:
        """The servers of a group that a tracker listed in the last seconds; none where no tracker can tell."""
        servers, until = self._groups.get(group, (None, 0.0))
        if servers is None or until <= monotonic():
            servers = await self._ask_for_servers(group)
            self._groups[group] = servers, monotonic() + LISTED_SECONDS
        return servers

    def forget(self, address: Address) -> None:
        """Ask anew for a server that cannot be reached: it may have a stand-in by now."""
        self._holders = {key: known for key, known in self._holders.items() if known[0].address != address}

    async def _source(self, group: str, name: FastdfsName, named: Address) -> Address | None:
        if name.is_from(named.host):
            return named
        servers = await self.servers(group)
        return next((server.address for server in servers if name.is_from(server.address.host, server.server_id)), None)
