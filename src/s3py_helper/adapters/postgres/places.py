"""Where a file stands among those that wait: spread evenly, and those of one shard beside each other."""

from typing import Final
from zlib import crc32

from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import SHARDS, shard_of

PLACES_OF_SHARD: Final = 128
PLACES: Final = SHARDS * PLACES_OF_SHARD
"""So many that few files share one, and that the number fits two bytes."""


def place_of(file_id: FileId) -> int:
    """From 0 to `PLACES - 1`."""
    return shard_of(file_id) * PLACES_OF_SHARD + crc32(str(file_id).encode()) % PLACES_OF_SHARD


def places_of(shard: int | None) -> range:
    """All places of a shard, or all there are."""
    if shard is None:
        return range(PLACES)
    return range(shard * PLACES_OF_SHARD, (shard + 1) * PLACES_OF_SHARD)
