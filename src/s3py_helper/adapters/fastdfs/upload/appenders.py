"""Uploads of unknown size: a file that grows, and becomes a normal one at its end."""

import base64
import errno
import struct
from typing import Final

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient

_APPENDER_BIT: Final = 1 << 58
_NAME_OF_NO_FILE: Final = (
    "M00/00/00/"
    + base64.b64encode(struct.pack("!IIQI", 0, 0, _APPENDER_BIT, 0), b"-_").decode().rstrip("=")
    + "0000000"
)
"""A well-formed name of a file that can grow, with a source and a time that no server has."""


class AppenderSupport:
    """Which storage servers can make a file that grew a normal one: those from 6.02 on."""

    def __init__(self) -> None:
        self._known: dict[Address, bool] = {}

    async def is_known_to(self, client: StorageClient) -> bool:
        """Ask once for each server: a file that is not there is missed only by a server that knows the command."""
        address = client.connection.peer.address
        if address not in self._known:
            try:
                await client.regenerate(_NAME_OF_NO_FILE)
            except ServerRefusal as refusal:
                self._known[address] = refusal.status == errno.ENOENT
        return self._known.get(address, True)
