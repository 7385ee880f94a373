"""What can go wrong in the protocol, before it becomes a public error (`errors.py`)."""

from dataclasses import dataclass
from enum import StrEnum

from s3py_helper.adapters.fastdfs.protocol.address import Address


class Role(StrEnum):
    """What a server does. The same status means different things from a tracker and from a storage server."""

    TRACKER = "tracker"
    STORAGE = "storage server"


@dataclass(frozen=True, slots=True)
class Peer:
    """The server at the other end of a connection."""

    role: Role
    address: Address

    def __str__(self) -> str:
        """For messages."""
        return f"{self.role} {self.address}"


class Fault(Exception):
    """Something went wrong while talking to `peer`; the message says what, without naming the peer."""

    def __init__(self, peer: Peer, message: str) -> None:
        super().__init__(message)
        self.peer = peer
        self.message = message

    def __str__(self) -> str:
        """Message with the peer in front."""
        return f"{self.peer}: {self.message}"


class ConnectionFault(Fault):
    """There is no connection, or it broke, or nothing arrived in time.

    `stale` says that a connection from the pool was found closed before the first byte of a reply: the server may have
    been restarted since it was last used, and a request that may be repeated is worth one more try on a new one.
    """

    def __init__(self, peer: Peer, message: str, *, stale: bool = False) -> None:
        super().__init__(peer, message)
        self.stale = stale


class ProtocolFault(Fault):
    """The peer, or this client, violates the protocol."""


class ServerRefusal(Fault):
    """The server answered with a status other than 0: an errno of its system."""

    def __init__(self, peer: Peer, status: int) -> None:
        super().__init__(peer, f"answered status {status}")
        self.status = status


class PoolExhausted(Fault):
    """All connections to the peer stayed in use for too long."""


class PoolClosed(Fault):
    """The store was closed."""


class SpoolFault(Exception):
    """The temporary file of an upload could not be written or read."""
