"""A store belongs to the event loop and the process that opened it: elsewhere a clear error, and never a hang."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.fastdfs.in_thread import ClusterInThread, cluster_in_thread

_ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def cluster() -> Iterator[ClusterInThread]:
    with cluster_in_thread() as cluster:
        yield cluster


@pytest.fixture
def store(cluster: ClusterInThread) -> FastdfsBlobStore:
    return FastdfsBlobStore(FastdfsConfig(tracker_servers=cluster.tracker_addresses))


async def test_closing_twice_and_opening_again(store: FastdfsBlobStore) -> None:
    for _ in range(2):
        async with store:
            written = await store.write(new_blob(), body_of(b"again"))
            assert await read_all(store, written.file_id) == b"again"
        await store.__aexit__(None, None, None)
        with pytest.raises(StorageOperationException, match="not open"):
            await store.info(written.file_id)
        with pytest.raises(StorageOperationException, match="not open"):
            await store.check()


async def test_opening_twice_is_an_error_and_leaves_it_open(store: FastdfsBlobStore) -> None:
    async with store:
        with pytest.raises(StorageOperationException, match="open already"):
            await store.__aenter__()
        await store.check()


def test_another_event_loop_may_neither_use_nor_close_it(store: FastdfsBlobStore) -> None:
    with asyncio.Runner() as home, asyncio.Runner() as other:
        home.run(store.__aenter__())
        written = home.run(store.write(new_blob(), body_of(b"at home")))
        for operation in (store.info, store.delete, lambda file_id: read_all(store, file_id)):
            with pytest.raises(StorageOperationException, match="another event loop: open one in each"):
                other.run(operation(written.file_id))
        with pytest.raises(StorageOperationException, match="another event loop"):
            other.run(store.write(new_blob(), body_of(b"abroad")))
        with pytest.raises(StorageOperationException, match="another event loop: close it there"):
            other.run(store.__aexit__(None, None, None))
        assert home.run(read_all(store, written.file_id)) == b"at home"
        home.run(store.__aexit__(None, None, None))


def test_what_a_loop_left_open_can_be_closed_after_its_end(store: FastdfsBlobStore) -> None:
    before = _descriptors()

    async def use() -> None:
        await store.__aenter__()
        written = await store.write(new_blob(), body_of(bytes(900_000)))
        opened = store.open(written.file_id)
        await anext((await opened.__aenter__()).body)
        left.append(opened)

    left: list[object] = []
    asyncio.run(use())
    asyncio.run(store.__aexit__(None, None, None))
    deadline = time.monotonic() + 10
    while _descriptors() > before and time.monotonic() < deadline:  # the server's ends are of this process, too
        time.sleep(0.01)
    assert _descriptors() <= before
    asyncio.run(store.__aexit__(None, None, None))


def test_what_a_loop_left_open_can_be_opened_in_another(store: FastdfsBlobStore) -> None:
    async def open_and_write() -> None:
        await store.__aenter__()
        await store.write(new_blob(), body_of(b"x"))

    asyncio.run(open_and_write())
    asyncio.run(open_and_write())
    asyncio.run(store.__aexit__(None, None, None))


_FORKING = """
import asyncio, os, sys
from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.testing import body_of, new_blob, read_all

CONTENT = bytes(3_000_000)
store = FastdfsBlobStore(FastdfsConfig(tracker_servers=[sys.argv[1]]))

async def child(file_id):
    try:
        await store.info(file_id)
    except StorageOperationException as error:
        print("child:", error, flush=True)
    await store.__aexit__(None, None, None)
    async with store:
        assert await read_all(store, file_id) == CONTENT

async def parent():
    async with store:
        written = await store.write(new_blob(size=len(CONTENT)), body_of(CONTENT, size=len(CONTENT)))
        await asyncio.gather(*(store.info(written.file_id) for _ in range(5)))
        async with store.open(written.file_id) as blob:
            first = await anext(blob.body)
            process = os.fork()
            if not process:
                asyncio.run(child(written.file_id))
                os._exit(0)
            print("child ended with", os.waitpid(process, 0)[1])
            assert first + b"".join([chunk async for chunk in blob.body]) == CONTENT
        assert await read_all(store, written.file_id) == CONTENT
    print("parent done")

asyncio.run(parent())
"""


def test_a_forked_process_is_told_and_does_its_parent_no_harm(cluster: ClusterInThread) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _FORKING, cluster.tracker_addresses[0]],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "the store was opened before this process was forked: open one in each process" in done.stdout
    assert "child ended with 0" in done.stdout, done.stderr
    assert "parent done" in done.stdout


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
