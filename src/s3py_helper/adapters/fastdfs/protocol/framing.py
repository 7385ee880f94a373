"""Where a connection stands between the first byte of a request and the last byte of its reply.

Requests and replies begin with ten bytes: length of the body (8, network order), command, status. A reply's command is
100. There is no pipelining: a storage server that gets two requests in one segment does not reply to the second.
"""

import struct
from enum import Enum, auto
from typing import Final

HEADER: Final = struct.Struct("!QBB")
REPLY_COMMAND: Final = 100
_MAX_LENGTH: Final = 1 << 63

_CARRYING_DATA: Final = frozenset({11, 13, 21, 23, 24, 34})
"""Commands with content behind their fixed fields: uploads, metadata, append, modify."""


class FramingError(Exception):
    """A byte too many, in either direction, or something that is not a header."""


class Phase(Enum):
    """What is due next."""

    IDLE = auto()
    SENDING = auto()
    WAITING = auto()
    RECEIVING = auto()


class Framing:
    """Counts one exchange after the other.

    Attributes:
        phase: What is due next; in `IDLE`, and only then, another request may begin.
        unsent: Bytes that the begun request still needs.
        remaining: Bytes of the reply that have not been taken.
        status: Status of the last reply.
    """

    __slots__ = ("_command", "phase", "remaining", "status", "unsent")

    def __init__(self) -> None:
        self._command = 0
        self.phase = Phase.IDLE
        self.unsent = 0
        self.remaining = 0
        self.status = 0

    @property
    def is_lost(self) -> bool:
        """Whether, after a status other than 0, it is unknown what the next bytes mean.

        A server that refused a request before the end of its content takes the rest for the next request. And when a
        file vanishes between being found and being opened, it announces bytes that it then does not send.
        """
        return self.status != 0 and (self._command in _CARRYING_DATA or self.remaining > 0)

    def sending(self, data: bytes | memoryview) -> None:
        """Account for bytes of a request; the first ones must begin with its whole header."""
        size = len(data)
        if self.phase is Phase.IDLE:
            if size < HEADER.size:
                raise FramingError(f"a request begins with {HEADER.size} bytes, not {size}")
            length, self._command, _ = HEADER.unpack_from(data)
            self.unsent = HEADER.size + length
            self.phase = Phase.SENDING
        elif self.phase is not Phase.SENDING:
            raise FramingError("a request follows one whose reply was not read to its end")
        if size > self.unsent:
            raise FramingError(f"the request has {size - self.unsent} bytes more than its header announced")
        self.unsent -= size
        if not self.unsent:
            self.phase = Phase.WAITING

    def reply_begins(self, header: bytes) -> None:
        """Account for the header of the reply."""
        if self.phase is not Phase.WAITING:
            raise FramingError("no reply is due")
        length, command, self.status = HEADER.unpack(header)
        if command != REPLY_COMMAND or length >= _MAX_LENGTH:
            raise FramingError(f"the answer does not begin with a header of FastDFS: {header.hex(' ')}")
        self.remaining = length
        self.phase = Phase.RECEIVING if length else Phase.IDLE

    def received(self, size: int) -> None:
        """Account for bytes of the reply's body."""
        if size > self.remaining:
            raise FramingError(f"{size} bytes of a reply that has {self.remaining} left")
        self.remaining -= size
        if not self.remaining:
            self.phase = Phase.IDLE
