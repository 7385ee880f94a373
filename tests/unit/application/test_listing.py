"""Listing through the manager: what is checked before the backend is asked, and what it reports."""

import pytest

from s3py_helper.storage import BucketNotFoundException, InvalidArgumentException, StorageManager


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [("a\0", "a NUL at position 1"), ("\ud800", "lone surrogate"), ("a/\n", "control character U\\+000A")],
)
async def test_a_prefix_that_no_key_can_have_is_refused_by_name(prefix: str, reason: str) -> None:
    async with StorageManager.in_memory() as manager:
        with pytest.raises(InvalidArgumentException, match=f"the prefix '.*' contains .*{reason}"):
            await anext(manager.list_service.list_files(prefix))


async def test_a_prefix_is_text() -> None:
    async with StorageManager.in_memory() as manager:
        with pytest.raises(InvalidArgumentException, match="a prefix is text, got bytes"):
            await anext(manager.list_service.list_files(b"a"))  # type: ignore[arg-type]  # that is the point


async def test_a_missing_bucket_is_no_empty_one() -> None:
    async with StorageManager.in_memory() as manager:
        assert [info async for info in manager.list_service.list_files()] == []
        with pytest.raises(BucketNotFoundException, match="'elsewhere'"):
            await anext(manager.list_service.list_files(bucket="elsewhere"))
