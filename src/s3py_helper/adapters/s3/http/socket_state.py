"""What only the kernel knows of a connection (Linux)."""

import fcntl
import select
import socket
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

_AN_INT: Final = bytes(4)
_LINGER_NOT: Final = struct.pack("ii", 1, 0)


def unacknowledged(connected: socket.socket) -> int:
    """Bytes that were handed to the kernel and that the other side has not confirmed (`SIOCOUTQ`, tcp(7)).

    Zero where the system does not say.
    """
    try:
        return int.from_bytes(fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, _AN_INT), sys.byteorder)
    except OSError:
        return 0


def reset_when_closed(connected: socket.socket) -> None:
    """Have closing it drop what is unsent and reset the connection, instead of sending it first (socket(7))."""
    with suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)


def unread(connected: socket.socket, at_most: int) -> Iterator[bytes]:
    """What has been received and not been read, about `at_most` bytes of it; works after a reset as well."""
    received = 0
    with suppress(OSError):
        while received < at_most and (data := connected.recv(at_most)):
            received += len(data)
            yield data


def poll_for_input(connected: socket.socket) -> select.poll:
    """Its `poll(0)` tells, in a third of a microsecond, whether bytes or the end of the connection have arrived."""
    poll = select.poll()
    poll.register(connected.fileno(), select.POLLIN)
    return poll
