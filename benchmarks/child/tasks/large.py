"""One large file: up, down, or both; several times over where once is too short to measure."""

import contextlib

from benchmarks.child.content import CheckedSink, Pattern, Source
from benchmarks.child.measuring import Sample, measured
from benchmarks.child.store import Store

NAME = "large.bin"
_PATTERN = Pattern()


async def up(store: Store, samples: list[Sample], *, size: int, times: int = 1, tell_size: bool = True) -> str:
    """The id of the file, which has been read again in proof."""
    await _warm_up(store)
    source, file_id = Source(_PATTERN, size, tell_size=tell_size), ""
    await store.prepare(source)
    async with measured("up", samples) as sample:
        for _ in range(times):
            file_id = await store.upload(NAME, source)
        sample.count, sample.size = times, times * size
    if samples[-1].error is None:
        await _download(store, file_id, size)
    return file_id


async def down(store: Store, samples: list[Sample], *, size: int, times: int = 1, file_id: str = "") -> None:
    """Without an id, of the file that another client has stored as `NAME`."""
    await _warm_up(store)
    async with measured("down", samples) as sample:
        for _ in range(times):
            await _download(store, file_id or store.id_of(NAME), size)
        sample.count, sample.size = times, times * size


async def both(store: Store, samples: list[Sample], *, size: int, times: int = 1) -> None:
    file_id = await up(store, samples, size=size, times=times)
    await down(store, samples, size=size, times=times, file_id=file_id)
    await store.delete(file_id)


async def _download(store: Store, file_id: str, size: int) -> None:
    sink = CheckedSink(_PATTERN)
    await store.download(file_id, sink)
    sink.require(size)


async def _warm_up(store: Store) -> None:
    with contextlib.suppress(NotImplementedError):  # a library that only makes archives stores nothing
        await store.put("warm.bin", b"warm")
