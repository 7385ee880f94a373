"""What a plan amounts to before it is carried out: how much there is to copy, its cost, how long it may take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from s3py_helper.application.ports.ledger import Outlined
from s3py_helper.domain.migration import SIZE_CLASSES, FileKind, FileState
from s3py_helper.domain.part_plan import MIB

_TO_COPY: Final = frozenset({FileState.PLANNED, FileState.COPYING})
_NOT_COPIED: Final = frozenset({FileState.GONE, FileState.QUARANTINED})
_KEYS_IN_A_LIST: Final = 1000
_PART: Final = 16 * MIB
_IN_PARTS_FROM: Final = SIZE_CLASSES.index(64 * MIB) + 1


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast files were copied: the defaults by SeaweedFS on two processors, see docs/leaving-fastdfs.md."""

    files_per_second: float = 700.0
    bytes_per_second: float = 100e6


@dataclass(frozen=True, slots=True)
class PlanOutline:
    """The sum of everything that is planned.

    Attributes:
        files: Files to copy.
        bytes: Their bytes, as far as known.
        kinds: Files to copy by kind.
        sizes: Files to copy and their bytes by size: the upper limit, `None` for the largest.
        unsized: Files to copy whose size is not known.
        left_out: Files that will not be copied, by state and kind.
        puts: Requests that write: PUT, and those of multipart uploads.
        heads: HEAD requests of a verification and a drain.
        lists: LIST requests of a verification.
        seconds: How long copying may take.
    """

    files: int
    bytes: int
    kinds: dict[FileKind, int]
    sizes: Sequence[tuple[int | None, int, int]]
    unsized: int
    left_out: dict[str, int]
    puts: int
    heads: int
    lists: int
    seconds: float

    @classmethod
    def of(cls, outlined: Sequence[Outlined], rates: Rates) -> "PlanOutline":
        """Sum up a ledger's outline."""
        to_copy = [part for part in outlined if part.state in _TO_COPY]
        files, size = sum(part.files for part in to_copy), sum(part.bytes for part in to_copy)
        kinds: dict[FileKind, int] = {}
        for part in to_copy:
            kinds[part.kind] = kinds.get(part.kind, 0) + part.files
        left_out: dict[str, int] = {}
        for part in outlined:
            if part.state in _NOT_COPIED:
                name = f"{part.state} {part.kind}"
                left_out[name] = left_out.get(name, 0) + part.files
        return cls(
            files=files,
            bytes=size,
            kinds=kinds,
            sizes=[_summed(number, to_copy) for number in range(len(SIZE_CLASSES) + 1)],
            unsized=sum(part.files for part in to_copy if part.size_class is None),
            left_out=left_out,
            puts=sum(_puts(part) for part in to_copy),
            heads=2 * files,
            lists=ceil(files / _KEYS_IN_A_LIST),
            seconds=max(files / rates.files_per_second, size / rates.bytes_per_second),
        )


def _summed(number: int, parts: Iterable[Outlined]) -> tuple[int | None, int, int]:
    mine = [part for part in parts if part.size_class == number]
    limit = SIZE_CLASSES[number] if number < len(SIZE_CLASSES) else None
    return limit, sum(part.files for part in mine), sum(part.bytes for part in mine)


def _puts(part: Outlined) -> int:
    """One for each file; for a large one its parts, and the two that begin and end the upload."""
    if part.size_class is None or part.size_class < _IN_PARTS_FROM:
        return part.files
    return part.files * 2 + ceil(part.bytes / _PART)
