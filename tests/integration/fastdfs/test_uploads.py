"""How files get to a server: known and unknown sizes, metadata, names, and nothing left of what failed."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.errors import (
    InvalidArgumentException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.fastdfs_name import FastdfsName
from s3py_helper.testing import StalledSource, body_of, breaking_after, leak_guard, new_blob, one_by_one, read_all
from tests.support.fastdfs import AnswerStatus, Command, Delay, FakeCluster, Status, TruncateAfter
from tests.support.fastdfs.in_thread import ClusterInThread, cluster_in_thread
from tests.support.fastdfs.storage import StorageServer

_MIB = 1024 * 1024
_LARGE = os.urandom(3 * _MIB + 17)
_OLD = (5, 12, 0)


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster({"group1": 1}) as cluster:
        yield cluster


@pytest.fixture
def storage(cluster: FakeCluster) -> StorageServer:
    return cluster.storages[0]


@pytest.fixture
async def store(cluster: FakeCluster) -> AsyncIterator[FastdfsBlobStore]:
    async with FastdfsBlobStore(_config(cluster)) as store:
        yield store


def _config(cluster: FakeCluster | ClusterInThread, **settings: object) -> FastdfsConfig:
    # One connection to each server: cleaning up must not need a second one.
    config = FastdfsConfig(
        tracker_servers=cluster.tracker_addresses, network_timeout=0.5, connection_pool_size=1, pool_timeout=0.5
    )
    return config.model_copy(update=settings)


def _pieces(content: bytes, size: int = 100_000) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


async def test_a_file_of_known_size_takes_one_upload_and_one_request_for_its_metadata(
    store: FastdfsBlobStore, storage: StorageServer
) -> None:
    await store.write(new_blob(size=len(_LARGE)), body_of(_pieces(_LARGE), size=len(_LARGE)))
    assert storage.statistics.commands == {Command.UPLOAD: 1, Command.SET_METADATA: 1}


async def test_a_file_of_unknown_size_ends_as_a_normal_one(store: FastdfsBlobStore, storage: StorageServer) -> None:
    written = await store.write(new_blob("video.mp4"), body_of(_pieces(_LARGE)))
    name = FastdfsName.decode(written.file_id.key)
    assert name is not None
    assert (name.size, name.appender) == (len(_LARGE), False)
    assert written.file_id.key.endswith(".mp4")
    assert storage.statistics.commands[Command.APPEND] == 3, "an append for each MiB or so"
    assert (await store.info(written.file_id)).file_name == "video.mp4"
    assert await read_all(store, written.file_id) == _LARGE


@pytest.mark.parametrize("size", [0, 1, 65_536, _MIB - 1])
async def test_a_small_file_of_unknown_size_goes_as_one_of_known_size(
    store: FastdfsBlobStore, storage: StorageServer, size: int
) -> None:
    await store.write(new_blob(), body_of(_pieces(bytes(size))))
    assert storage.statistics.commands == {Command.UPLOAD: 1, Command.SET_METADATA: 1}


async def test_whether_a_server_can_regenerate_is_asked_once(store: FastdfsBlobStore, storage: StorageServer) -> None:
    for _ in range(3):
        await store.write(new_blob(), body_of(_pieces(_LARGE)))
    assert storage.statistics.commands[Command.REGENERATE] == 1 + 3


async def test_an_old_server_gets_a_spooled_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with FakeCluster({"group1": 1}, version=_OLD) as cluster:
        for memory in (0, 100_000, 16 * _MIB):
            async with FastdfsBlobStore(_config(cluster, spool_memory=memory)) as store:
                for _ in range(2):
                    written = await store.write(new_blob(), body_of(_pieces(_LARGE)))
                    assert await read_all(store, written.file_id) == _LARGE
        commands = cluster.storages[0].statistics.commands
    assert Command.APPEND not in commands
    assert commands[Command.REGENERATE] == 3, "each store asks once"
    assert not list(tmp_path.iterdir())


async def test_a_spool_that_cannot_be_written_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeCluster({"group1": 1}, version=_OLD) as cluster:
        monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
        async with FastdfsBlobStore(_config(cluster, spool_memory=1000)) as store:
            with pytest.raises(StorageOperationException, match="temporary file"):
                await store.write(new_blob(), body_of(_pieces(_LARGE)))
        assert not cluster.file_ids


@pytest.mark.parametrize(
    ("file_name", "extension"),
    [
        ("report.pdf", ".pdf"),
        ("IMAGE.JPEG", ".JPEG"),
        ("archive.tar.gz", ".gz"),
        ("a.jpeg2000", ""),
        ("noextension", ""),
        (".bashrc", ""),
        ("dot.", ""),
        ("имя.док", ""),
        ("a.b c", ""),
        ("x.7z_-", ".7z_-"),
    ],
)
async def test_the_id_has_the_extension_that_the_server_takes(
    store: FastdfsBlobStore, file_name: str, extension: str
) -> None:
    written = await store.write(new_blob(file_name), body_of(b"x"))
    last = written.file_id.key.rpartition("/")[2]
    assert last.endswith(extension) if extension else "." not in last
    assert (await store.info(written.file_id)).file_name == file_name


async def test_a_type_that_the_name_does_not_tell_is_kept(store: FastdfsBlobStore) -> None:
    for name, content_type in (("data.bin", "application/x-custom"), ("page.html", "text/html"), ("x", "image/png")):
        written = await store.write(new_blob(name, content_type=content_type), body_of(b"x"))
        info = await store.info(written.file_id)
        assert info.content_type == written.content_type == content_type
        assert info.metadata == {}


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"n" * 65: "v"}, "has 65 bytes of UTF-8, FastDFS keeps 1 to 64"),
        ({"ё" * 33: "v"}, "has 66 bytes"),
        ({"n": "v" * 257}, "has 257 bytes of UTF-8, FastDFS keeps 256"),
        ({"n": "a\x01b"}, "U\\+0001 or U\\+0002"),
        ({"a\x02b": "v"}, "U\\+0001 or U\\+0002"),
        ({"": "v"}, "0 bytes"),
        ({"OriginFileName": "other.txt"}, "'OriginFileName' is taken"),
        ({"ContentType": "text/plain"}, "'ContentType' is taken"),
        ({f"name {number}": "v" * 250 for number in range(1100)}, "FastDFS keeps 261888"),
    ],
)
async def test_metadata_that_the_server_would_garble_are_refused_before_anything_is_sent(
    cluster: FakeCluster, store: FastdfsBlobStore, metadata: dict[str, str], problem: str
) -> None:
    body = body_of(_LARGE)
    with pytest.raises(InvalidArgumentException, match=problem):
        await store.write(new_blob(metadata=metadata), body)
    assert body.received == 0
    assert not cluster.storages[0].statistics.commands
    assert not cluster.trackers[0].statistics.commands


@pytest.mark.parametrize("size", [None, len(_LARGE)], ids=["size unknown", "size known"])
async def test_a_file_whose_metadata_are_refused_does_not_stay(
    cluster: FakeCluster, store: FastdfsBlobStore, storage: StorageServer, size: int | None
) -> None:
    storage.misbehave(AnswerStatus(Status.FULL), command=Command.SET_METADATA)
    with pytest.raises(StorageOperationException, match="no space left"):
        await store.write(new_blob(size=size), body_of(_pieces(_LARGE), size=size))
    assert not cluster.file_ids


@pytest.mark.parametrize("command", [Command.SET_METADATA, Command.APPEND, Command.REGENERATE])
@pytest.mark.parametrize("failure", [TruncateAfter(), AnswerStatus(Status.FULL)], ids=repr)
async def test_a_step_that_fails_takes_back_those_before_it(
    cluster: FakeCluster, store: FastdfsBlobStore, storage: StorageServer, command: Command, failure: TruncateAfter
) -> None:
    await store.write(new_blob(), body_of(_pieces(_LARGE)))  # asks whether the server can regenerate
    before = cluster.file_ids
    storage.misbehave(failure, command=command)
    with pytest.raises(StorageException):
        await store.write(new_blob(), body_of(_pieces(_LARGE)))
    left = cluster.file_ids - before
    if command is Command.REGENERATE and isinstance(failure, TruncateAfter):
        assert len(left) == 1, "the new name was lost with the answer: nobody can know it"
    else:
        assert not left


async def test_an_answer_lost_after_the_last_byte_is_reported_as_such(
    store: FastdfsBlobStore, storage: StorageServer
) -> None:
    storage.misbehave(TruncateAfter(5), command=Command.UPLOAD)
    with pytest.raises(StorageUnavailableException, match="closed the connection"):
        await store.write(new_blob(size=3), body_of(b"abc", size=3))


@pytest.mark.parametrize(
    ("command", "size"),
    [
        (Command.UPLOAD, len(_LARGE)),
        (Command.SET_METADATA, len(_LARGE)),
        (Command.UPLOAD_APPENDER, None),
        (Command.APPEND, None),
        (Command.REGENERATE, None),
        (Command.SET_METADATA, None),
    ],
)
async def test_a_cancellation_while_the_server_answers_leaves_nothing(
    cluster: FakeCluster, store: FastdfsBlobStore, storage: StorageServer, command: Command, size: int | None
) -> None:
    await store.delete((await store.write(new_blob(), body_of(_pieces(_LARGE)))).file_id)
    seen = storage.statistics.commands[command]
    storage.misbehave(Delay(0.1), command=command)
    writing = asyncio.create_task(store.write(new_blob(size=size), body_of(_pieces(_LARGE), size=size)))
    async with asyncio.timeout(5):
        while storage.statistics.commands[command] == seen:
            await asyncio.sleep(0.005)
    for _ in range(2):
        writing.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert not cluster.file_ids
    written = await store.write(new_blob(), body_of(b"next"))
    assert await read_all(store, written.file_id) == b"next"


@pytest.mark.parametrize("version", [_OLD, (6, 16, 1)], ids=["spooled", "growing"])
async def test_a_source_that_breaks_leaves_no_task_and_no_file(version: tuple[int, int, int]) -> None:
    with cluster_in_thread(lambda: FakeCluster({"group1": 1}, version=version)) as cluster:
        async with FastdfsBlobStore(_config(cluster, spool_memory=1000)) as store, leak_guard():
            with pytest.raises(OSError, match="the disk is gone"):
                await store.write(new_blob(), body_of(breaking_after(_pieces(_LARGE), OSError("the disk is gone"))))
            source = StalledSource(_pieces(_LARGE))
            writing = asyncio.create_task(store.write(new_blob(), body_of(source)))
            await source.reached.wait()
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
        assert not await cluster.file_ids()


async def test_a_file_in_many_small_chunks_is_sent_in_large_ones(
    store: FastdfsBlobStore, storage: StorageServer
) -> None:
    content = os.urandom(300_000)
    written = await store.write(
        new_blob(size=len(content)), body_of(one_by_one(_pieces(content, 100)), size=len(content))
    )
    assert await read_all(store, written.file_id) == content
    assert storage.statistics.accepted == 1
