"""Every key that S3 allows reaches the server as it is."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, read_all
from tests.support.fuzzing import examples
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import S3Server

KEYS = [
    "plain.txt",
    "with space",
    "a+b",
    "a%20b",
    "100%",
    "a&b=c;d?e#f",
    "'quoted' \"twice\" (and) [so] {on}",
    "pipe|caret^tick`<less>",
    "~tilde-_.!*",
    "@:,$",
    "дом/файл.pdf",
    "合同/第七版.docx",
    "e\u0301 decomposed",
    "👩‍👩‍👧.jpg",
    "dots..in...names",
    "trailing.",
    "x" * 255,
    "/".join(["segment"] * 120),
    "é" * 100,
]
# SeaweedFS keeps objects as files in folders and cannot keep such keys; Amazon and moto take them as they are.
KEYS_THAT_ARE_NO_PATHS = ["folder/", "x" * 1024]


@pytest.fixture
async def store(s3_server: S3Server) -> AsyncIterator[S3BlobStore]:
    async with S3Session(s3_server.config()) as connection:
        yield S3BlobStore(connection)


async def assert_key_works(store: S3BlobStore, inspector: S3Inspector, key: str) -> None:
    content = key.encode()
    written = await store.write(NewBlob(key=key, file_name="f", size=len(content)), body_of(content))
    assert await inspector.keys(key) == [key]
    assert await read_all(store, FileId.parse(str(written.file_id))) == content
    assert (await store.info(written.file_id)).size == len(content)
    await store.delete(written.file_id)
    assert await inspector.keys(key) == []


@pytest.mark.parametrize("key", KEYS)
async def test_a_key_is_stored_read_described_and_deleted(
    store: S3BlobStore, s3_inspector: S3Inspector, key: str
) -> None:
    await assert_key_works(store, s3_inspector, key)


@pytest.mark.parametrize("s3_server", ["moto"], indirect=True)
@pytest.mark.parametrize("key", KEYS_THAT_ARE_NO_PATHS)
async def test_a_key_need_not_be_a_path(store: S3BlobStore, s3_inspector: S3Inspector, key: str) -> None:
    await assert_key_works(store, s3_inspector, key)


# No backslash: SeaweedFS takes it for a slash, so that no id has one.
_segments = st.text(
    st.one_of(
        st.sampled_from("ab .+%&=?#'\"~*()!$,:;@[]{}|^`<>"),
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\"),
    ),
    min_size=1,
    max_size=20,
).filter(lambda segment: segment.strip() == segment and segment not in {".", ".."} and "/" not in segment)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(segments=st.lists(_segments, min_size=1, max_size=3))
async def test_any_text_is_a_key(store: S3BlobStore, s3_inspector: S3Inspector, segments: list[str]) -> None:
    key = "any/" + "/".join(segments)
    content = key.encode()
    written = await store.write(NewBlob(key=key, file_name="f"), body_of(content))
    assert await s3_inspector.read(key) == content
    assert await read_all(store, written.file_id) == content
    await store.delete(written.file_id)
