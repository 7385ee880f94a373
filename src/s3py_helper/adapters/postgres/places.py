"""Where a file stands among those that wait: spread evenly, and those of one shard beside each other."""

import random
from collections.abc import Iterable
from typing import Final

from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import SHARDS, shard_of

PLACES_OF_SHARD: Final = 128
PLACES: Final = SHARDS * PLACES_OF_SHARD
"""Enough that few files share one, and few enough that the number fits two bytes."""


def places_for(file_ids: Iterable[FileId]) -> list[int]:
    """The places of files that are written together, each from 0 to `PLACES - 1`.

    Those of one shard share a place: written one after the other they lie on the same pages of the table, and a claim,
    which goes by places, visits few pages.
    """
    within = random.randrange(PLACES_OF_SHARD)  # noqa: S311 - no secret
    return [shard_of(file_id) * PLACES_OF_SHARD + within for file_id in file_ids]


def places_of(shard: int | None) -> range:
    """All places of a shard, or all there are."""
    if shard is None:
        return range(PLACES)
    return range(shard * PLACES_OF_SHARD, (shard + 1) * PLACES_OF_SHARD)
