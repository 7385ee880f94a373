"""Replies that no server should give, made by chance from those that it does give.

Whatever comes: no hang, no error but ours, no wrong bytes, no success without the bytes; and the next operation, over
what is left of the connections, is right.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.dialing import Dialer
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob, read_all
from s3py_helper.testing.bytes_alone import BytesAlone
from tests.support.fastdfs import Command, FakeCluster, Misbehaviour
from tests.support.fastdfs.exchange import Reply
from tests.support.fastdfs.wire import Wire
from tests.support.fuzzing import examples

_SMALL = os.urandom(3_000)
_LARGE = os.urandom(700_000)
_HEADER = struct.Struct("!QBB")
_NETWORK_TIMEOUT = 0.25
_SECONDS = 30

pytestmark = pytest.mark.timeout(240)

type Change = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Garble(Misbehaviour):
    """Do what is asked, and send the reply changed."""

    change: Change
    close: bool

    async def send(self, reply: Reply, wire: Wire) -> None:
        await wire.send(self.change(b"".join(reply.pieces())))
        if self.close:
            await wire.close()


def _with_header(length: int | None, command: int, status: int) -> Change:
    def change(reply: bytes) -> bytes:
        announced = len(reply) - _HEADER.size if length is None else length
        return _HEADER.pack(announced, command, status) + reply[_HEADER.size :]

    return change


def _replaced(at: int, piece: bytes) -> Change:
    def change(reply: bytes) -> bytes:
        start = at % (len(reply) + 1)
        return reply[:start] + piece + reply[start + len(piece) :]

    return change


def _with_body(body: bytes) -> Change:
    return lambda _: _HEADER.pack(len(body), Command.REPLY, 0) + body


def _inserted(at: int, piece: bytes) -> Change:
    return lambda reply: reply[: at % (len(reply) + 1)] + piece + reply[at % (len(reply) + 1) :]


_LENGTHS = st.none() | st.sampled_from([0, 1, 39, 40, 69, 70, 1 << 20, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
_POSITIONS = st.integers(0, 80) | st.integers(0, 1 << 20)
_PIECES = st.binary(min_size=1, max_size=24)

CHANGES = st.one_of(
    st.builds(lambda at: lambda reply: reply[: at % (len(reply) + 1)], _POSITIONS),
    st.builds(_with_header, _LENGTHS, st.sampled_from([100, 100, 100, 0, 72, 255]), st.integers(0, 255)),
    st.builds(_replaced, _POSITIONS, _PIECES),
    st.builds(_inserted, _POSITIONS, _PIECES),
    st.builds(_with_body, st.binary(max_size=120)),
    st.builds(_with_body, st.integers(0, 700).map(bytes)),
    st.just(lambda reply: reply + reply),
    st.builds(lambda surplus: lambda reply: reply + surplus, _PIECES),
    st.builds(lambda junk: lambda _: junk, st.binary(max_size=60)),
)


@dataclass(frozen=True, slots=True)
class Files:
    """What is stored before a reply goes wrong, and where."""

    cluster: FakeCluster
    small: FileId
    large: FileId
    appender: FileId


async def _write(store: FastdfsBlobStore, files: Files) -> None:
    written = await store.write(new_blob("name.txt", metadata={"a": "b"}), body_of(_SMALL))
    await _check_stored(files.cluster, written.file_id, _SMALL)


async def _write_large(store: FastdfsBlobStore, files: Files) -> None:
    written = await store.write(new_blob(size=len(_LARGE)), body_of(_LARGE, size=len(_LARGE)))
    await _check_stored(files.cluster, written.file_id, _LARGE)


async def _check_stored(cluster: FakeCluster, file_id: FileId, content: bytes) -> None:
    """What was said to be stored is there, as another store sees it when all servers behave."""
    _behave(cluster)
    async with FastdfsBlobStore(_config(cluster)) as other:
        assert await read_all(other, file_id) == content


async def _read(store: FastdfsBlobStore, files: Files) -> None:
    assert await read_all(store, files.small) == _SMALL


async def _read_bytes(store: FastdfsBlobStore, files: Files) -> None:
    assert await read_all(BytesAlone(store), files.large) == _LARGE


async def _read_part(store: FastdfsBlobStore, files: Files) -> None:
    part = await read_all(store, files.small, ByteRange(5, 1999))
    assert len(part) == 1995, "as many bytes as were asked for; nothing tells whether they are right"


async def _read_appender(store: FastdfsBlobStore, files: Files) -> None:
    await read_all(store, files.appender)


async def _info(store: FastdfsBlobStore, files: Files) -> None:
    assert (await store.info(files.small)).size == len(_SMALL)


async def _info_of_appender(store: FastdfsBlobStore, files: Files) -> None:
    assert (await store.info(files.appender)).size >= 0


async def _delete(store: FastdfsBlobStore, files: Files) -> None:
    await store.delete(files.small)


async def _check(store: FastdfsBlobStore, _: Files) -> None:
    await store.check()


async def _commands(store: FastdfsBlobStore, files: Files) -> None:
    await store.commands.append(files.appender, b"more")
    await store.commands.metadata(files.appender)
    await store.commands.crc32(files.appender)
    await store.commands.truncate(files.appender, 3)
    await store.commands.regenerate(files.appender)


OPERATIONS: list[Callable[[FastdfsBlobStore, Files], Awaitable[None]]] = [
    _write,
    _write_large,
    _read,
    _read_bytes,
    _read_part,
    _read_appender,
    _info,
    _info_of_appender,
    _delete,
    _check,
    _commands,
]


def _config(cluster: FakeCluster) -> FastdfsConfig:
    return FastdfsConfig(
        tracker_servers=cluster.tracker_addresses,
        connection_pool_size=1,
        pool_timeout=2,
        connect_timeout=_NETWORK_TIMEOUT,
        network_timeout=_NETWORK_TIMEOUT,
    )


def _behave(cluster: FakeCluster) -> None:
    for server in [*cluster.trackers, *cluster.storages]:
        server.behave()


@pytest.fixture
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A garbled address must not lead out of this machine."""
    connect = Dialer.connect

    async def guarded(self: Dialer, address: Address) -> socket.socket:
        if not address.host.startswith("127."):
            raise OSError(f"{address} is out of bounds")
        return await connect(self, address)

    monkeypatch.setattr(Dialer, "connect", guarded)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__.strip("_"))
@pytest.mark.usefixtures("loopback_only")
def test_a_garbled_reply_does_no_harm(operation: Callable[[FastdfsBlobStore, Files], Awaitable[None]]) -> None:
    @settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        changes=st.lists(CHANGES, min_size=1, max_size=3),
        skipped=st.integers(0, 3),
        close=st.booleans(),
        at_tracker=st.booleans(),
    )
    def check(changes: list[Change], skipped: int, close: bool, at_tracker: bool) -> None:
        asyncio.run(_garbled(operation, changes, skipped, close=close, at_tracker=at_tracker))

    check()


async def _garbled(
    operation: Callable[[FastdfsBlobStore, Files], Awaitable[None]],
    changes: list[Change],
    skipped: int,
    *,
    close: bool,
    at_tracker: bool,
) -> None:
    async with (
        asyncio.timeout(_SECONDS),
        FakeCluster({"group1": 1}) as cluster,
        FastdfsBlobStore(_config(cluster)) as store,
    ):
        files = Files(
            cluster,
            (await store.write(new_blob("small.txt"), body_of(_SMALL))).file_id,
            (await store.write(new_blob(size=len(_LARGE)), body_of(_LARGE, size=len(_LARGE)))).file_id,
            await store.commands.create_appender(new_blob(), _SMALL),
        )
        server = cluster.trackers[0] if at_tracker else cluster.storages[0]
        if skipped:
            server.misbehave(Misbehaviour(), times=skipped)
        for change in changes:
            server.misbehave(Garble(change, close))
        with contextlib.suppress(StorageException):
            await operation(store, files)
        _behave(cluster)
        assert all(pool.free_slots == 1 for pool in store.session.pools)
        assert await read_all(BytesAlone(store), files.large) == _LARGE
        assert (await store.info(files.large)).size == len(_LARGE)
        written = await store.write(new_blob("next.txt"), body_of(b"next"))
        assert (await store.info(written.file_id)).file_name == "next.txt"
