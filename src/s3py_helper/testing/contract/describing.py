"""What is known of a file is what was written, until it is deleted."""

# ruff: noqa: S101 - assertions are what a test kit is made of

from datetime import UTC, datetime

import pytest

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import FileNotFoundException
from s3py_helper.testing.bodies import body_of, new_blob, read_all
from s3py_helper.testing.contract.harness import Harness, Inventory


class DescribingContract(Harness):
    """Information and deletion."""

    async def test_info_is_what_was_written(self, store: BlobStore) -> None:
        metadata = dict.fromkeys(self.metadata_names[:1], "Ada")
        blob = new_blob("report.pdf", size=11, content_type="application/pdf", metadata=metadata)
        earliest = datetime.now(UTC) - self.clock_tolerance
        written = await store.write(blob, body_of(b"hello world", size=11))
        latest = datetime.now(UTC) + self.clock_tolerance
        info = await store.info(written.file_id)
        self.assert_described(written, info)
        assert info.file_id == written.file_id
        assert info.size == blob.size
        for fact in self.keeps:
            assert getattr(info, fact) == getattr(blob, fact), fact
        if info.checksum is not None and info.checksum.algorithm == "crc32":
            assert info.checksum == Checksum.crc32(0x0D4A1185)
        if info.last_modified is not None:
            assert info.last_modified.utcoffset() is not None, "a time has a zone"
            assert earliest <= info.last_modified <= latest

    async def test_an_entity_tag_is_quoted_and_names_the_content(self, store: BlobStore) -> None:
        first = await store.info((await store.write(new_blob(), body_of(b"one"))).file_id)
        second = await store.info((await store.write(new_blob(), body_of(b"two"))).file_id)
        for etag in filter(None, (first.etag, second.etag)):
            assert etag.removeprefix("W/").startswith('"')
            assert etag.endswith('"')
        assert first.etag is None or first.etag != second.etag

    async def test_info_does_not_change_by_itself(self, store: BlobStore) -> None:
        written = await store.write(new_blob(metadata={self.metadata_names[0]: "x"}), body_of(b"stable"))
        assert await store.info(written.file_id) == await store.info(written.file_id)

    async def test_metadata_in_any_script_are_kept(self, store: BlobStore) -> None:
        if "metadata" not in self.keeps:
            pytest.skip("the backend keeps no metadata")
        names = self.metadata_names
        for value in self.metadata_values:
            metadata = dict.fromkeys(names, value)
            written = await store.write(new_blob(metadata=metadata), body_of(b"described"))
            assert dict((await store.info(written.file_id)).metadata) == metadata
            async with store.open(written.file_id) as blob:
                assert dict(blob.info.metadata) == metadata

    async def test_a_file_without_metadata_has_none(self, store: BlobStore) -> None:
        written = await store.write(new_blob("合同.pdf"), body_of(b"bare"))
        assert dict((await store.info(written.file_id)).metadata) == {}

    async def test_a_deleted_file_is_gone(self, store: BlobStore, inventory: Inventory) -> None:
        before = await inventory()
        metadata = {self.metadata_names[0]: "x"} if "metadata" in self.keeps else {}
        written = await store.write(new_blob(metadata=metadata), body_of(b"soon gone"))
        await store.delete(written.file_id)
        with pytest.raises(FileNotFoundException):
            await store.info(written.file_id)
        with pytest.raises(FileNotFoundException):
            await read_all(store, written.file_id)
        await self.assert_settles(inventory, before)

    async def test_deleting_twice_is_an_error_except_where_deleting_is_idempotent(self, store: BlobStore) -> None:
        missing = await self.missing_id(store)
        if self.deletes_missing_quietly:
            await store.delete(missing)
            return
        with pytest.raises(FileNotFoundException) as error:
            await store.delete(missing)
        assert error.value.file_id == str(missing)

    async def test_deleting_one_file_leaves_the_others(self, store: BlobStore) -> None:
        doomed = await store.write(new_blob("same.txt", folder="shelf"), body_of(b"doomed"))
        kept = await store.write(new_blob("same.txt", folder="shelf"), body_of(b"kept"))
        await store.delete(doomed.file_id)
        assert await read_all(store, kept.file_id) == b"kept"
