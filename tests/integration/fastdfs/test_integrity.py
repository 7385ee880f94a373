"""Wrong bytes are noticed: on their way in, on their way out, and at rest."""

from collections.abc import AsyncIterator

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import IntegrityException
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.fastdfs import Command, CorruptBody, FakeCluster

_CONTENT = bytes(range(256)) * 4096


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster({"group1": 1}) as cluster:
        yield cluster


@pytest.fixture
async def store(cluster: FakeCluster) -> AsyncIterator[FastdfsBlobStore]:
    async with FastdfsBlobStore(_config(cluster)) as store:
        yield store


def _config(cluster: FakeCluster, *, verify: bool = True) -> FastdfsConfig:
    return FastdfsConfig(tracker_servers=cluster.tracker_addresses, verify_checksum=verify)


@pytest.mark.parametrize("at", [0, 500_000, len(_CONTENT) - 1])
async def test_a_byte_that_changes_on_the_way_out_is_noticed_before_the_last_chunk(
    cluster: FakeCluster, store: FastdfsBlobStore, at: int
) -> None:
    written = await store.write(new_blob(), body_of(_CONTENT))
    cluster.storages[0].misbehave(CorruptBody(at), command=Command.DOWNLOAD)
    received = 0
    async with store.open(written.file_id) as blob:
        with pytest.raises(IntegrityException, match="CRC-32") as wrong:  # noqa: PT012 - the body counts
            async for chunk in blob.body:
                received += len(chunk)
    assert received < len(_CONTENT)
    assert wrong.value.file_id == str(written.file_id)
    assert await read_all(store, written.file_id) == _CONTENT


async def test_a_byte_of_a_small_file_that_changes_on_the_way_out_is_noticed(
    cluster: FakeCluster, store: FastdfsBlobStore
) -> None:
    written = await store.write(new_blob(), body_of(b"small"))
    cluster.storages[0].misbehave(CorruptBody(2), command=Command.DOWNLOAD)
    with pytest.raises(IntegrityException, match="CRC-32"):
        await read_all(store, written.file_id)
    assert await read_all(store, written.file_id) == b"small"


async def test_the_comparison_can_be_switched_off_and_leaves_ranges_alone(
    cluster: FakeCluster, store: FastdfsBlobStore
) -> None:
    written = await store.write(new_blob(), body_of(_CONTENT))
    cluster.storages[0].misbehave(CorruptBody(), command=Command.DOWNLOAD, times=None)
    assert len(await read_all(store, written.file_id, ByteRange(0, 99))) == 100
    async with FastdfsBlobStore(_config(cluster, verify=False)) as trusting:
        assert len(await read_all(trusting, written.file_id)) == len(_CONTENT)


@pytest.mark.parametrize("change", [-1, 1, -len(_CONTENT)], ids=["shorter", "longer", "empty"])
async def test_a_file_of_another_size_than_its_id_says_is_refused(
    cluster: FakeCluster, store: FastdfsBlobStore, change: int
) -> None:
    written = await store.write(new_blob(), body_of(_CONTENT))
    cluster.storages[0].files[written.file_id.key.encode()].content.resize(len(_CONTENT) + change)
    with pytest.raises(IntegrityException, match=f"has {len(_CONTENT) + change} bytes from 0 on"):
        await read_all(store, written.file_id)


async def test_a_range_that_the_file_no_longer_has_is_refused(cluster: FakeCluster, store: FastdfsBlobStore) -> None:
    written = await store.write(new_blob(), body_of(_CONTENT))
    cluster.storages[0].files[written.file_id.key.encode()].content.resize(3)
    for asked in (ByteRange(100, 199), ByteRange(0, 9), ByteRange(None, 1)):
        with pytest.raises(IntegrityException):
            await read_all(store, written.file_id, asked)


@pytest.mark.parametrize("size", [None, len(_CONTENT)], ids=["size unknown", "size known"])
async def test_an_upload_that_the_server_stored_wrongly_is_refused_and_deleted(
    cluster: FakeCluster, store: FastdfsBlobStore, size: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = body_of(_CONTENT, size=size)
    # What was sent and what we believe to have sent differ: to us it is the same as a server that garbles.
    monkeypatch.setattr(type(body), "crc32", property(lambda _: 0xDEADBEEF))
    with pytest.raises(IntegrityException, match="deadbeef"):
        await store.write(new_blob(size=size), body)
    assert not cluster.file_ids


async def test_the_checksum_in_the_id_is_told(store: FastdfsBlobStore) -> None:
    written = await store.write(new_blob(), body_of(b"hello"))
    assert written.checksum == (await store.info(written.file_id)).checksum == Checksum.crc32(0x3610A686)
