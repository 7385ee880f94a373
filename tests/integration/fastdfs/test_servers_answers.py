"""What a server keeps and answers beyond what our own files need; on the FastDFS of this test run."""

from collections.abc import AsyncIterator

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.dialing import Dialer
from s3py_helper.adapters.fastdfs.protocol.faults import Peer, Role, ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.pool import ConnectionPool
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.observing import LoggingObserver
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException, InvalidRangeException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.fastdfs.protocol import Command, numbers
from tests.support.fastdfs.raw import raw_connection
from tests.support.fastdfs.samples import CONTENT, GROUP, Sample, sample_on, upload
from tests.support.fastdfs.site import FastdfsSite


@pytest.fixture
async def sample(fastdfs_site: FastdfsSite) -> AsyncIterator[Sample]:
    async with sample_on(fastdfs_site.trackers[0]) as sample:
        yield sample


@pytest.fixture
async def store(fastdfs_site: FastdfsSite) -> AsyncIterator[FastdfsBlobStore]:
    async with FastdfsBlobStore(FastdfsConfig(tracker_servers=list(fastdfs_site.trackers))) as store:
        yield store


def _id(name: bytes) -> FileId:
    return FileId.parse(f"group1/{name.decode()}")


async def test_a_file_without_metadata_has_neither_name_nor_type(store: FastdfsBlobStore, sample: Sample) -> None:
    info = await store.info(_id(sample.normal))
    assert (info.size, info.file_name, info.content_type, dict(info.metadata)) == (len(CONTENT), None, None, {})
    for _ in range(4):
        assert await read_all(store, _id(sample.normal)) == CONTENT
        assert await read_all(store, _id(sample.normal), ByteRange(6, None)) == CONTENT[6:]
    with pytest.raises(InvalidRangeException):
        await read_all(store, _id(sample.normal), ByteRange(100, None))


async def test_an_empty_file_without_metadata_opens(store: FastdfsBlobStore, sample: Sample) -> None:
    name = await upload(sample.storage, b"")
    assert await read_all(store, _id(name)) == b""
    assert (await store.info(_id(name))).size == 0
    await store.delete(_id(name))


async def test_a_file_that_can_grow_has_the_size_it_has_now(store: FastdfsBlobStore, sample: Sample) -> None:
    file_id = _id(sample.appender)
    assert (await store.info(file_id)).size == len(CONTENT)
    assert await read_all(store, file_id) == CONTENT
    async with raw_connection(sample.storage) as connection:
        more = numbers(len(sample.appender), 5) + sample.appender + b", too"
        await connection.ask(Command.APPEND, more)
    info = await store.info(file_id)
    assert (info.size, info.etag, info.checksum) == (len(CONTENT) + 5, None, None)
    assert await read_all(store, file_id) == CONTENT + b", too"
    assert await read_all(store, file_id, ByteRange(None, 3)) == b"too"


async def test_a_missing_file_is_not_found_however_it_is_asked_for(store: FastdfsBlobStore, sample: Sample) -> None:
    for name in (sample.missing, sample.missing_appender):
        for asked in (None, ByteRange(0, 0), ByteRange(10**9, None)):
            with pytest.raises(FileNotFoundException):
                await read_all(store, _id(name), asked)
        with pytest.raises(FileNotFoundException):
            await store.info(_id(name))
        with pytest.raises(FileNotFoundException):
            await store.delete(_id(name))


async def test_metadata_of_other_clients_are_read_as_far_as_they_make_sense(
    store: FastdfsBlobStore, sample: Sample
) -> None:
    stored = b"\x01".join([b"OriginFileExtName\x02txt", b"OriginFileName\x02old.txt", b"author\x02Ada", b"bad\x02\xff"])
    body = numbers(len(sample.normal), len(stored)) + b"O" + GROUP + sample.normal + stored
    async with raw_connection(sample.storage) as connection:
        await connection.ask(Command.SET_METADATA, body)
    info = await store.info(_id(sample.normal))
    assert info.file_name == "old.txt"
    assert info.content_type == "text/plain"
    assert dict(info.metadata) == {"author": "Ada", "bad": "\N{REPLACEMENT CHARACTER}"}


@pytest.mark.parametrize(
    "metadata",
    [
        {"n" * 64: "v" * 256, "ключ" * 8: "знач" * 32, "empty": "", "last": ""},
        {f"{number:04}": "v" * 246 for number in range(1035)},
    ],
    ids=["longest", "most"],
)
async def test_metadata_up_to_the_limits_come_back_as_they_were(
    store: FastdfsBlobStore, metadata: dict[str, str]
) -> None:
    written = await store.write(new_blob("я" * 127 + "x", metadata=metadata), body_of(b"x"))
    for _ in range(4):
        async with store.open(written.file_id) as blob:
            assert dict(blob.info.metadata) == metadata
            assert blob.info.file_name == "я" * 127 + "x"
    await store.delete(written.file_id)


async def test_an_upload_that_the_server_refuses_in_mid_body_says_why(sample: Sample) -> None:
    peer = Peer(Role.STORAGE, Address.parse(sample.storage))
    pool = ConnectionPool(
        peer, LoggingObserver(), Dialer(), size=1, pool_timeout=1, connect_timeout=3, network_timeout=3
    )
    for _ in range(20):
        async with await pool.get_connection() as connection:
            await StorageClient(connection, "group1").begin_upload(0, 8_000_000, "a b")
            with pytest.raises(ServerRefusal, match="status 22"):  # noqa: PT012 - whether sending or reading tells it
                for _ in range(8):
                    await connection.send(bytes(1_000_000))
                await connection.begin_reply()
    async with await pool.get_connection() as connection:
        assert (await StorageClient(connection, "group1").stat(sample.normal.decode())).size == len(CONTENT)
    pool.close()
