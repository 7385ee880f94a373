"""Packing files: from a server into a file on the way, or from memory into nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from benchmarks.child.archives import Discard, Originals
from benchmarks.child.attempt import Attempt, attempted
from benchmarks.child.drivers import Parameters, open_store, run_in_loop
from benchmarks.child.sample import Sample
from benchmarks.child.store import Entry, Store, Target


@dataclass(frozen=True, slots=True)
class Packing:
    store: Store
    files: list[Entry]
    originals: Originals
    archive: Path

    async def to_file(self, samples: list[Sample]) -> None:
        async with attempted("zip", samples) as attempt:
            with self.archive.open("wb") as out:
                await self.store.zip_to(self.files, out)
            self._account(attempt, self.archive.stat().st_size)
        self._check(samples[-1])

    async def streamed(self, samples: list[Sample]) -> None:
        async with attempted("stream", samples) as attempt:
            with self.archive.open("wb") as out:
                async for chunk in self.store.zip_stream(self.files):
                    out.write(chunk)
            self._account(attempt, self.archive.stat().st_size)
        self._check(samples[-1])

    async def discarded(self, samples: list[Sample]) -> None:
        out = Discard()
        async with attempted("zip", samples) as attempt:
            await self.store.zip_to(self.files, cast("BinaryIO", out))
            if not out.count:
                raise ValueError("no archive came")
            self._account(attempt, out.count)

    def _account(self, attempt: Attempt, archived: int) -> None:
        attempt.count = self.originals.count
        attempt.size = self.originals.total
        attempt.ratio = round(archived / attempt.size, 4)

    def _check(self, sample: Sample) -> None:
        if sample.error is None and sample.offered:
            if self.store.packs:
                self.originals.check(self.archive)
            elif self.archive.stat().st_size != self.originals.total:
                raise ValueError("the files did not come whole")
        self.archive.unlink(missing_ok=True)


async def _measure(driver: str, target: Target, parameters: Parameters) -> list[Sample]:
    samples: list[Sample] = []
    originals = Originals(parameters["content"], parameters["count"], parameters["size"])
    async with open_store(driver, target) as store:
        if target.kind == "memory":
            files = [(await store.put(name, content), name) for name, content in originals]
            packing = Packing(store, files, originals, Path(parameters["archive"]))
            if parameters["check"]:
                await packing.to_file([])
            await packing.discarded(samples)
            return samples
        files = [(store.id_of(name), name) for name in originals.names]
        packing = Packing(store, files, originals, Path(parameters["archive"]))
        await packing.to_file(samples)
        if parameters["streamed"]:
            await packing.streamed(samples)
    return samples


def run(driver: str, target: Target, parameters: Parameters) -> list[Sample]:
    return run_in_loop(driver, lambda: _measure(driver, target, parameters))
