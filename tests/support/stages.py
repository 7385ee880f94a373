"""Backends with everything about them that a test may want to see: what they store, what they hold, how they behave."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.adapters.s3.http.client import HttpClient
from s3py_helper.storage import (
    FastdfsConfig,
    FilesystemConfig,
    S3PerfConfig,
    StorageManager,
    StorageMode,
    StorageModeConfig,
)
from tests.support.elsewhere import elsewhere
from tests.support.fastdfs import Drip, FakeCluster, GarbageHeader, Misbehaviour, StallAfter, Surplus, TruncateAfter
from tests.support.fastdfs.in_thread import ClusterInThread, cluster_in_thread
from tests.support.proxy import Act, Fault, FaultProxy, fault_proxy
from tests.support.recorder import Recorder
from tests.support.s3.certificate import Certificate
from tests.support.s3.pretend_s3 import PretendS3, pretend_s3

_MIB: Final = 1024 * 1024
_SLOTS: Final = 64

BEHAVIOURS: Final = ("silent", "slow", "garbage", "cut", "surplus")


@dataclass(frozen=True, slots=True)
class Stage:
    """Attributes:
    manager: Open, on the backend.
    content: Of a large file.
    stored: Names everything that the backend has, parts and temporary files too.
    observer: Gets the manager's events.
    in_use: Says what the kit holds that it should not: places of pools.
    behave: Lets the servers behave so from now on; as they should, for `None`.
    forget_connections: Closes those that are idle, so that the next use case has to dial.
    """

    manager: StorageManager
    content: bytes
    observer: Recorder
    stored: Callable[[], Awaitable[set[str]]]
    in_use: Callable[[], list[str]]
    behave: Callable[[str | None], Awaitable[None]]
    forget_connections: Callable[[], None] = lambda: None


def descriptors() -> int:
    """Open files and sockets of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@asynccontextmanager
async def in_memory() -> AsyncIterator[Stage]:
    recorder = Recorder()
    async with StorageManager.in_memory(observer=recorder) as manager:

        async def stored() -> set[str]:
            return {file.file_id async for file in manager.list_service.list_files()}

        yield Stage(manager, os.urandom(_MIB), recorder, stored, list, _always_well)


@asynccontextmanager
async def on_disk(folder: Path) -> AsyncIterator[Stage]:
    mode = StorageModeConfig(mode=StorageMode.FILESYSTEM)

    async def stored() -> set[str]:
        return {str(path) for path in folder.rglob("*") if path.is_file()}

    recorder = Recorder()
    async with StorageManager(mode, filesystem_config=FilesystemConfig(root=folder), observer=recorder) as manager:
        yield Stage(manager, os.urandom(_MIB), recorder, stored, list, _always_well)


@asynccontextmanager
async def on_s3(certificate: Certificate | None, *, hurried: bool) -> AsyncIterator[Stage]:
    """A pretended S3 behind a proxy that misbehaves on command, which speaks TLS with a certificate.

    Args:
        certificate: The proxy's.
        hurried: Whether timeouts are short, for tests that wait for them. A healthy server may need longer than that
            where other programs need the processor.
    """
    async with (
        elsewhere(pretend_s3()) as s3,
        fault_proxy(s3.server.endpoint, None if certificate is None else certificate.server_side()) as proxy,
    ):
        short = {"read_timeout": 0.5, "connect_timeout": 0.5, "operation_timeout": 2, "pool_timeout": 1}
        perf = S3PerfConfig(
            multipart_part_size=5 * _MIB,
            multipart_threshold=5 * _MIB,
            max_pool_connections=_SLOTS,
            max_retries=1,
            **(short if hurried else {}),
        )
        verify = True if certificate is None else certificate.path
        config = s3.server.config(endpoint=proxy.endpoint, perf=perf, verify_tls=verify)
        with _remembered(HttpClient) as clients:
            recorder = Recorder()
            mode = StorageModeConfig(mode=StorageMode.S3)
            async with StorageManager(mode, config, observer=recorder) as manager:
                yield _s3_stage(manager, recorder, s3, proxy, clients)


def _s3_stage(
    manager: StorageManager, recorder: Recorder, s3: PretendS3, proxy: FaultProxy, clients: list[HttpClient]
) -> Stage:
    async def stored() -> set[str]:
        return {*s3.objects, *(f"part of {path}" for path, *_ in list(s3.uploads.values()))}

    def in_use() -> list[str]:
        used = [(client.places_in_use, client.connections - client.idle_connections) for client in clients]
        return [f"{places} places, {connections} connections" for places, connections in used if places or connections]

    async def behave(how: str | None) -> None:
        proxy.forget_plans()
        if how is not None:
            proxy.plan(_S3_FAULTS[how], times=1_000_000)

    return Stage(manager, os.urandom(6 * _MIB), recorder, stored, in_use, behave)


_S3_FAULTS: Final = {
    "silent": Fault(Act.STALL),
    "slow": Fault(Act.DRIP, drip_bytes=32, drip_seconds=0.01),
    "garbage": Fault(Act.GARBAGE),
    "cut": Fault(Act.CUT, after=20),
    "surplus": Fault(Act.SURPLUS),
}


@asynccontextmanager
async def on_fastdfs(*, hurried: bool) -> AsyncIterator[Stage]:
    """The protocol-level FastDFS; for `hurried` see `on_s3`."""
    mode = StorageModeConfig(mode=StorageMode.FASTDFS)
    with cluster_in_thread(lambda: FakeCluster({"group1": 2})) as cluster, _remembered(FastdfsSession) as sessions:
        short = {"network_timeout": 1, "connect_timeout": 0.5, "operation_timeout": 2.5, "pool_timeout": 1}
        config = FastdfsConfig(
            tracker_servers=cluster.tracker_addresses, connection_pool_size=_SLOTS, **(short if hurried else {})
        )

        def in_use() -> list[str]:
            pools = [pool for session in sessions for pool in session.pools]
            return [f"{_SLOTS - pool.free_slots} slots" for pool in pools if pool.free_slots != _SLOTS]

        async def behave(how: str | None) -> None:
            await _misbehave(cluster, how)

        def forget_connections() -> None:
            for session in sessions:
                for pool in session.pools:
                    pool.drop_idle()

        recorder = Recorder()
        async with StorageManager(mode, fastdfs_config=config, observer=recorder) as manager:
            yield Stage(manager, os.urandom(2 * _MIB), recorder, cluster.file_ids, in_use, behave, forget_connections)


_FASTDFS_FAULTS: Final[dict[str, Misbehaviour]] = {
    "silent": StallAfter(),
    "slow": Drip(0.01),
    "garbage": GarbageHeader(),
    "cut": TruncateAfter(5),
    "surplus": Surplus(b"surplus"),
}


async def _misbehave(cluster: ClusterInThread, how: str | None) -> None:
    def tell(there: FakeCluster) -> None:
        for server in [*there.trackers, *there.storages]:
            server.behave()
            if how is not None:
                server.misbehave(_FASTDFS_FAULTS[how], times=None)

    await cluster.ask(tell)


async def _always_well(how: str | None) -> None:
    assert how is None


@contextmanager
def _remembered[Kind](kind: type[Kind]) -> Iterator[list[Kind]]:
    """Every one that is made in the block."""
    made: list[Kind] = []
    real: Callable[..., None] = kind.__init__

    def remembering(one: Kind, *arguments: Any, **named: Any) -> None:
        real(one, *arguments, **named)
        made.append(one)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "__init__", remembering)
        yield made
