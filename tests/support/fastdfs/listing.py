"""What trackers list of a group, and of a storage. The records have changed over the versions.

`test_tracker_faithfulness.py` checks the newest layout against a real FastDFS, the others are as its sources have them.
"""

import time
from typing import Final

from tests.support.fastdfs.group import Group
from tests.support.fastdfs.protocol import GROUP_FIELD, numbers, text_field
from tests.support.fastdfs.report import Report
from tests.support.fastdfs.settings import Settings
from tests.support.fastdfs.storage import StorageServer

SERVER_ID_FIELD: Final = 16

_ACTIVE: Final = 7
_OFFLINE: Final = 5
_READ_AND_WRITE: Final = 6
_CONNECTIONS: Final = bytes(12)
_COUNTERS: Final = 38
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
            _statistics(storage.report, now),
            _NOT_A_TRUNK_SERVER,
        ]
    )


def group_record(group: Group, settings: Settings) -> bytes:
    reserved = [64] if settings.version >= (6, 13, 2) else []
    count, port = len(group.storages), group.storages[0].port
    return b"".join(
        [
            text_field(group.name, GROUP_FIELD + 1),
            numbers(1000, 900, *reserved, 0, count, port, count, count, 0, 1, 256, 0),
        ]
    )


def _statistics(report: Report, now: int) -> bytes:
    """Tries and successes in turn: uploads first, deletions sixth; at the end four times."""
    counters = [0] * _COUNTERS
    counters[0:2] = [report.uploaded] * 2
    counters[10:12] = [report.deleted] * 2
    return _CONNECTIONS + numbers(*counters, report.last_change, 0, report.synced_until, now)
