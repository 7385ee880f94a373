"""Every file is listed once, in order, by prefix."""

# ruff: noqa: S101 - assertions are what a test kit is made of

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.application.ports.listing import Listing
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.errors import BucketNotFoundException, StorageOperationException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing.bodies import StalledSource, body_of, new_blob
from s3py_helper.testing.contract.harness import NOT_OPEN, PATIENCE, Harness
from s3py_helper.testing.leaks import leak_guard

_NAMES = (
    # A folder sorts as its name with a slash behind: after `b-` and `b.`, before `b0`.
    *("b-/x", "b.x", "b/a", "b/c-", "b/c.d", "b/c/d", "b0", "a.txt", "a0", "a1/x", "B"),
    # Bytes of UTF-8: a tilde of full width sorts before a face, which UTF-16 has the other way round.
    *("e\u0301", "é", "ü", "項/目", "\uff5e", "\U0001f600"),
    # Wildcards and escapes of one query language or another.
    *("%", "_", "a%", "a_", "a b", "a+b", "a*", "a?", "[a]"),
)
_SEVERAL = 12


class ReaderBroke(Exception):
    """What the code inside an `async with listing.list(...)` raises."""


class ListingContract(Harness):
    """The promises of the port `Listing`, for backends that use the keys that are proposed to them.

    Listings that fetch pages should have pages of a few files here (see `listing_of`): the tests list a dozen.
    """

    def listing_of(self, store: BlobStore) -> Listing:
        """The listing that goes with a store; override it where that is another object than the store itself."""
        return cast("Listing", store)

    def listing_order(self, key: str) -> Any:
        """What the keys are sorted by: their UTF-8. Override it for servers that are known to differ."""
        return key.encode()

    async def test_files_come_in_the_order_of_their_keys(self, store: BlobStore) -> None:
        folder = _new_folder()
        await _write(store, folder, _NAMES)
        assert await self._names(store, folder) == sorted(_NAMES, key=self.listing_order)

    async def test_without_a_prefix_the_whole_bucket_is_listed(self, store: BlobStore) -> None:
        folder = _new_folder()
        await _write(store, folder, ("a", "b"))
        keys = await self._keys(store)
        assert keys == sorted(keys, key=self.listing_order)
        assert len(set(keys)) == len(keys)
        assert {f"{folder}a", f"{folder}b"} <= set(keys)

    @pytest.mark.parametrize(
        "prefix", ["b", "b/", "b/c", "b/c.d", "b/c/", "a_", "a%", "%", "[a]", "a ", "e", "項", "nothing", "b//", "B"]
    )
    async def test_a_prefix_is_that_of_the_key_character_by_character(self, store: BlobStore, prefix: str) -> None:
        folder = _new_folder()
        await _write(store, folder, _NAMES)
        expected = [name for name in _NAMES if name.startswith(prefix)]
        assert await self._names(store, folder, prefix) == sorted(expected, key=self.listing_order)

    @pytest.mark.parametrize("prefix", ["/", "../", "./", "//", "x" * 2000])
    async def test_a_prefix_that_no_key_can_have_matches_nothing(self, store: BlobStore, prefix: str) -> None:
        folder = _new_folder()
        await _write(store, folder, ("a",))
        assert await self._keys(store, f"{prefix}{folder}") == []
        assert await self._keys(store, f"{folder}{prefix}") == []

    async def test_before_the_first_file_is_written_there_is_none(self, store: BlobStore) -> None:
        assert await self._keys(store, _new_folder()) == []

    async def test_a_listed_file_is_described_as_info_describes_it(self, store: BlobStore) -> None:
        metadata = {self.metadata_names[0]: self.metadata_values[0]} if "metadata" in self.keeps else {}
        blob = new_blob("notes.txt", folder=_new_folder().rstrip("/"), metadata=metadata)
        written = await store.write(blob, body_of(b"described"))
        async with self.listing_of(store).list(blob.key) as blobs:
            [listed] = [info async for info in blobs]
        self.assert_described(listed, await store.info(written.file_id))
        if listed.last_modified is not None:
            assert listed.last_modified.utcoffset() is not None, "a time has a zone"

    async def test_listed_ids_lead_to_the_files(self, store: BlobStore) -> None:
        folder = _new_folder()
        written = await _write(store, folder, ("a", "項/目", "e\u0301"))
        async with self.listing_of(store).list(folder) as blobs:
            listed = [info.file_id async for info in blobs]
        assert set(listed) == set(written)
        for file_id in listed:
            await store.delete(file_id)
        assert await self._keys(store, folder) == []

    async def test_a_file_is_not_listed_before_its_last_byte(self, store: BlobStore) -> None:
        folder = _new_folder()
        source = StalledSource([bytes(self.part_size), bytes(self.part_size), b"almost all"])
        writing = asyncio.create_task(store.write(replace(new_blob(), key=f"{folder}late"), body_of(source)))
        await source.reached.wait()
        assert await self._keys(store, folder) == []
        source.released.set()
        await writing
        assert await self._names(store, folder) == ["late"]

    async def test_each_bucket_is_listed_by_itself(self, store: BlobStore, other_bucket: str) -> None:
        folder = _new_folder()
        await _write(store, folder, ("ours",))
        await _write(store, folder, ("theirs",), bucket=other_bucket)
        assert await self._names(store, folder) == ["ours"]
        assert await self._names(store, folder, bucket=other_bucket) == ["theirs"]

    async def test_a_bucket_whose_files_are_gone_is_empty(self, store: BlobStore, other_bucket: str) -> None:
        folder = _new_folder()
        for file_id in await _write(store, folder, ("a", "b/c"), bucket=other_bucket):
            await store.delete(file_id)
        assert await self._keys(store, folder, bucket=other_bucket) == []

    async def test_a_missing_bucket_is_reported_by_name(self, store: BlobStore) -> None:
        missing = f"missing-{secrets.token_hex(4)}"
        for prefix in ("", "a"):
            with pytest.raises(BucketNotFoundException, match=rf"bucket.*{missing}"):
                await self._keys(store, prefix, bucket=missing)

    async def test_leaving_a_listing_early_releases_everything(self, narrow_store: BlobStore) -> None:
        folder = _new_folder()
        await _write(narrow_store, folder, map(str, range(_SEVERAL)))
        listing = self.listing_of(narrow_store)
        async with asyncio.timeout(PATIENCE), leak_guard():
            for _ in range(3):
                async with listing.list(folder) as blobs:
                    await anext(blobs)
                async with listing.list(folder):
                    pass
            assert len(await self._keys(narrow_store, folder)) == _SEVERAL

    async def test_a_listing_whose_reader_breaks_releases_everything(self, narrow_store: BlobStore) -> None:
        folder = _new_folder()
        await _write(narrow_store, folder, map(str, range(_SEVERAL)))
        async with asyncio.timeout(PATIENCE), leak_guard():
            for _ in range(3):
                with pytest.raises(ReaderBroke):
                    await self._list_one_and_break(narrow_store, folder)
            assert len(await self._keys(narrow_store, folder)) == _SEVERAL

    async def test_a_cancelled_listing_releases_everything(self, narrow_store: BlobStore) -> None:
        folder = _new_folder()
        await _write(narrow_store, folder, map(str, range(_SEVERAL)))
        async with asyncio.timeout(PATIENCE), leak_guard():
            for moment in range(6):
                reading = asyncio.create_task(self._list_and_wait(narrow_store, folder))
                await asyncio.sleep(moment * 0.003)
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading
            assert len(await self._keys(narrow_store, folder)) == _SEVERAL

    async def test_a_listing_goes_on_while_files_come_and_go(self, store: BlobStore) -> None:
        folder = _new_folder()
        kept = [f"{number:02}-kept" for number in range(_SEVERAL)]
        doomed = [f"{number:02}-doomed" for number in range(_SEVERAL)]
        await _write(store, folder, kept)
        condemned = {file_id.key: file_id for file_id in await _write(store, folder, doomed)}
        seen: list[str] = []
        async with self.listing_of(store).list(folder) as blobs:
            async for info in blobs:
                seen.append(info.file_id.key.removeprefix(folder))
                # The one just listed and the last one go: a listing has to cope on either side of where it is.
                for key in {info.file_id.key, max(condemned, default="")} & condemned.keys():
                    await store.delete(condemned.pop(key))
                if len(seen) % 5 == 0:
                    await _write(store, folder, [f"00-new-{len(seen)}", f"99-new-{len(seen)}"])
        assert seen == sorted(seen, key=self.listing_order)
        assert len(set(seen)) == len(seen)
        assert [name for name in seen if name in kept] == kept, "what is there all the time is listed once"

    async def test_a_listing_begins_after_a_key(self, store: BlobStore) -> None:
        folder = _new_folder()
        written = await _write(store, folder, _NAMES)
        names = sorted(_NAMES, key=self.listing_order)
        [between] = [file_id for file_id in written if file_id.key == f"{folder}b/c-"]
        await store.delete(between)
        left = [name for name in names if name != "b/c-"]
        for name in ("B", "b/a", "b/c-", "b/c/d", "b.x", "é", names[-1]):
            later = [other for other in left if self.listing_order(other) > self.listing_order(name)]
            assert await self._names(store, folder, after=f"{folder}{name}") == later

    async def test_listings_run_side_by_side(self, store: BlobStore) -> None:
        folder = _new_folder()
        names = [f"{number:02}" for number in range(_SEVERAL)]
        await _write(store, folder, names)
        listing = self.listing_of(store)
        async with leak_guard(), listing.list(folder) as one, listing.list(folder) as other:
            pairs = [(await anext(one), await anext(other)) for _ in names]
        assert [(a.file_id.key, b.file_id.key) for a, b in pairs] == [(folder + name, folder + name) for name in names]

    async def test_a_listing_that_has_ended_stays_at_its_end(self, store: BlobStore) -> None:
        folder = _new_folder()
        await _write(store, folder, ("a",))
        async with self.listing_of(store).list(folder) as blobs:
            assert (await anext(blobs)).file_id.key == f"{folder}a"
            for _ in range(2):
                assert await anext(blobs, None) is None

    async def test_before_opening_listing_says_so(self, unopened_store: BlobStore) -> None:
        with pytest.raises(StorageOperationException, match=NOT_OPEN):
            await self._keys(unopened_store)

    async def test_after_closing_listing_says_so(self, closed_store: BlobStore) -> None:
        with pytest.raises(StorageOperationException, match=NOT_OPEN):
            await self._keys(closed_store)

    async def _keys(
        self, store: BlobStore, prefix: str = "", *, bucket: str | None = None, after: str = ""
    ) -> list[str]:
        async with self.listing_of(store).list(prefix, bucket=bucket, after=after) as blobs:
            return [info.file_id.key async for info in blobs]

    async def _names(
        self, store: BlobStore, folder: str, prefix: str = "", *, bucket: str | None = None, after: str = ""
    ) -> list[str]:
        keys = await self._keys(store, folder + prefix, bucket=bucket, after=after)
        assert all(key.startswith(folder) for key in keys)
        return [key.removeprefix(folder) for key in keys]

    async def _list_one_and_break(self, store: BlobStore, folder: str) -> None:
        async with self.listing_of(store).list(folder) as blobs:
            await anext(blobs)
            raise ReaderBroke

    async def _list_and_wait(self, store: BlobStore, folder: str) -> None:
        async with self.listing_of(store).list(folder) as blobs:
            await _drain(blobs)
            await asyncio.Event().wait()


def _new_folder() -> str:
    """The beginning of keys that nobody else uses: a bucket may be shared with other tests."""
    return f"listed-{secrets.token_hex(4)}/"


async def _write(store: BlobStore, folder: str, names: Iterable[str], *, bucket: str | None = None) -> Sequence[FileId]:
    return [
        (await store.write(replace(new_blob(bucket=bucket), key=f"{folder}{name}"), body_of(name.encode()))).file_id
        for name in names
    ]


async def _drain(blobs: AsyncIterator[BlobInfo]) -> None:
    async for _ in blobs:
        await asyncio.sleep(0.001)
