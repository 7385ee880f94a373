"""Bytes that the system can move to a socket by itself."""

from typing import Protocol


class Region(Protocol):
    """A piece of a blob that lies in a file of this machine, and that nobody has to copy into this process.

    It is valid until the next piece of the blob is asked for, or the blob is closed.
    """

    @property
    def size(self) -> int:
        """Bytes that it has, at least one."""
        ...

    def send(self, socket: int, start: int) -> int:
        """Give the socket as many bytes as it takes now; how many that were, at least one.

        Args:
            socket: Descriptor of a socket that does not block.
            start: Offset in the piece of the first one.

        Raises:
            BlockingIOError: The socket takes none now.
            OSError: Its other end is gone.
            StorageException: The bytes are not there any more.
        """
        ...
