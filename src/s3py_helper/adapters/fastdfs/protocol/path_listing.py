"""The names in one store path of a storage server (command 26, FETCH_ONE_PATH_BINLOG; the same from 5.12 to 6.16.1).

A server gives its records of created files, and leaves out what is gone; what lies within trunk files it does not look
at, so that deleted ones stay listed.

The reply has no length. It is lines `<Unix seconds> <operation> <name>[ <name that it links to>]`, then the number of
their bytes as eight bytes in network order, then the server closes the connection. A server that comes upon a record
that it cannot read closes without the number, and nothing else tells such a listing from a whole one.
"""

import struct
from typing import Final

from s3py_helper.adapters.fastdfs.protocol import messages
from s3py_helper.adapters.fastdfs.protocol.faults import Peer, ProtocolFault
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient

LIST_STORE_PATH: Final = 26

SCAN_SECONDS: Final = 900.0
"""A server reads all its records before it has anything to send where they are all of other paths, or of files that are
gone: 1.4 million a second were seen. Before that it unpacks old ones, in place."""

_ENDLESS: Final = 1 << 58
_READ_BYTES: Final = 256 * 1024
_TRAILER: Final = struct.Struct("!Q")
_NAME: Final = 2
_LEAST_FIELDS: Final = 3


async def begin_listing(client: StorageClient, store_path: int) -> None:
    """Ask for the names; returns when the server begins to send them.

    Raises:
        ServerRefusal: There is no such group or store path (22), or the server's first records are missing (2).
    """
    connection = client.connection
    body = messages.group_field(client.group) + bytes([store_path])
    await connection.send(messages.request(LIST_STORE_PATH, len(body), body))
    if await connection.begin_reply(allowance=SCAN_SECONDS) != _ENDLESS:
        raise ProtocolFault(connection.peer, "began a listing that has an end of its own")
    connection.expect_content()


class PathListing:
    """The names as they come: those of metadata files among them, and some more than once.

    Attributes:
        complete: Whether the listing came whole; known at its end.
    """

    def __init__(self, client: StorageClient) -> None:
        self.complete = False
        self._connection = client.connection
        self._received = 0
        self._rest = b""

    async def next_names(self) -> list[bytes] | None:
        """Further names, which may be none; `None` at the end.

        Raises:
            ConnectionFault: The connection broke, or nothing came for too long.
            ProtocolFault: Something came that is no record.
        """
        data = await self._connection.receive_until_closed(_READ_BYTES, allowance=SCAN_SECONDS)
        if not data:
            self.complete = self._rest == _TRAILER.pack(self._received - len(self._rest))
            return None
        self._received += len(data)
        text = self._rest + data
        # The last bytes may be the trailer, in which any byte can stand.
        end = text.rfind(b"\n", 0, max(0, len(text) - _TRAILER.size)) + 1
        self._rest = text[end:]
        return _names(text[:end], self._connection.peer)


def _names(lines: bytes, peer: Peer) -> list[bytes]:
    names: list[bytes] = []
    for line in lines.split(b"\n")[:-1]:
        fields = line.split(b" ", _LEAST_FIELDS)
        if len(fields) < _LEAST_FIELDS or not fields[_NAME].isascii():
            raise ProtocolFault(peer, f"listed {line[:200]!r}, which is no record of a file")
        names.append(fields[_NAME])
    return names
