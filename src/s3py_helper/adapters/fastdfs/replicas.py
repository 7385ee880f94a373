"""Which storage servers to ask for a file: replicas lag behind, and servers go down before trackers notice it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from s3py_helper.adapters.fastdfs.address import Address
from s3py_helper.adapters.fastdfs.faults import ConnectionFault, ProtocolFault, ServerRefusal
from s3py_helper.adapters.fastdfs.trackers import Trackers
from s3py_helper.domain.file_id import FileId


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
    except (ConnectionFault, ProtocolFault, ServerRefusal) as fault:
        source = await trackers.storage_to_change(file_id)
        if source == replica.address:
            return await _instead_of(source, trackers, file_id, attempt, fault)
    except ReplicaBehind:
        source = await trackers.storage_to_change(file_id)
    return await attempt(Candidate(source, final=True))


async def read_from_source[T](trackers: Trackers, file_id: FileId, attempt: Attempt[T]) -> T:
    """Ask the source, the first to know of changes; a replica only while the source is out of reach."""
    source = Candidate(await trackers.storage_to_change(file_id), final=True)
    try:
        return await attempt(source)
    except (ConnectionFault, ProtocolFault) as fault:
        return await _instead_of(source.address, trackers, file_id, attempt, fault)


async def _instead_of[T](
    failed: Address, trackers: Trackers, file_id: FileId, attempt: Attempt[T], fault: Exception
) -> T:
    """One more try elsewhere, unless the source itself has refused: it would have the file if anybody had."""
    if isinstance(fault, ServerRefusal):
        raise fault
    # Trackers hand out replicas in turn: of two answers one names another server, where there is another.
    for _ in range(2):
        other = await trackers.storage_to_read(file_id)
        if other != failed:
            return await attempt(Candidate(other, final=True))
    raise fault
