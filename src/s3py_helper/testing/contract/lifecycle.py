"""A store works between opening and closing, and says so at other times."""

import pytest

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.testing.bodies import body_of, new_blob, read_all
from s3py_helper.testing.contract.harness import NOT_OPEN, Harness
from s3py_helper.testing.leaks import leak_guard


class LifecycleContract(Harness):
    """Before opening and after closing."""

    async def test_before_opening_every_operation_says_so(self, store: BlobStore, unopened_store: BlobStore) -> None:
        await _assert_refuses_everything(unopened_store, store)

    async def test_after_closing_every_operation_says_so(self, store: BlobStore, closed_store: BlobStore) -> None:
        await _assert_refuses_everything(closed_store, store)


async def _assert_refuses_everything(refusing: BlobStore, working: BlobStore) -> None:
    written = await working.write(new_blob(), body_of(b"out of reach"))
    async with leak_guard():
        with pytest.raises(StorageOperationException, match=NOT_OPEN):
            await refusing.write(new_blob(), body_of(b"refused"))
        with pytest.raises(StorageOperationException, match=NOT_OPEN):
            await read_all(refusing, written.file_id)
        with pytest.raises(StorageOperationException, match=NOT_OPEN):
            await refusing.info(written.file_id)
        with pytest.raises(StorageOperationException, match=NOT_OPEN):
            await refusing.delete(written.file_id)
