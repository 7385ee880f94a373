"""Which storage servers to ask for a file: replicas lag behind, and servers go down before trackers notice it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from s3py_helper.adapters.fastdfs.address import Address
from s3py_helper.adapters.fastdfs.faults import ConnectionFault, ProtocolFault, ServerRefusal
from s3py_helper.adapters.fastdfs.storage_client import NOT_FOUND
from s3py_helper.adapters.fastdfs.trackers import Trackers
from s3py_helper.domain.fastdfs_name import FastdfsName
from s3py_helper.domain.file_id import FileId

_LAGGING: Final = timedelta(minutes=5)
"""A file older than this has long reached all replicas, clocks that differ included."""


class ReplicaBehind(Exception):
    """What this server has of the file may not be all: its source should be asked."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A storage server to ask; `final` where no other would know more."""

    address: Address
    final: bool


type Attempt[T] = Callable[[Candidate], Awaitable[T]]


async def read_from_replica[T](trackers: Trackers, file_id: FileId, attempt: Attempt[T]) -> T:
    """Try the replica that the tracker picks; what it does not have, or cannot give, comes from the source."""
    replica = Candidate(await trackers.storage_to_read(file_id), final=False)
    try:
        return await attempt(replica)
    except (ConnectionFault, ProtocolFault) as fault:
        source = await trackers.storage_to_change(file_id)
        if source == replica.address:
            return await _instead_of(source, trackers, file_id, attempt, fault)
    except (ServerRefusal, ReplicaBehind) as reason:
        source = await trackers.storage_to_change(file_id)
        if source == replica.address and isinstance(reason, ServerRefusal):
            return await _unless_source_knows_better(source, file_id, attempt, reason)
    return await _at_source(source, file_id, attempt)


async def read_from_source[T](trackers: Trackers, file_id: FileId, attempt: Attempt[T]) -> T:
    """Ask the source, the first to know of changes; a replica only while the source is out of reach."""
    source = await trackers.storage_to_change(file_id)
    try:
        return await _at_source(source, file_id, attempt)
    except (ConnectionFault, ProtocolFault) as fault:
        return await _instead_of(source, trackers, file_id, attempt, fault)


async def change_at_source[T](trackers: Trackers, file_id: FileId, attempt: Attempt[T]) -> T:
    """Do once what must not be repeated."""
    return await _at_source(await trackers.storage_to_change(file_id), file_id, attempt)


def may_lag(file_id: FileId, asked: Address) -> bool:
    """Whether the file is new, and this server not the one that took it."""
    name = FastdfsName.decode(file_id.key)
    return name is not None and name.source != asked.host and abs(datetime.now(UTC) - name.created_at) < _LAGGING


async def _at_source[T](source: Address, file_id: FileId, attempt: Attempt[T]) -> T:
    try:
        return await attempt(Candidate(source, final=True))
    except ServerRefusal as refusal:
        return await _unless_source_knows_better(source, file_id, attempt, refusal)


async def _unless_source_knows_better[T](
    asked: Address, file_id: FileId, attempt: Attempt[T], refusal: ServerRefusal
) -> T:
    """A new file is missed by a server that stands in for its source: then it is not missing, but out of reach."""
    name = FastdfsName.decode(file_id.key)
    if refusal.status != NOT_FOUND or name is None or "." not in name.source or not may_lag(file_id, asked):
        raise refusal
    # All servers of a group listen on the same port.
    return await attempt(Candidate(Address(name.source, asked.port), final=True))


async def _instead_of[T](
    failed: Address, trackers: Trackers, file_id: FileId, attempt: Attempt[T], fault: ConnectionFault | ProtocolFault
) -> T:
    # Trackers hand out replicas in turn: of two answers one names another server, where there is another.
    for _ in range(2):
        other = await trackers.storage_to_read(file_id)
        if other != failed:
            return await _at_source(other, file_id, attempt)
    raise fault
