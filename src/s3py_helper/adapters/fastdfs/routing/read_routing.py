"""Which storage servers to ask for a file: replicas lag behind, and servers go down before trackers notice it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from s3py_helper.adapters.fastdfs.describe import decoded
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, ProtocolFault, ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.storage_client import NOT_FOUND
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers
from s3py_helper.domain.file_id import FileId

_LAGGING: Final = timedelta(minutes=5)
"""A file older than this has long reached all replicas, clocks that differ included."""


class ReplicaBehind(Exception):
    """What this server has of the file may not be all: its source should be asked."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A storage server to ask.

    Attributes:
        may_lag: The file is new and another server took it: what is missing here may be there.
        final: There is no other to ask.
    """

    address: Address
    may_lag: bool
    final: bool


type Attempt[T] = Callable[[Candidate], Awaitable[T]]


async def read_from_replica[T](trackers: Trackers, file_id: FileId, attempt: Attempt[T]) -> T:
    """Try the replica that the tracker picks; what it does not have, or cannot give, comes from the source."""
    replica = await trackers.storage_to_read(file_id)
    try:
        return await attempt(Candidate(replica, may_lag=_is_new_and_from_elsewhere(file_id, replica), final=False))
    except (ConnectionFault, ProtocolFault) as fault:
        source = await trackers.storage_to_change(file_id)
        if source == replica:
            return await _instead_of(source, trackers, file_id, attempt, fault)
    except (ServerRefusal, ReplicaBehind):
        source = await trackers.storage_to_change(file_id)
    return await _at_source(source, file_id, attempt)


async def read_from_source[T](trackers: Trackers, file_id: FileId, attempt: Attempt[T]) -> T:
    """Ask the source, the first to know of changes; a replica only while the source is out of reach."""
    source = await trackers.storage_to_change(file_id)
    try:
        return await _at_source(source, file_id, attempt)
    except (ConnectionFault, ProtocolFault) as fault:
        trackers.forget(source)
        return await _instead_of(source, trackers, file_id, attempt, fault)


async def change_at_source[T](trackers: Trackers, file_id: FileId, attempt: Attempt[T]) -> T:
    """Do once what must not be repeated."""
    source = await trackers.storage_to_change(file_id)
    try:
        return await _at_source(source, file_id, attempt)
    except ConnectionFault:
        trackers.forget(source)
        raise


async def _at_source[T](named: Address, file_id: FileId, attempt: Attempt[T]) -> T:
    """Ask the server that a tracker names as source.

    It names a stand-in while the source is down. What that one misses of a new file is not missing, but out of reach.
    """
    source = _address_in_name(file_id, named)
    may_lag = source is not None and _is_new_and_from_elsewhere(file_id, named)
    try:
        return await attempt(Candidate(named, may_lag=may_lag, final=True))
    except ServerRefusal as refusal:
        if not may_lag or source is None or refusal.status != NOT_FOUND:
            raise
    except ReplicaBehind:
        if source is None:
            raise
    return await attempt(Candidate(source, may_lag=False, final=True))


async def _instead_of[T](
    failed: Address, trackers: Trackers, file_id: FileId, attempt: Attempt[T], fault: ConnectionFault | ProtocolFault
) -> T:
    # Trackers hand out replicas in turn: of two answers one names another server, where there is another.
    for _ in range(2):
        other = await trackers.storage_to_read(file_id)
        if other != failed:
            return await _at_source(other, file_id, attempt)
    raise fault


def _is_new_and_from_elsewhere(file_id: FileId, asked: Address) -> bool:
    name = decoded(file_id.key)
    return name is not None and name.source != asked.host and abs(datetime.now(UTC) - name.created_at) < _LAGGING


def _address_in_name(file_id: FileId, of_the_group: Address) -> Address | None:
    """The source's own address; clusters with `use_storage_id` write a number instead."""
    name = decoded(file_id.key)
    # All servers of a group listen on the same port.
    return Address(name.source, of_the_group.port) if name is not None and "." in name.source else None
