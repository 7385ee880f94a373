"""Several trackers, all versions of their replies, and addresses that lead nowhere from here."""

import asyncio
import random
import socket
import time
from typing import Literal

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.mount import open_backend
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.errors import FileNotFoundException, StorageOperationException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.fastdfs import AnswerStatus, Command, FakeCluster, StallAfter, Status
from tests.support.fastdfs.black_hole import black_hole

_TIMEOUT = 0.3


def _store(trackers: list[str], **settings: object) -> FastdfsBlobStore:
    config = FastdfsConfig(tracker_servers=trackers, connect_timeout=_TIMEOUT, network_timeout=_TIMEOUT)
    return FastdfsBlobStore(config.model_copy(update=settings))


async def test_any_tracker_that_answers_will_do() -> None:
    async with FakeCluster(trackers=3) as cluster:
        await cluster.trackers[0].stop()
        await cluster.trackers[2].stop()
        async with _store(cluster.tracker_addresses) as store:
            for _ in range(5):
                await store.check()
                written = await store.write(new_blob(), body_of(b"kept"))
                assert await read_all(store, written.file_id) == b"kept"


@pytest.mark.parametrize("failing", [0, 1])
async def test_a_tracker_that_fails_later_is_replaced_and_comes_back(failing: int) -> None:
    async with FakeCluster(trackers=2) as cluster, _store(cluster.tracker_addresses) as store:
        await store.check()
        await cluster.trackers[failing].stop()
        await store.check()
        await cluster.trackers[failing].start()
        await cluster.trackers[1 - failing].stop()
        await store.check()


async def test_a_tracker_that_is_down_is_not_asked_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "shuffle", lambda _: None)  # the dead one first
    with black_hole() as dead:
        async with FakeCluster() as cluster, _store([dead, cluster.tracker_address]) as store:
            await store.check()
            began = time.monotonic()
            for _ in range(20):
                await store.check()
            assert time.monotonic() - began < _TIMEOUT


async def test_a_tracker_that_has_just_started_and_knows_nobody_is_not_believed() -> None:
    async with FakeCluster(trackers=2) as cluster, _store(cluster.tracker_addresses) as store:
        for tracker in cluster.trackers:
            tracker.misbehave(AnswerStatus(Status.MISSING), command=Command.STORE_ANYWHERE)
            await store.write(new_blob(), body_of(b"stored all the same"))
            tracker.behave()


async def test_without_any_tracker_the_error_names_them_all() -> None:
    async with FakeCluster(trackers=2) as cluster:
        addresses = cluster.tracker_addresses
        for tracker in cluster.trackers:
            await tracker.stop()
        async with _store(addresses) as store:
            with pytest.raises(StorageUnavailableException) as unavailable:
                await store.check()
    assert all(address in str(unavailable.value) for address in addresses)
    assert unavailable.value.retryable
    assert (unavailable.value.operation, unavailable.value.backend) == ("health check", "fastdfs")


async def test_a_backend_opens_while_the_cluster_is_down_and_says_so() -> None:
    async with FakeCluster() as cluster:
        await cluster.trackers[0].stop()
        config = FastdfsConfig(tracker_servers=cluster.tracker_addresses)
        async with open_backend(config) as backend:
            with pytest.raises(StorageUnavailableException):
                await backend.health.check()
            await cluster.trackers[0].start()
            await backend.health.check()


@pytest.mark.parametrize("address_size", [15, 45])
async def test_addresses_of_both_sizes_are_read(address_size: Literal[15, 45]) -> None:
    async with FakeCluster(address_size=address_size) as cluster, _store(cluster.tracker_addresses) as store:
        written = await store.write(new_blob(), body_of(b"found"))
        assert await read_all(store, written.file_id) == b"found"
        assert (await store.info(written.file_id)).size == 5


async def test_a_storage_is_reached_at_the_address_it_is_mapped_to() -> None:
    async with FakeCluster({"group1": 1}) as real, FakeCluster({"group1": 2}) as other:
        # The trackers of `real` name its storage, at whose address we pretend to reach nobody: the bytes go elsewhere.
        [named], target = real.storages, other.storages[1]
        for mapping in ({named.address: target.address}, {named.address: f"{target.host}:{target.port}"}):
            async with _store(real.tracker_addresses, address_map=mapping) as store:
                written = await store.write(new_blob(), body_of(b"there"))
                assert await read_all(store, written.file_id) == b"there"
        assert not named.files
        assert len(target.files) == 2


async def test_new_files_go_to_the_group_that_is_set() -> None:
    async with FakeCluster() as cluster:
        for group in ("group1", "group2", "group2"):
            async with _store(cluster.tracker_addresses, group_name=group) as store:
                written = await store.write(new_blob(), body_of(b"grouped"))
                assert written.file_id.bucket == group


async def test_new_files_go_to_the_store_path_that_is_set() -> None:
    async with FakeCluster() as cluster, _store(cluster.tracker_addresses, store_path_index=7) as store:
        # The servers have one path only, so that the number shows in their refusal.
        with pytest.raises(StorageOperationException, match="status 22"):
            await store.write(new_blob(), body_of(b"nowhere"))


async def test_a_group_without_storage_is_unavailable_and_not_empty(fake_fastdfs: FakeCluster) -> None:
    async with _store(fake_fastdfs.tracker_addresses) as store:
        missing = FileId.parse("group9/M00/00/00/fwAAAmsCvSWAZvKkAAAABTYQpoY966.txt")
        for operation in (store.info, store.delete):
            with pytest.raises(StorageUnavailableException, match="or there is no such group"):
                await operation(missing)


@pytest.mark.parametrize("name", ["x.txt", "M00/00/00/short.txt", "M00/00/00/" + "a" * 30, "M7F/00/00/" + "A" * 34])
async def test_what_no_server_would_name_a_file_is_not_found(fake_fastdfs: FakeCluster, name: str) -> None:
    async with _store(fake_fastdfs.tracker_addresses) as store:
        file_id = FileId.parse(f"group1/{name}")
        with pytest.raises(FileNotFoundException):
            await store.info(file_id)
        with pytest.raises(FileNotFoundException):
            await read_all(store, file_id)
        with pytest.raises(FileNotFoundException):
            await store.delete(file_id)


async def test_a_full_cluster_says_so(fake_fastdfs: FakeCluster) -> None:
    fake_fastdfs.trackers[0].misbehave(AnswerStatus(Status.FULL), times=None)
    async with _store(fake_fastdfs.tracker_addresses) as store:
        with pytest.raises(StorageOperationException, match="no space left") as full:
            await store.write(new_blob(), body_of(b"x"))
    assert not full.value.retryable


async def test_a_storage_that_does_not_accept_is_avoided() -> None:
    async with FakeCluster({"group1": 2}) as cluster, _store(cluster.tracker_addresses) as store:
        await cluster.storages[0].stop(noticed=False)
        for _ in range(4):
            written = await store.write(new_blob(), body_of(b"elsewhere"))
            assert await read_all(store, written.file_id) == b"elsewhere"


async def test_a_tracker_that_stalls_costs_one_timeout() -> None:
    async with FakeCluster(trackers=2) as cluster, _store(cluster.tracker_addresses) as store:
        cluster.trackers[0].misbehave(StallAfter(), times=None)
        for _ in range(10):
            began = time.monotonic()
            await store.check()
            assert time.monotonic() - began < 3 * _TIMEOUT


async def test_a_tracker_may_have_an_ipv6_address_or_a_name(fake_fastdfs: FakeCluster) -> None:
    tracker = fake_fastdfs.trackers[0]

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(tracker.host, tracker.port)
        await asyncio.gather(_pass_on(reader, here), _pass_on(there, writer))

    try:
        server = await asyncio.start_server(relay, ["::1", "127.0.0.1"])
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    ports = {sock.family: sock.getsockname()[1] for sock in server.sockets}
    async with server:
        for address in (f"[::1]:{ports[socket.AF_INET6]}", f"localhost:{ports[socket.AF_INET]}"):
            async with _store([address]) as store:
                await store.check()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


@pytest.mark.parametrize("tracker", ["a..b:22122", f"{'x' * 70}.example:22122", "name.invalid:22122"])
async def test_a_host_that_does_not_exist_is_out_of_reach(tracker: str) -> None:
    async with _store([tracker], connect_timeout=5) as store:
        with pytest.raises(StorageUnavailableException, match="no connection"):
            await store.check()
