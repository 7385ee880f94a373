"""Slave files: their names carry the size and checksum of their master, whatever the length of their tails."""

from collections.abc import AsyncIterator

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.fastdfs.protocol import EXTENSION_FIELD, GROUP_FIELD, Command, numbers, text_field
from tests.support.fastdfs.raw import raw_connection
from tests.support.fastdfs.samples import GROUP, accepted, storage_for_upload, upload_body

_SLAVE = b"a slave's own bytes, more than its master has"

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def store(tracker: str) -> AsyncIterator[FastdfsBlobStore]:
    config = FastdfsConfig(tracker_servers=[tracker], group_name="group1")
    async with FastdfsBlobStore(config) as store:
        yield store


async def _slave_of(master: bytes, storage: str, prefix: str, extension: str) -> bytes:
    head = numbers(len(master), len(_SLAVE)) + text_field(prefix, 16) + text_field(extension, EXTENSION_FIELD)
    async with raw_connection(storage) as connection:
        reply = accepted(await connection.ask(Command.UPLOAD_SLAVE, head + master + _SLAVE))
    return reply.body[GROUP_FIELD:]


@pytest.mark.parametrize(
    ("extension", "prefix", "slave_extension"),
    [
        ("txt", "-big", ""),
        ("txt", "_200x200", "txt"),
        ("txt", "_s", "jpg"),
        ("txt", "-b", "j"),
        ("abcdef", "_s", "jpg"),
        ("abcdef", "-x", ""),
        ("abcdef", "_wide", "png"),
        ("", "_", "jpeg"),
        ("", "-small", ""),
        ("tar.gz", "_", "x"),
    ],
)
async def test_a_slave_is_described_and_read_as_it_is(
    store: FastdfsBlobStore, tracker: str, extension: str, prefix: str, slave_extension: str
) -> None:
    storage = await storage_for_upload(tracker)
    async with raw_connection(storage) as connection:
        body = upload_body(b"the master", extension=extension.encode())
        master = accepted(await connection.ask(Command.UPLOAD, body)).body[GROUP_FIELD:]
    slave = FileId.parse(f"group1/{(await _slave_of(master, storage, prefix, slave_extension)).decode()}")
    info = await store.info(slave)
    assert (info.size, info.checksum, info.etag) == (len(_SLAVE), None, None)
    assert await read_all(store, slave) == _SLAVE
    assert await read_all(store, slave, ByteRange(None, 5)) == _SLAVE[-5:]
    assert (await store.info(FileId.parse(f"group1/{master.decode()}"))).size == len(b"the master")
    async with raw_connection(storage) as connection:
        accepted(await connection.ask(Command.DELETE, GROUP + slave.key.encode()))
        accepted(await connection.ask(Command.DELETE, GROUP + master))


async def test_files_of_all_extensions_are_masters(store: FastdfsBlobStore) -> None:
    for name in ("a", "a.b", "a.txt", "a.jpeg", "a.abcdef", "a.7z", "a.-_-", "a.x_y-z"):
        written = await store.write(new_blob(name), body_of(b"content"))
        assert written.checksum is not None
        assert (await store.info(written.file_id)).etag == written.etag is not None
        await store.delete(written.file_id)
