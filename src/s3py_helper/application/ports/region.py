"""Bytes that the system can move to a socket by itself."""

from typing import Protocol


class Region(Protocol):
    """A piece of a blob in a file of this machine, which need not be copied into this process.

    It is valid until the next piece of the blob is asked for, or the blob is closed.
    """

    @property
    def size(self) -> int:
        """The number of its bytes, at least one."""
        ...

    def send(self, socket: int, start: int) -> int:
        """Send as many bytes as the socket takes now; returns how many, at least one.

        Args:
            socket: Descriptor of a socket that does not block.
            start: Offset of the first one in the piece.

        Raises:
            BlockingIOError: The socket takes none now.
            OSError: The other end is gone.
            StorageException: The bytes are not there any more.
        """
        ...
