"""Files from FastDFS to S3, beside the same bytes put there from memory: what a migration costs on top."""

from collections.abc import Sequence
from typing import Protocol

from benchmarks.child.content import Pattern
from benchmarks.child.measuring import Sample, measured

_PATTERN = Pattern()


class Mover(Protocol):
    """Gets files to S3; `prepare` is not measured."""

    async def prepare(self, contents: Sequence[bytes]) -> None: ...

    async def move(self, at_once: int) -> Sequence[str]:
        """Get all of them there; gives their ids, in the order of the contents."""
        ...

    async def get(self, file_id: str) -> bytes: ...


async def small(mover: Mover, samples: list[Sample], *, count: int, least: int, most: int) -> None:
    """Sizes are spread evenly."""
    sizes = [least + number * 7919 % (most - least) for number in range(count)]
    await _move(mover, samples, "small files", [_content(number, size) for number, size in enumerate(sizes)], 16)


async def large(mover: Mover, samples: list[Sample], *, count: int, size: int) -> None:
    await _move(mover, samples, "large files", [_content(number, size) for number in range(count)], 4)


async def _move(mover: Mover, samples: list[Sample], operation: str, contents: Sequence[bytes], at_once: int) -> None:
    await mover.prepare(contents)
    ids: Sequence[str] = ()
    async with measured(operation, samples) as sample:
        ids = await mover.move(at_once)
        sample.count, sample.size = len(ids), sum(map(len, contents))
    if sample.error is None:
        for file_id, content in zip(ids, contents, strict=True):
            if await mover.get(file_id) != content:
                raise ValueError(f"wrong bytes in {file_id}")


def _content(number: int, size: int) -> bytes:
    return _PATTERN.at(number * 7919, size)
