"""One large file: up, down, or both; several times over where once is too short to measure."""

import contextlib

from benchmarks.child.attempt import attempted
from benchmarks.child.content import CheckedSink, Pattern, Source
from benchmarks.child.drivers import Parameters, open_store, run_in_loop
from benchmarks.child.sample import Sample
from benchmarks.child.store import NotOfferedError, Store, Target

WARM_UP = ("warm.bin", b"warm")
"""Name and content of a file that is put before anything is measured: a client's start is measured elsewhere."""


class LargeFile:
    def __init__(self, store: Store, parameters: Parameters) -> None:
        self._store = store
        self._size: int = parameters["size"]
        self._times: int = parameters.get("times", 1)
        self._pattern = Pattern()
        self._source = Source(self._pattern, self._size, tell_size=parameters.get("tell_size", True))

    async def up(self, samples: list[Sample]) -> str:
        """The id of the file that was stored last; empty when none was."""
        await self._store.prepare(self._source)
        file_id = ""
        async with attempted("up", samples) as attempt:
            for _ in range(self._times):
                file_id = await self._store.upload("large.bin", self._source)
            attempt.count, attempt.size = self._times, self._times * self._size
        return file_id

    async def down(self, file_id: str, samples: list[Sample]) -> None:
        async with attempted("down", samples) as attempt:
            if not file_id:
                raise LookupError("nothing was stored")
            for _ in range(self._times):
                sink = CheckedSink(self._pattern)
                await self._store.download(file_id, sink)
                sink.require(self._size)
            attempt.count, attempt.size = self._times, self._times * self._size


async def _measure(driver: str, target: Target, parameters: Parameters) -> list[Sample]:
    samples: list[Sample] = []
    async with open_store(driver, target) as store:
        with contextlib.suppress(NotOfferedError):
            await store.put(*WARM_UP)
        file = LargeFile(store, parameters)
        match parameters["direction"]:
            case "up":
                await file.up(samples)
            case "down":
                await file.down(store.id_of(parameters["name"]), samples)
            case _:
                file_id = await file.up(samples)
                await file.down(file_id, samples)
                if file_id:
                    await store.delete(file_id)
    return samples


def run(driver: str, target: Target, parameters: Parameters) -> list[Sample]:
    return run_in_loop(driver, lambda: _measure(driver, target, parameters))
