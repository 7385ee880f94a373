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

_GROWS_AFTER: Final = 1030
_DOUBLES_EVERY: Final = 400
_LARGEST_GROWN: Final = 768 * MIB
"""A part has to be in memory as a whole. With these numbers parts that begin with 5 MiB stay so up to 5 GiB, and are
enough for 5 TiB.
"""


def part_sizes(part_size: int, total: int | None = None) -> Iterator[int]:
    """Sizes in bytes of the parts to cut, in order.

    With a known `total` they add up to it: all of `part_size`, or of the smallest larger whole number of MiB with which
    10 000 parts suffice. Without one they are upper bounds for a source that may end at any byte: they begin with
    `part_size`, grow after 1030 parts and double every 400 up to 768 MiB, so that all but the largest files cost little
    memory, and 5 TiB are still reached.

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
    largest = max(part_size, _LARGEST_GROWN)
    for index in range(MAX_PARTS):
        doublings = max(0, 1 + (index - _GROWS_AFTER) // _DOUBLES_EVERY)
        size = min(part_size << doublings, largest, left)
        if not size:
            return
        yield size
        left -= size
