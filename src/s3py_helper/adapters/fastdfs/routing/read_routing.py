"""Which storage servers to ask for a file: replicas lag behind, and servers go down before trackers notice."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, ProtocolFault, ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.storage_client import NOT_FOUND
from s3py_helper.adapters.fastdfs.routing.sources import Holder
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers
from s3py_helper.application.ports.observer import FailedOver, Observer
from s3py_helper.domain.fastdfs_name import decoded
from s3py_helper.domain.file_id import Backend, FileId

_LAGGING: Final = timedelta(minutes=5)
"""A file older than this has long reached all replicas, even where clocks differ."""


class ReplicaBehind(Exception):
    """This server may not have all of the file: its source should be asked."""


class Candidate(NamedTuple):
    """A storage server to ask.

    Attributes:
        may_lag: The file is new and another server took it: what is missing here may be there.
        final: There is no other to ask.
    """

    address: Address
    may_lag: bool
    final: bool


type Attempt[T] = Callable[[Candidate], Awaitable[T]]


class ReadRouting:
    """Asks one server after the other where that can help, and only servers that a tracker has named."""

    def __init__(self, trackers: Trackers, observer: Observer) -> None:
        self._trackers = trackers
        self._observer = observer

    async def from_replica[T](self, file_id: FileId, attempt: Attempt[T]) -> T:
        """Try the replica that the tracker picks; what it lacks or cannot send comes from the source."""
        replica = await self._trackers.storage_to_read(file_id)
        may_lag = _is_new(file_id) and not _is_from(file_id, replica)
        try:
            return await attempt(Candidate(replica, may_lag=may_lag, final=False))
        except (ConnectionFault, ProtocolFault) as fault:
            holder = await self._trackers.holder_of(file_id)
            if holder.address == replica:
                return await self._instead_of(replica, file_id, attempt, fault)
            self._notify(replica, holder.address, fault.message)
        except (ServerRefusal, ReplicaBehind) as behind:
            holder = await self._trackers.holder_of(file_id)
            if holder.address != replica:
                self._notify(replica, holder.address, str(behind) or "it has not all of the file yet")
        return await self._at(holder, file_id, attempt)

    async def from_source[T](self, file_id: FileId, attempt: Attempt[T]) -> T:
        """Ask the source, the first to know of changes; a replica only while the source is out of reach."""
        holder = await self._trackers.holder_of(file_id)
        try:
            return await self._at(holder, file_id, attempt)
        except (ConnectionFault, ProtocolFault) as fault:
            self._trackers.forget(holder.address)
            return await self._instead_of(holder.address, file_id, attempt, fault)

    async def change_at_source[T](self, file_id: FileId, attempt: Attempt[T]) -> T:
        """Do what only one server may do."""
        holder = await self._trackers.holder_of(file_id)
        try:
            return await self._at(holder, file_id, attempt)
        except ConnectionFault:
            self._trackers.forget(holder.address)
            raise

    async def _at[T](self, holder: Holder, file_id: FileId, attempt: Attempt[T]) -> T:
        """Ask the server that a tracker names.

        It names a stand-in while the source is down. A new file that this one lacks is not missing but out of reach.
        """
        may_lag = holder.stands_in and _is_new(file_id)
        try:
            return await attempt(Candidate(holder.address, may_lag=may_lag, final=True))
        except ServerRefusal as refusal:
            if not may_lag or holder.source is None or refusal.status != NOT_FOUND:
                raise
            self._notify(holder.address, holder.source, refusal.message)
            return await attempt(Candidate(holder.source, may_lag=False, final=True))
        except ReplicaBehind:
            if holder.source is None:
                raise
        try:
            return await attempt(Candidate(holder.source, may_lag=False, final=True))
        except (ConnectionFault, ProtocolFault) as fault:
            # If its bytes are here, they will do. Whether it has a name and metadata cannot be known now.
            self._notify(holder.source, holder.address, fault.message)
            try:
                return await attempt(Candidate(holder.address, may_lag=False, final=True))
            except ServerRefusal as refusal:
                if refusal.status != NOT_FOUND:
                    raise
            raise

    async def _instead_of[T](
        self, failed: Address, file_id: FileId, attempt: Attempt[T], fault: ConnectionFault | ProtocolFault
    ) -> T:
        # Trackers name replicas in turn: of two replies one names another server, where there is one.
        for _ in range(2):
            other = await self._trackers.storage_to_read(file_id)
            if other != failed:
                self._notify(failed, other, fault.message)
                source = (await self._trackers.holder_of(file_id)).source
                return await self._at(Holder(other, source), file_id, attempt)
        raise fault

    def _notify(self, failed: Address, instead: Address, reason: str) -> None:
        self._observer.notify(FailedOver(Backend.FASTDFS, str(failed), str(instead), reason))


def _is_new(file_id: FileId) -> bool:
    name = decoded(file_id.key)
    return name is not None and abs(datetime.now(UTC) - name.created_at) < _LAGGING


def _is_from(file_id: FileId, server: Address) -> bool:
    name = decoded(file_id.key)
    return name is None or name.is_from(server.host)
