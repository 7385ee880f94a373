"""Packing files: from a server into a file on the way, or from memory into nothing."""

import io
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import BinaryIO, cast

from benchmarks.child.measuring import Sample, measured
from benchmarks.child.originals import Discard, Originals
from benchmarks.child.store import Store


async def run(store: Store, samples: list[Sample], *, content: str, count: int, size: int) -> None:
    originals = Originals(content, count, size)
    files = [(store.id_of(name), name) for name in originals.names]

    async def packed(out: BinaryIO) -> None:
        await store.zip_to(files, out)

    async def streamed(out: BinaryIO) -> None:
        async for chunk in store.zip_stream(files):
            out.write(chunk)

    async def measure(operation: str, pack: Callable[[BinaryIO], Awaitable[None]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "archive.zip"
            async with measured(operation, samples) as sample:
                with archive.open("wb") as out:
                    await pack(out)
                originals.account(sample, archive.stat().st_size)
            if sample not in samples or sample.error is not None:
                return
            if store.packs:
                originals.check(archive)
            elif sample.ratio != 1:
                raise ValueError("the files did not come whole")

    await measure("zip", packed)
    if store.packs:
        await measure("stream", streamed)


async def in_memory(store: Store, samples: list[Sample], *, content: str, count: int, size: int) -> None:
    originals = Originals(content, count, size)
    files = [(await store.put(*original), original[0]) for original in originals]
    async with measured("zip", samples) as sample:
        out = Discard()
        await store.zip_to(files, cast("BinaryIO", out))
        originals.account(sample, out.count)
    proof = io.BytesIO()
    await store.zip_to(files, proof)
    originals.check(proof)
