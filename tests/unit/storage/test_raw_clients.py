"""Raw clients heed the settings of their services, and close everything."""

import asyncio
from typing import Any

import pytest

from s3py_helper.storage import FastdfsConfig, S3Config, StorageOperationException
from s3py_helper.storage.fastdfs import FastdfsClient
from s3py_helper.storage.s3raw import S3Client, S3RawUploadServiceImpl


def s3_config(**more: Any) -> S3Config:
    return S3Config(endpoint="http://127.0.0.1:9", access_key_id="key", secret_access_key="secret", **more)


def test_a_chosen_key_goes_to_the_default_bucket_of_its_service() -> None:
    client = S3Client(s3_config(default_bucket="my-bucket"))
    for config, bucket in (
        (s3_config(default_bucket="another"), "another"),
        (s3_config(default_bucket="my-bucket"), "my-bucket"),
    ):
        naming = S3RawUploadServiceImpl(client, config).locator.destination().naming
        assert naming.place_of(None, "a").bucket == bucket
        assert naming.place_of("given", "a").bucket == "given"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", [S3Client, FastdfsClient])
async def test_a_client_whose_closing_is_cancelled_is_closed_all_the_same(
    kind: type[S3Client | FastdfsClient],
) -> None:
    client = (
        S3Client(s3_config()) if kind is S3Client else FastdfsClient(FastdfsConfig(tracker_servers=["127.0.0.1:9"]))
    )
    await client.__aenter__()
    locator, ended = client.locator(), asyncio.Event()
    locator.clean_up.start("s3", "something", ended.wait)
    closing = asyncio.ensure_future(client.__aexit__(None, None, None))
    await asyncio.sleep(0)
    assert not closing.done(), "it waits for what is to be cleaned up"
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    ended.set()
    [backend] = locator.backends.values()
    with pytest.raises(StorageOperationException, match="not open"):
        await backend.health.check()
