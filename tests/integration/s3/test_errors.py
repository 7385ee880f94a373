"""What two real servers refuse."""

import pytest

from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.errors import AccessDeniedException, BucketNotFoundException, FileNotFoundException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.s3.server import DEFAULT_BUCKET, S3Server


async def test_a_missing_object_and_a_missing_bucket_are_told_apart(s3_server: S3Server) -> None:
    async with S3Session(s3_server.config(default_bucket="not-there")) as connection:
        store = S3BlobStore(connection)
        with pytest.raises(FileNotFoundException, match="no such object"):
            await read_all(store, FileId(Backend.S3, DEFAULT_BUCKET, "missing.txt"))
        with pytest.raises(BucketNotFoundException, match="no such bucket"):
            await read_all(store, FileId(Backend.S3, "not-there", "missing.txt"))
        with pytest.raises(BucketNotFoundException, match="no such bucket"):
            await store.write(new_blob(), body_of(b"x"))
        with pytest.raises(BucketNotFoundException, match="no such bucket"):
            await store.write(new_blob(), body_of(bytes(20 * 1024 * 1024)))
        with pytest.raises(BucketNotFoundException, match="no such bucket"):
            await store.info(FileId(Backend.S3, "not-there", "missing.txt"))


@pytest.mark.parametrize("s3_server", ["seaweedfs"], indirect=True)
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"secret_access_key": "wrong"}, "the secret key is wrong"),
        ({"access_key_id": "unknown"}, "the access key is not known"),
    ],
)
async def test_wrong_keys_are_told_apart_and_not_shown(
    s3_server: S3Server, settings: dict[str, str], words: str
) -> None:
    async with S3Session(s3_server.config(**settings)) as connection:
        store = S3BlobStore(connection)
        file_id = FileId(Backend.S3, DEFAULT_BUCKET, "a.txt")
        for operation in (
            lambda: store.write(new_blob(), body_of(b"x")),
            lambda: store.write(new_blob(), body_of(bytes(20 * 1024 * 1024))),
            lambda: read_all(store, file_id),
            lambda: store.info(file_id),
            lambda: store.delete(file_id),
        ):
            with pytest.raises(AccessDeniedException, match=words) as refused:
                await operation()
            assert not refused.value.retryable
            assert s3_server.secret_key not in str(refused.value)
