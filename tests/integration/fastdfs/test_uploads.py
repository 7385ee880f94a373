"""How files get to a server: known and unknown sizes, metadata, names, and nothing left of what failed."""

import asyncio
import errno
import os
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.protocol.faults import Role
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.adapters.fastdfs.upload import spool
from s3py_helper.application.ports.observer import FallbackTaken, RollbackFailed
from s3py_helper.domain.errors import (
    InvalidArgumentException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.fastdfs_name import FastdfsName
from s3py_helper.testing import StalledSource, body_of, breaking_after, leak_guard, new_blob, one_by_one, read_all
from tests.support.fastdfs import (
    AnswerStatus,
    Command,
    Delay,
    FakeCluster,
    RejectUpload,
    StallAfter,
    Status,
    TruncateAfter,
)
from tests.support.fastdfs.in_thread import ClusterInThread, cluster_in_thread
from tests.support.fastdfs.storage import StorageServer
from tests.support.recorder import Recorder
from tests.support.waiting import until

_MIB = 1024 * 1024
_LARGE = os.urandom(3 * _MIB + 17)
_OLD = (5, 12, 0)

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    async with FakeCluster({"group1": 1}) as cluster:
        yield cluster


@pytest.fixture
def storage(cluster: FakeCluster) -> StorageServer:
    return cluster.storages[0]


@pytest.fixture
def observer() -> Recorder:
    return Recorder()


@pytest.fixture
async def store(cluster: FakeCluster, observer: Recorder) -> AsyncIterator[FastdfsBlobStore]:
    async with FastdfsBlobStore(_config(cluster), observer) as store:
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


@pytest.mark.parametrize("version", [_OLD, (6, 16, 1)], ids=str)
async def test_a_file_of_unknown_size_is_stored_as_one_of_known_size(version: tuple[int, int, int]) -> None:
    async with FakeCluster({"group1": 1}, version=version) as cluster, FastdfsBlobStore(_config(cluster)) as store:
        written = await store.write(new_blob("video.mp4"), body_of(_pieces(_LARGE)))
        name = FastdfsName.decode(written.file_id.key)
        assert name is not None
        assert (name.size, name.appender) == (len(_LARGE), False)
        assert written.file_id.key.endswith(".mp4")
        assert cluster.storages[0].statistics.commands == {Command.UPLOAD: 1, Command.SET_METADATA: 1}
        assert (await store.info(written.file_id)).file_name == "video.mp4"
        assert await read_all(store, written.file_id) == _LARGE


@pytest.mark.parametrize("size", [0, 1, 65_536, _MIB - 1, _MIB, _MIB + 1, 2 * _MIB])
async def test_sizes_around_what_waits_in_memory(store: FastdfsBlobStore, storage: StorageServer, size: int) -> None:
    written = await store.write(new_blob(), body_of(_pieces(bytes(size))))
    assert storage.statistics.commands == {Command.UPLOAD: 1, Command.SET_METADATA: 1}
    assert await read_all(store, written.file_id) == bytes(size)


async def test_a_spool_is_not_closed_under_a_thread_that_writes_to_it(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = threading.Event(), threading.Event()
    closed_meanwhile: list[bool] = []

    class Slow(tempfile.SpooledTemporaryFile[bytes]):
        def write(self, content: Any) -> int:
            began.set()
            go_on.wait(10)
            closed_meanwhile.append(self.closed)
            return super().write(content)

    slow = Slow()
    monkeypatch.setattr(spool, "tempfile", SimpleNamespace(TemporaryFile=lambda **_: slow))
    async with FastdfsBlobStore(_config(cluster, spool_memory=1000)) as store:
        writing = asyncio.create_task(store.write(new_blob(), body_of(_pieces(_LARGE))))
        await until(began.is_set)
        for _ in range(3):
            writing.cancel()
            await asyncio.sleep(0.01)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await writing
    assert closed_meanwhile == [False]
    assert slow.closed


async def test_a_spooled_upload_that_is_refused_leaves_no_task() -> None:
    with cluster_in_thread(lambda: FakeCluster({"group1": 1})) as cluster:
        await cluster.ask(
            lambda there: there.storages[0].misbehave(RejectUpload(100_000, Status.FULL), command=Command.UPLOAD)
        )
        async with FastdfsBlobStore(_config(cluster, spool_memory=1000)) as store, leak_guard():
            with pytest.raises(StorageOperationException, match="no space left"):
                await store.write(new_blob(), body_of(_pieces(bytes(20 * _MIB), _MIB)))


async def test_no_server_hears_of_an_upload_before_its_size_is_known(
    cluster: FakeCluster, store: FastdfsBlobStore
) -> None:
    source = StalledSource(_pieces(_LARGE))
    writing = asyncio.create_task(store.write(new_blob(), body_of(source)))
    await source.reached.wait()
    assert not cluster.trackers[0].statistics.commands
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing


@pytest.mark.parametrize("memory", [0, 100_000, len(_LARGE) - 1, len(_LARGE), 16 * _MIB])
async def test_what_does_not_fit_memory_waits_in_the_folder_that_is_set(
    cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int
) -> None:
    opened: list[object] = []

    def noted(*, dir: Path) -> IO[bytes]:  # noqa: A002 - the name is the standard library's
        opened.append(dir)
        return tempfile.TemporaryFile(dir=dir)

    monkeypatch.setattr(spool, "tempfile", SimpleNamespace(TemporaryFile=noted))
    config = _config(cluster, spool_memory=memory, spool_directory=tmp_path)
    async with FastdfsBlobStore(config) as store:
        written = await store.write(new_blob(), body_of(_pieces(_LARGE)))
        assert await read_all(store, written.file_id) == _LARGE
    assert opened == ([] if memory >= len(_LARGE) else [tmp_path])
    assert not list(tmp_path.iterdir())


async def test_a_spool_that_cannot_be_made_is_an_error_of_ours(cluster: FakeCluster) -> None:
    config = _config(cluster, spool_memory=1000, spool_directory=Path("/nonexistent"))
    async with FastdfsBlobStore(config) as store:
        with pytest.raises(StorageOperationException, match="temporary file"):
            await store.write(new_blob(), body_of(_pieces(_LARGE)))
    assert not cluster.file_ids


async def test_a_spool_that_is_full_is_an_error_of_ours_and_is_closed(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(tempfile.SpooledTemporaryFile[bytes]):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    full = Full()
    monkeypatch.setattr(spool, "tempfile", SimpleNamespace(TemporaryFile=lambda **_: full))
    async with FastdfsBlobStore(_config(cluster, spool_memory=1000)) as store:
        with pytest.raises(StorageOperationException, match="No space left on device"):
            await store.write(new_blob(), body_of(_pieces(_LARGE)))
    assert full.closed
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


@pytest.mark.parametrize("failure", [TruncateAfter(), StallAfter(), AnswerStatus(Status.FULL)], ids=repr)
@pytest.mark.parametrize("size", [None, len(_LARGE)], ids=["size unknown", "size known"])
async def test_a_file_whose_metadata_fail_is_rolled_back(
    cluster: FakeCluster, store: FastdfsBlobStore, storage: StorageServer, failure: TruncateAfter, size: int | None
) -> None:
    storage.misbehave(failure, command=Command.SET_METADATA)
    with pytest.raises(StorageException):
        await store.write(new_blob(size=size), body_of(_pieces(_LARGE), size=size))
    assert not cluster.file_ids


@pytest.mark.parametrize("failure", [TruncateAfter(5), StallAfter(), StallAfter(30)], ids=repr)
async def test_an_answer_lost_after_the_last_byte_is_reported_as_such(
    store: FastdfsBlobStore, storage: StorageServer, observer: Recorder, failure: TruncateAfter
) -> None:
    storage.misbehave(failure, command=Command.UPLOAD)
    with pytest.raises(StorageUnavailableException, match=r"closed the connection|sent no byte"):
        await store.write(new_blob(size=3), body_of(b"abc", size=3))
    [left] = observer.of(RollbackFailed)
    assert f"a file of 3 bytes that {storage.address} may have stored" in left.what


@pytest.mark.parametrize("size", [1, 65_536, 200_000, 3 * _MIB])
async def test_a_source_that_goes_on_after_the_declared_size_stores_nothing(
    cluster: FakeCluster, store: FastdfsBlobStore, size: int
) -> None:
    pieces = [*_pieces(bytes(size)), b"one piece more"]
    with pytest.raises(InvalidArgumentException, match="more bytes than"):
        await store.write(new_blob(size=size), body_of(pieces, size=size))
    assert not cluster.file_ids


@pytest.mark.parametrize("size", [1, 65_536, 200_000, 3 * _MIB])
async def test_a_source_that_fails_after_its_last_byte_stores_nothing(
    cluster: FakeCluster, store: FastdfsBlobStore, size: int
) -> None:
    for declared in (size, None):
        source = breaking_after(_pieces(bytes(size)), OSError("the disk is gone"))
        with pytest.raises(OSError, match="the disk is gone"):
            await store.write(new_blob(size=declared), body_of(source, size=declared))
        assert not cluster.file_ids


async def test_a_refused_upload_leaves_nothing_to_report(
    store: FastdfsBlobStore, storage: StorageServer, observer: Recorder
) -> None:
    storage.misbehave(AnswerStatus(Status.FULL), command=Command.UPLOAD)
    with pytest.raises(StorageOperationException, match="no space left"):
        await store.write(new_blob(size=3), body_of(b"abc", size=3))
    assert not observer.events


async def test_a_rollback_that_fails_is_reported_and_does_not_hide_the_first_error(
    cluster: FakeCluster, store: FastdfsBlobStore, storage: StorageServer, observer: Recorder
) -> None:
    storage.misbehave(AnswerStatus(Status.FULL), command=Command.SET_METADATA)
    storage.misbehave(AnswerStatus(Status.FULL), command=Command.DELETE)
    with pytest.raises(StorageOperationException, match=r"upload: .* has no space left"):
        await store.write(new_blob(), body_of(_pieces(_LARGE)))
    [left] = cluster.file_ids
    [report] = observer.of(RollbackFailed)
    assert (report.what, report.backend) == (f"the file {left}", "fastdfs")
    assert "has no space left" in report.reason


@pytest.mark.parametrize("command", [Command.UPLOAD, Command.SET_METADATA])
@pytest.mark.parametrize("size", [None, len(_LARGE)], ids=["size unknown", "size known"])
@pytest.mark.parametrize("times", [1, 2, 5])
async def test_a_cancellation_while_the_server_answers_leaves_nothing(
    cluster: FakeCluster,
    store: FastdfsBlobStore,
    storage: StorageServer,
    command: Command,
    size: int | None,
    times: int,
) -> None:
    storage.misbehave(Delay(0.1), command=command)
    writing = asyncio.create_task(store.write(new_blob(size=size), body_of(_pieces(_LARGE), size=size)))
    await until(lambda: storage.statistics.commands[command])
    for _ in range(times):
        writing.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await writing
    if times == 1:
        assert not cluster.file_ids, "one that is cancelled once has been cleaned up before it says so"
    await until(lambda: not cluster.file_ids)
    written = await store.write(new_blob(), body_of(b"next"))
    assert await read_all(store, written.file_id) == b"next"


@pytest.mark.parametrize("silent", list(Role), ids=str)
async def test_an_upload_to_a_silent_server_lets_a_cancelled_caller_go(
    cluster: FakeCluster, storage: StorageServer, silent: Role
) -> None:
    server = storage if silent is Role.STORAGE else cluster.trackers[0]
    server.misbehave(StallAfter(), times=None)
    observer = Recorder()
    store = FastdfsBlobStore(_config(cluster, network_timeout=120), observer)
    await store.__aenter__()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await store.write(new_blob(size=3), body_of(b"abc", size=3))
    assert time.monotonic() - began < 5
    await server.stop()  # else closing would wait for 10 s
    await store.__aexit__(None, None, None)
    assert len(observer.of(RollbackFailed)) == (silent is Role.STORAGE), "somebody is told what may be left"


async def test_closing_waits_for_what_is_cleaned_up(cluster: FakeCluster, storage: StorageServer) -> None:
    storage.misbehave(Delay(0.3), command=Command.UPLOAD)
    async with FastdfsBlobStore(_config(cluster)) as store:
        writing = asyncio.create_task(store.write(new_blob(size=3), body_of(b"abc", size=3)))
        await until(lambda: storage.statistics.commands[Command.UPLOAD])
        writing.cancel()
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    assert storage.statistics.commands[Command.DELETE] == 1
    assert not cluster.file_ids


async def test_a_source_that_breaks_leaves_no_task_and_no_file() -> None:
    with cluster_in_thread(lambda: FakeCluster({"group1": 1})) as cluster:
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


class TestWithoutAFolderForTemporaryFiles:
    @pytest.fixture(autouse=True)
    def nowhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def none_usable() -> str:
            raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

        monkeypatch.setattr(spool, "gettempdir", none_usable)

    async def test_a_file_of_unknown_size_grows_on_its_server(self, cluster: FakeCluster) -> None:
        recorder = Recorder()
        async with leak_guard(), FastdfsBlobStore(_config(cluster, spool_memory=1000), recorder) as store:
            for _ in range(2):
                blob = new_blob("größe.bin", metadata={"author": "Ada"})
                written = await store.write(blob, body_of(_pieces(_LARGE)))
                assert await read_all(store, written.file_id) == _LARGE
                info = await store.info(written.file_id)
                assert (info.size, info.file_name, dict(info.metadata)) == (len(_LARGE), "größe.bin", {"author": "Ada"})
                await store.delete(written.file_id)
        assert not cluster.file_ids
        [told] = recorder.of(FallbackTaken)
        assert "appender" in told.what

    @pytest.mark.parametrize("pieces", [2, 30])
    async def test_a_source_that_fails_leaves_nothing(self, cluster: FakeCluster, pieces: int) -> None:
        broke = ConnectionResetError("the client hung up")
        async with leak_guard(), FastdfsBlobStore(_config(cluster, spool_memory=1000)) as store:
            with pytest.raises(ConnectionResetError):
                await store.write(new_blob(), body_of(breaking_after([bytes(100_000)] * pieces, broke)))
        assert not cluster.file_ids

    async def test_a_cancelled_one_leaves_nothing(self, cluster: FakeCluster) -> None:
        async with FastdfsBlobStore(_config(cluster, spool_memory=1000)) as store:
            source = StalledSource([bytes(3 * _MIB)])
            writing = asyncio.create_task(store.write(new_blob(), body_of(source)))
            await source.reached.wait()
            assert cluster.file_ids
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
        assert not cluster.file_ids
