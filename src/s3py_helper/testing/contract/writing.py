"""What goes in comes out."""

# ruff: noqa: S101 - assertions are what a test kit is made of

import asyncio
import random
from collections.abc import Iterator

import pytest

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.domain.errors import FileNotFoundException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing.bodies import StalledSource, body_of, new_blob, one_by_one, read_all
from s3py_helper.testing.contract.harness import Harness
from s3py_helper.testing.leaks import leak_guard

_NAMES = (
    "plain.pdf",
    "no extension",
    "v1..2.tar.gz",
    ".hidden",
    "Übersicht année.txt",
    "Договор №7.docx",
    "合同(最終版).pdf",
    "عقد.pdf",
    "नमस्ते.txt",
    "👩‍👩‍👧 family.jpg",
    "e\u0301 decomposed.txt",
    "100% \"quoted\" 'a=b&c' #1?.txt",
    "ß" * 120 + ".txt",
    "x" * 251 + ".bin",
)


class WritingContract(Harness):
    """Files of every size, from every source, under every name."""

    @pytest.mark.parametrize("declared", [True, False], ids=["size known", "size unknown"])
    @pytest.mark.parametrize("size", [0, 1, 2, 1023, 65_536, 300_001])
    async def test_a_file_comes_back_as_it_was(self, store: BlobStore, size: int, *, declared: bool) -> None:
        content = random.Random(size).randbytes(size)  # noqa: S311 - test data
        declared_size = size if declared else None
        info = await store.write(new_blob(size=declared_size), body_of(content, size=declared_size))
        assert info.size == size
        assert await read_all(store, info.file_id) == content

    @pytest.mark.parametrize("declared", [True, False], ids=["size known", "size unknown"])
    @pytest.mark.parametrize("parts", [1.0, 2.0, 2.3])
    async def test_a_file_of_several_parts_comes_back_as_it_was(
        self, store: BlobStore, parts: float, *, declared: bool
    ) -> None:
        content = random.Random(parts).randbytes(int(parts * self.part_size))  # noqa: S311 - test data
        declared_size = len(content) if declared else None
        chunks = (content[at : at + 100_000] for at in range(0, len(content), 100_000))
        async with leak_guard():
            info = await store.write(new_blob(size=declared_size), body_of(chunks, size=declared_size))
        assert info.size == len(content)
        assert await read_all(store, info.file_id) == content

    async def test_one_byte_more_than_a_part_is_kept(self, store: BlobStore) -> None:
        content = bytes(self.part_size) + b"!"
        info = await store.write(new_blob(), body_of(content))
        assert await read_all(store, info.file_id) == content

    @pytest.mark.parametrize("seed", range(8))
    async def test_the_bytes_do_not_depend_on_the_chunks_they_come_in(self, store: BlobStore, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - test data
        content = chance.randbytes(chance.randrange(2 * self.part_size))
        info = await store.write(new_blob(), body_of(_cut_at_random(content, chance)))
        assert await read_all(store, info.file_id) == content

    async def test_a_slow_source_is_waited_for(self, store: BlobStore) -> None:
        pieces = [b"drop ", b"by ", b"drop"]
        info = await store.write(new_blob(size=12), body_of(one_by_one(pieces, pause=0.05), size=12))
        assert await read_all(store, info.file_id) == b"drop by drop"

    async def test_a_file_is_not_visible_before_its_last_byte(self, store: BlobStore) -> None:
        sample, blob = new_blob(), new_blob()
        place = (await store.write(sample, body_of(b"shows where files go"))).file_id
        if place.key != sample.key:
            pytest.skip("the backend names files itself: nobody can ask for a file before it is there")
        source = StalledSource([bytes(self.part_size), bytes(self.part_size), b"almost all"])
        writing = asyncio.create_task(store.write(blob, body_of(source)))
        await source.reached.wait()
        with pytest.raises(FileNotFoundException):
            await store.info(FileId(place.backend, place.bucket, blob.key))
        source.released.set()
        assert (await store.info((await writing).file_id)).size == 2 * self.part_size + 10

    @pytest.mark.parametrize("name", _NAMES)
    async def test_a_name_in_any_script_is_kept(self, store: BlobStore, name: str) -> None:
        written = await store.write(new_blob(name), body_of(b"named"))
        assert await read_all(store, written.file_id) == b"named"
        if "file_name" in self.keeps:
            assert (await store.info(written.file_id)).file_name == name

    async def test_the_id_survives_being_written_down(self, store: BlobStore) -> None:
        info = await store.write(new_blob("合同.pdf", folder="a/項目"), body_of(b"found again"))
        parsed = FileId.parse(str(info.file_id), [info.file_id.backend])
        assert await read_all(store, parsed) == b"found again"

    async def test_equal_names_are_different_files(self, store: BlobStore) -> None:
        first = await store.write(new_blob("same.txt"), body_of(b"first"))
        second = await store.write(new_blob("same.txt"), body_of(b"second"))
        assert await read_all(store, first.file_id) == b"first"
        assert await read_all(store, second.file_id) == b"second"


def _cut_at_random(content: bytes, chance: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        # Mostly small, sometimes empty, sometimes far larger than any buffer: every border falls somewhere.
        length = chance.choice([0, 1, 7, 4096, 65_536, 262_144, 1_500_000, chance.randrange(1, 300_000)])
        yield content[at : at + length]
        at += length
