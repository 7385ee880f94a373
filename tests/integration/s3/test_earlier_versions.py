"""Objects that s3py-helper 0.0.17 has stored, and what it finds in ours."""

from urllib.parse import quote

import pytest

from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import DEFAULT_BUCKET, S3Server


@pytest.mark.parametrize("name", ["report.pdf", "отчёт 1+2 100%.pdf", "a_b~.TXT"])
async def test_their_objects_have_their_original_names(
    s3_server: S3Server, s3_inspector: S3Inspector, name: str
) -> None:
    key = "docs/0123456789abcdef0123456789abcdef.pdf"
    metadata = {"--real-file-name--": quote(name, safe=""), "author": "john", "rate": "100%25"}
    await s3_inspector.put(key, b"old", Metadata=metadata)
    async with S3Session(s3_server.config()) as connection:
        store = S3BlobStore(connection)
        file_id = FileId.parse(f"s3:{DEFAULT_BUCKET}/{key}")
        info = await store.info(file_id)
        assert info.file_name == name
        assert info.metadata == {"author": "john", "rate": "100%25"}
        assert await read_all(store, file_id) == b"old"
    s3_inspector.sdk.delete_object(Bucket=DEFAULT_BUCKET, Key=key)


async def test_our_objects_carry_the_name_where_they_look_for_it(
    s3_server: S3Server, s3_inspector: S3Inspector
) -> None:
    async with S3Session(s3_server.config()) as connection:
        written = await S3BlobStore(connection).write(
            new_blob("отчёт.pdf", content_type="application/pdf", metadata={"author": "john"}), body_of(b"new")
        )
    head = await s3_inspector.head(written.file_id.key)
    assert head["Metadata"] == {"--real-file-name--": quote("отчёт.pdf", safe=""), "author": "john"}
    assert head["ContentType"] == "application/pdf"
