from collections.abc import Sequence
from typing import BinaryIO

import pytest

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.measuring import Sample
from benchmarks.child.store import Entry, Store
from benchmarks.child.tasks import archive, large, ledger, many, moving, small

ROUNDS = [(2, 0.001)]


class Kept(Store):
    """Keeps files in a dictionary."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def put(self, name: str, content: bytes) -> str:
        self.files[name] = content
        return name

    async def get(self, file_id: str) -> bytes:
        return self.files[file_id]

    async def info(self, file_id: str) -> int:
        return len(self.files[file_id])

    async def delete(self, file_id: str) -> None:
        del self.files[file_id]

    async def upload(self, name: str, source: Source) -> str:
        return await self.put(name, b"".join(source))

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        sink.write(self.files[file_id])


class Spoilt(Kept):
    """Gives back other bytes than it was given."""

    async def get(self, file_id: str) -> bytes:
        return bytes(len(self.files[file_id]))

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        sink.write(bytes(len(self.files[file_id])))

    async def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        out.write(b"no archive")


async def test_small_files_are_stored_read_described_and_deleted() -> None:
    store, samples = Kept(), list[Sample]()
    await small.run(store, samples, size=100, rounds=ROUNDS)
    assert [sample.operation for sample in samples] == ["put c=2", "get c=2", "info c=2", "delete c=2"]
    assert [sample.error for sample in samples] == [None] * 4
    assert all(sample.count >= 2 and sample.seconds > 0 and sample.p99_seconds for sample in samples)
    assert store.files == {}


async def test_wrong_bytes_are_a_failure_of_their_operation_alone() -> None:
    samples: list[Sample] = []
    await small.run(Spoilt(), samples, size=100, rounds=ROUNDS)
    assert [sample.operation for sample in samples if sample.error] == ["get c=2"]
    await many.run(Spoilt(), samples, size=100, count=20)
    assert [(sample.operation, bool(sample.error)) for sample in samples[4:]] == [("up", False), ("down", True)]


async def test_what_a_library_does_not_offer_is_no_failure() -> None:
    class Blind(Kept):
        async def info(self, file_id: str) -> int:
            raise NotImplementedError

    samples: list[Sample] = []
    await small.run(Blind(), samples, size=100, rounds=ROUNDS)
    assert [sample.operation for sample in samples] == ["put c=2", "get c=2", "delete c=2"]


async def test_a_large_file_goes_up_and_down_several_times() -> None:
    samples: list[Sample] = []
    await large.both(Kept(), samples, size=300_000, times=3)
    assert [(sample.operation, sample.count, sample.size) for sample in samples] == [
        ("up", 3, 900_000),
        ("down", 3, 900_000),
    ]


async def test_an_upload_that_stores_wrong_bytes_has_no_figure() -> None:
    with pytest.raises(ValueError, match="wrong bytes"):
        await large.up(Spoilt(), [], size=300_000)


async def test_what_is_no_archive_has_no_figure() -> None:
    with pytest.raises(Exception, match="zip"):
        await archive.in_memory(Spoilt(), [], content="random", count=2, size=100)


class Moving:
    """Moves files from one list to another."""

    def __init__(self, spoils: bytes = b"") -> None:
        self.files: list[bytes] = []
        self._spoils = spoils

    async def prepare(self, contents: Sequence[bytes]) -> None:
        self.files = [self._spoils + content for content in contents]

    async def move(self, at_once: int) -> list[str]:
        return [str(number) for number in range(len(self.files))] if at_once else []

    async def get(self, file_id: str) -> bytes:
        return self.files[int(file_id)]


async def test_moved_files_are_counted_and_compared() -> None:
    samples: list[Sample] = []
    await moving.small(Moving(), samples, count=10, least=4, most=100)
    await moving.large(Moving(), samples, count=2, size=1000)
    assert [(sample.operation, sample.count) for sample in samples] == [("small files", 10), ("large files", 2)]
    assert samples[1].size == 2000
    with pytest.raises(ValueError, match="wrong bytes in 0"):
        await moving.small(Moving(b"!"), samples, count=10, least=4, most=100)


async def test_a_plan_that_misses_known_ids_has_no_figure() -> None:
    class Forgetful:
        rows = 0

        async def fill(self, rows: int) -> None:
            self.rows = rows

        async def plan_again(self) -> int:
            return self.rows - 1

        async def status(self) -> None: ...

    samples: list[Sample] = []
    await ledger.run(Forgetful(), samples, rows=10)
    assert [sample.error for sample in samples] == ["ValueError: the plan saw 9 files", None]
