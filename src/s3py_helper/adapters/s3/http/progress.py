"""How far a large request has got."""

import asyncio
import socket
from typing import Final

from s3py_helper.adapters.s3.http.socket_state import unacknowledged

_UNKNOWN: Final = 1 << 62


class Progress:
    """Looks below TLS, and below the event loop: only what the other side's system has confirmed counts as sent.

    Args:
        transport: Where the bytes go.
        connected: Its socket.

    Attributes:
        to_write: Bytes that the transport has not been given yet.
    """

    def __init__(self, transport: asyncio.Transport, connected: socket.socket) -> None:
        self.to_write = 0
        self._transport = transport
        self._socket = connected
        self._least_unsent = _UNKNOWN

    @property
    def unsent(self) -> int:
        """Bytes that the other side cannot have received yet."""
        return self.to_write + self._transport.get_write_buffer_size() + unacknowledged(self._socket)

    def has_moved(self) -> bool:
        """Whether more has been sent than when this was last asked; the first time it is taken for granted."""
        unsent = self.unsent
        if unsent >= self._least_unsent:
            return False
        self._least_unsent = unsent
        return True
