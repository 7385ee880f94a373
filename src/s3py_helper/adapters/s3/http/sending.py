"""A large request on its way: sent piece by piece where it is encrypted, and how far it has got."""

import asyncio
import socket
from itertools import chain
from typing import Final

from s3py_helper.adapters.s3.http.patience import Patience
from s3py_helper.adapters.s3.http.payload import Payload
from s3py_helper.adapters.s3.http.socket_state import unacknowledged
from s3py_helper.adapters.s3.http.tls_layer import TlsLayer

_ENCRYPTED_AT_ONCE: Final = 256 * 1024
"""Encrypting this many bytes takes 0.1 ms."""

_UNKNOWN: Final = 1 << 62


class Sending:
    """One request. Only what the other side's kernel has confirmed counts as sent: below TLS and the event loop.

    Args:
        transport: Where the bytes go.
        connected: Its socket.

    Attributes:
        full: Whether the transport takes no more for now.
    """

    def __init__(self, transport: asyncio.Transport, connected: socket.socket) -> None:
        self.full = False
        self._to_write = 0
        self._stopped = False
        self._transport = transport
        self._socket = connected
        self._least_unsent = _UNKNOWN

    async def send(self, head: bytes, body: Payload, tls: TlsLayer | None, patience: Patience) -> None:
        """Hand everything to the transport, or what it takes until `stop`; raises as the wait for room does."""
        if tls is None:
            self._transport.writelines((head, *body.chunks))
            return
        self._to_write = len(head) + body.size
        for piece in chain((head,), body.pieces(_ENCRYPTED_AT_ONCE)):
            # A transport that is closing will soon report why.
            while not self._stopped and (self.full or self._transport.is_closing()):
                await patience.wait()
            if self._stopped:
                return
            self._transport.write(tls.encrypt(piece))
            self._to_write -= len(piece)
            patience.renew()

    def stop(self) -> None:
        """Send no more, because the response is there: the rest would be taken for the next request."""
        self._stopped = True

    @property
    def unsent(self) -> int:
        """Bytes that the other side cannot have received yet."""
        return self._to_write + self._transport.get_write_buffer_size() + unacknowledged(self._socket)

    def has_moved(self) -> bool:
        """Whether more has been sent since this was last asked; true the first time."""
        unsent = self.unsent
        if unsent >= self._least_unsent:
            return False
        self._least_unsent = unsent
        return True
