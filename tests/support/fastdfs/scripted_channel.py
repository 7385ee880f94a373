"""A channel as a test wants it, without a server behind it."""

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import Peer, Role

PEER = Peer(Role.STORAGE, Address("127.0.0.9", 23000))


class ScriptedChannel:
    """What the other end sends is given beforehand; what it gets, and how long it may take for what, is noted.

    Attributes:
        sent: Every segment.
        notes: Bounds as they are set and lifted, and the allowance of every wait.
        fails_to_send: Raised by every attempt to send.
        is_closed: Whether it was closed.
        quiet: Whether nothing has come that nobody asked for.
    """

    def __init__(self, *replies: bytes | OSError, timeout: float = 3.0) -> None:
        self.timeout = timeout
        self.allowance = 9.0
        self.is_disturbed = False
        self.sent: list[bytes] = []
        self.notes: list[str] = []
        self.fails_to_send: OSError | None = None
        self.is_closed = False
        self.was_aborted = False
        self.quiet = True
        self._replies: list[bytes | OSError] = list(replies)

    async def send(self, data: bytes | memoryview) -> None:
        if self.fails_to_send is not None:
            raise self.fails_to_send
        self.sent.append(bytes(data))

    async def receive(self, size: int) -> bytes:
        self.notes.append(f"waits {self.timeout:g} + {self.allowance:g}")
        reply = self._replies.pop(0) if self._replies else TimeoutError("sent no byte")
        if isinstance(reply, OSError):
            raise reply
        if len(reply) > size:
            self._replies.insert(0, reply[size:])
        return reply[:size]

    receive_next = receive

    def bound(self, seconds: float) -> None:
        self.notes.append(f"bound {seconds:g}")

    def unbound(self) -> None:
        self.notes.append("unbound")

    def is_quiet(self) -> bool:
        return self.quiet

    def now(self) -> float:
        return 0.0

    def abort(self) -> None:
        self.was_aborted = True

    def close(self) -> None:
        self.is_closed = True

    def connection(self, *, reused: bool = False, released: list[FramedConnection] | None = None) -> FramedConnection:
        """A connection over it; those that are released are noted."""
        release = (lambda _: None) if released is None else released.append
        return FramedConnection(self, PEER, reused=reused, release_to_pool=release)  # type: ignore[arg-type]  # stands in


def reply(body: bytes = b"", status: int = 0, *, command: int = 100, length: int | None = None) -> bytes:
    """A reply as servers send it."""
    size = len(body) if length is None else length
    return size.to_bytes(8) + bytes([command, status]) + body
