"""TLS from bytes to bytes. No I/O.

The event loop's own TLS hides how much of what was written is unsent, and loses a response that arrives together
with the end of the connection while a body is going out. Here both stay with the connection; the protocol itself is
OpenSSL's.
"""

import ssl
from typing import Final, Self

_RECORD: Final = 16 * 1024
"""The most that OpenSSL returns or takes at a time (RFC 8446, 5.1)."""


class TlsLayer:
    """The client's side of one TLS session.

    Args:
        context: Settings.
        host: Whose certificate is expected.
        carrier: The session that this one runs through, as behind a proxy that speaks TLS itself.

    Attributes:
        established: Whether the handshake is over.
        ended: Whether the other side has said that nothing more will come (`close_notify`).
        error: What was wrong behind the bytes that `receive` returned last.
    """

    def __init__(self, context: ssl.SSLContext, host: str, carrier: Self | None = None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._carrier = carrier
        self.established = False
        self.ended = False
        self.error: ssl.SSLError | None = None

    def receive(self, data: bytes) -> bytes:
        """The received bytes, decrypted; afterwards there may be something in `outgoing`.

        Never raises: see `error`.
        """
        if self._carrier is not None:
            data = self._carrier.receive(data)
            self.error = self._carrier.error
        self._incoming.write(data)
        try:
            if not self.established:
                self._session.do_handshake()
                self.established = True
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLError as error:
            self.error = error
            return b""
        return self._decrypted()

    def outgoing(self) -> bytes:
        """What the session itself has to send; to be asked after each `receive`, the first of which has no data."""
        data = self._outgoing.read()
        if self._carrier is None:
            return data
        return self._carrier.encrypt(data) if data else self._carrier.outgoing()

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """These bytes, encrypted.

        Raises:
            ssl.SSLError: The session has failed.
        """
        view = memoryview(data)
        while view:
            view = view[self._session.write(view) :]
        return self.outgoing()

    def _decrypted(self) -> bytes:
        pieces: list[bytes] = []
        try:
            # Reading when there is nothing left raises an exception, which costs as much as decrypting a record.
            while self._incoming.pending or self._session.pending():
                if not (piece := self._session.read(_RECORD)):
                    self.ended = True
                    break
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError as error:
            self.error = error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
