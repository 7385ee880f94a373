"""How a file is cut into the parts of a multipart upload.

Limits from the Amazon S3 User Guide, "Amazon S3 multipart upload limits": at most 10 000 parts of 5 MiB to 5 GiB (the
last may be smaller), objects of at most 5 TiB.
"""

from collections.abc import Iterator
from itertools import repeat
from typing import Final

from s3py_helper.domain.errors import FileTooLargeException, InvalidArgumentException

MIB: Final = 1024 * 1024
MIN_PART_SIZE: Final = 5 * MIB
MAX_PART_SIZE: Final = 5 * 1024 * MIB
MAX_PARTS: Final = 10_000
MAX_OBJECT_SIZE: Final = 5 * 1024 * 1024 * MIB

_PARTS_PER_STEP: Final = 900
"""With parts of 5 MiB, doubling every 1 000 would end just below 5 TiB."""


def part_sizes(part_size: int, total: int | None = None) -> Iterator[int]:
    """Sizes in bytes of the parts to cut, in order.

    With a known `total` they add up to it: all of `part_size`, or of the smallest larger whole number of MiB with which
    10 000 parts suffice. Without one they are upper bounds for a source that may end at any byte: they begin with
    `part_size` and double every 900 parts, so that small files cost little memory and 5 TiB are still reached.

    Raises:
        InvalidArgumentException: `part_size` is not within 5 MiB and 5 GiB.
        FileTooLargeException: `total` exceeds 5 TiB.
    """
    if not MIN_PART_SIZE <= part_size <= MAX_PART_SIZE:
        raise InvalidArgumentException(
            f"part size {part_size} is not between {MIN_PART_SIZE} (5 MiB) and {MAX_PART_SIZE} (5 GiB)"
        )
    if total is None:
        return _growing(part_size)
    if total > MAX_OBJECT_SIZE:
        raise FileTooLargeException(
            f"an object of {total} bytes is larger than S3 stores ({MAX_OBJECT_SIZE} bytes)", limit=MAX_OBJECT_SIZE
        )
    return _even(max(part_size, _whole_mib(-(-total // MAX_PARTS))), total)


def _whole_mib(size: int) -> int:
    return -(-size // MIB) * MIB


def _even(part_size: int, total: int) -> Iterator[int]:
    whole, rest = divmod(total, part_size)
    yield from repeat(part_size, whole)
    if rest:
        yield rest


def _growing(part_size: int) -> Iterator[int]:
    left = MAX_OBJECT_SIZE
    for index in range(MAX_PARTS):
        size = min(part_size << (index // _PARTS_PER_STEP), MAX_PART_SIZE, left)
        if not size:
            return
        yield size
        left -= size
