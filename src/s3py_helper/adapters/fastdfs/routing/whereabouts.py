"""Whether a file exists, and where: what one server lacks another may have, so "missing" needs proof."""

import errno
from dataclasses import dataclass
from typing import Final

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, ProtocolFault, Role, ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.messages import FileStat
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.adapters.fastdfs.routing.sources import Holder
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.application.ports.observer import FailedOver
from s3py_helper.domain.file_id import Backend, FileId

_NO_SUCH_FILE: Final = frozenset({errno.ENOENT, errno.EINVAL})
"""A server refuses what cannot be the name of a file of its own as invalid."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What was found out about the whereabouts of a file.

    Attributes:
        proven: Whether this comes from a server that must know: the file's source or, where the source was taken out of
            service, all of the group's servers.
        address: A server that has the file; `None` where none was found.
        stat: What it knows of the file.
    """

    proven: bool
    address: Address | None = None
    stat: FileStat | None = None


class Finder:
    """Asks the source of a file, else the other servers of its group."""

    def __init__(self, session: FastdfsSession, trackers: Trackers) -> None:
        self._session = session
        self._trackers = trackers

    async def find(self, file_id: FileId) -> Whereabouts:
        """Find a file.

        Raises:
            Fault: No server could be asked, or one could not tell.
        """
        try:
            holder = await self._trackers.holder_of(file_id)
        except ServerRefusal as refusal:
            if refusal.peer.role is Role.TRACKER and refusal.status == errno.EINVAL:
                return Whereabouts(proven=True)  # no server makes names of that length
            raise
        is_source = holder.address == holder.source
        failure: ConnectionFault | ProtocolFault | None = None
        try:
            stat = await self._stat(holder.address, file_id)
        except (ConnectionFault, ProtocolFault) as fault:
            self._trackers.forget(holder.address)
            failure = fault
        else:
            if stat is not None:
                proven = is_source or await self._has_no_source(file_id, holder)
                return Whereabouts(proven, holder.address, stat)
            if is_source:
                return Whereabouts(proven=True)
        return await self.find_elsewhere(file_id, holder, failure)

    async def find_elsewhere(
        self, file_id: FileId, holder: Holder, failure: ConnectionFault | ProtocolFault | None = None
    ) -> Whereabouts:
        """Find a file on another server than the one that a tracker named, which failed or does not have it.

        Raises:
            Fault: No server could be asked, or one could not tell.
        """
        servers = await self._trackers.sources.servers(file_id.bucket)
        # A source that the tracker does not send clients to may be one whose disk is new, and still being filled.
        others = [server for server in servers if server.address not in {holder.address, holder.source}]
        answers = failure is None
        unheard = failure is not None or not servers
        for server in others:
            if not server.is_active:
                unheard = True
                continue
            try:
                stat = await self._stat(server.address, file_id)
            except (ConnectionFault, ProtocolFault) as fault:
                failure = failure or fault
                unheard = True
                continue
            answers = True
            if stat is not None:
                self._notify(holder, server.address, failure)
                return Whereabouts(holder.source is None, server.address, stat)
        if not answers and failure is not None:
            raise failure
        return Whereabouts(proven=holder.source is None and not unheard)

    async def _has_no_source(self, file_id: FileId, holder: Holder) -> bool:
        return holder.source is None and bool(await self._trackers.sources.servers(file_id.bucket))

    async def _stat(self, address: Address, file_id: FileId) -> FileStat | None:
        try:
            return await self._session.talk(
                address, lambda connection: StorageClient(connection, file_id.bucket).stat(file_id.key)
            )
        except ServerRefusal as refusal:
            if refusal.status not in _NO_SUCH_FILE:
                raise
            return None

    def _notify(self, holder: Holder, instead: Address, failure: ConnectionFault | ProtocolFault | None) -> None:
        reason = "it does not have the file" if failure is None else failure.message
        self._session.observer.notify(FailedOver(Backend.FASTDFS, str(holder.address), str(instead), reason))
