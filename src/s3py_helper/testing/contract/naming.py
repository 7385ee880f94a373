"""A key that a caller chooses belongs to the first who stores a file under it."""

# ruff: noqa: S101 - assertions are what a test kit is made of

import asyncio
import random
import secrets
from dataclasses import replace
from typing import cast

import pytest

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.application.ports.naming import NamedWrites
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import PreconditionFailedException
from s3py_helper.testing.bodies import body_of, breaking_after, new_blob, read_all
from s3py_helper.testing.contract.harness import Harness, Inventory
from s3py_helper.testing.leaks import leak_guard

_AT_ONCE = 8


class NamedWritesContract(Harness):
    """The promises of the port `NamedWrites`."""

    def naming_of(self, store: BlobStore) -> NamedWrites:
        """What stores files under given keys; override it where that is another object than the store itself."""
        return cast("NamedWrites", store)

    @pytest.mark.parametrize("parts", [0, 0.01, 2.3])
    async def test_a_file_gets_exactly_its_key(self, store: BlobStore, parts: float) -> None:
        naming, blob = self.naming_of(store), _blob("Größe b.bin")
        content = random.Random(parts).randbytes(int(parts * self.part_size))  # noqa: S311 - test data
        place = naming.place_of(None, blob.key)
        async with leak_guard():
            await naming.require_free(place)
            info = await naming.create(blob, body_of(content))
        assert info.file_id == place
        assert place.key == blob.key
        assert await read_all(store, place) == content
        await store.delete(place)

    @pytest.mark.parametrize("parts", [0.01, 2.3])
    async def test_what_is_there_stays(self, store: BlobStore, inventory: Inventory, parts: float) -> None:
        naming, blob = self.naming_of(store), _blob("a.txt")
        first = await naming.create(blob, body_of(b"first"))
        before = await inventory()
        async with leak_guard():
            with pytest.raises(PreconditionFailedException):
                await naming.require_free(first.file_id)
            with pytest.raises(PreconditionFailedException):
                await naming.create(blob, body_of(bytes(int(parts * self.part_size))))
        assert await read_all(store, first.file_id) == b"first"
        await self.assert_settles(inventory, before)
        await store.delete(first.file_id)
        await naming.create(blob, body_of(b"second"))
        assert await read_all(store, first.file_id) == b"second"
        await store.delete(first.file_id)

    async def test_of_many_at_once_one_gets_the_key(self, store: BlobStore, inventory: Inventory) -> None:
        naming, blob = self.naming_of(store), _blob("wanted.txt")
        await naming.require_free(naming.place_of(None, blob.key))
        before = await inventory()
        contents = [str(number).encode() * 1000 for number in range(_AT_ONCE)]
        async with leak_guard():
            outcomes = await asyncio.gather(
                *(naming.create(blob, body_of(content)) for content in contents), return_exceptions=True
            )
        won = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, BlobInfo)]
        assert len(won) == 1
        assert {type(outcome) for outcome in outcomes} == {BlobInfo, PreconditionFailedException}
        place = naming.place_of(None, blob.key)
        assert await read_all(store, place) == contents[won[0]]
        await store.delete(place)
        await self.assert_settles(inventory, before)

    @pytest.mark.parametrize("parts", [0.01, 2.3])
    async def test_a_body_that_breaks_leaves_the_key_free(
        self, store: BlobStore, inventory: Inventory, parts: float
    ) -> None:
        naming, blob = self.naming_of(store), _blob("broken.bin")
        await naming.require_free(naming.place_of(None, blob.key))
        before = await inventory()
        broke = ConnectionResetError("the client hung up")
        async with leak_guard():
            with pytest.raises(ConnectionResetError):
                await naming.create(blob, body_of(breaking_after([bytes(int(parts * self.part_size))], broke)))
        await self.assert_settles(inventory, before)
        await naming.require_free(naming.place_of(None, blob.key))

    async def test_a_bucket_may_be_named(self, store: BlobStore, other_bucket: str) -> None:
        naming, blob = self.naming_of(store), replace(_blob("a.txt"), bucket=other_bucket)
        await naming.require_free(naming.place_of(other_bucket, blob.key))
        info = await naming.create(blob, body_of(b"elsewhere"))
        assert info.file_id == naming.place_of(other_bucket, blob.key)
        assert await read_all(store, info.file_id) == b"elsewhere"
        await store.delete(info.file_id)


def _blob(name: str) -> NewBlob:
    return replace(new_blob(name), key=f"named {secrets.token_hex(4)}/in here/{name}")
