"""What trackers list of a storage. The record has changed over the versions.

`test_tracker_faithfulness.py` checks the newest layout against a real FastDFS, the others are as its sources have them.
"""

import time
from typing import Final

from tests.support.fastdfs.protocol import numbers, text_field
from tests.support.fastdfs.settings import Settings
from tests.support.fastdfs.storage import StorageServer

SERVER_ID_FIELD: Final = 16

_ACTIVE: Final = 7
_OFFLINE: Final = 5
_READ_AND_WRITE: Final = 6
_STATISTICS: Final = bytes(348)
_NOT_A_TRUNK_SERVER: Final = b"\0"


def listing_record(storage: StorageServer, settings: Settings) -> bytes:
    version = settings.version
    has_read_write_mode = version >= (6, 13, 0)
    has_reserved_space = version >= (6, 13, 2)
    status = bytes([_ACTIVE if storage.is_announced else _OFFLINE])
    mode = bytes([_READ_AND_WRITE]) if has_read_write_mode else b""
    domain = b"" if has_read_write_mode else bytes(128)
    reserved = [64] if has_reserved_space else []
    http_port = [] if has_read_write_mode else [8888]
    now = int(time.time())
    return b"".join(
        [
            status,
            mode,
            text_field(storage.server_id, SERVER_ID_FIELD),
            text_field(storage.host, settings.address_size + 1),
            domain,
            text_field("", SERVER_ID_FIELD),
            text_field(".".join(map(str, version)), 8 if version >= (6, 12, 0) else 6),
            numbers(now, now, 1000, 900, *reserved, 10, 1, 256, 0, storage.port, *http_port),
            _STATISTICS,
            _NOT_A_TRUNK_SERVER,
        ]
    )
