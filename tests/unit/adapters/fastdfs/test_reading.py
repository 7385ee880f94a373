"""What is asked for a description or a download, in which order, and what the answers make of it."""

import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from math import inf
from typing import Any, cast

import pytest

from s3py_helper.adapters.fastdfs.mount import open_backend
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.concurrency.deadlines import Limit
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.ports.observer import DownloadResumed
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.errors import (
    FileNotFoundException,
    IntegrityException,
    InvalidRangeException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, new_blob
from tests.support.fastdfs.protocol import Command
from tests.support.fastdfs.scripted_channel import reply
from tests.support.fastdfs.scripted_cluster import (
    OTHER,
    SOURCE,
    TRACKER,
    ScriptedCluster,
    appender,
    group,
    named,
    server,
    stat,
)

pytestmark = pytest.mark.timeout(30)

_HELLO = named(5, zlib.crc32(b"hello"))
_EMPTY = named(0, 0)
_GROWING = appender()
_DESCRIPTION = b"OriginFileName\x02report.pdf\x01lang\x02de"
_MISSING, _INVALID = reply(status=2), reply(status=22)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> ScriptedCluster:
    cluster = ScriptedCluster(monkeypatch)
    cluster.on(SOURCE, Command.GET_METADATA, reply(_DESCRIPTION))
    cluster.on(SOURCE, Command.DOWNLOAD, reply(b"hello"))
    cluster.on(SOURCE, Command.QUERY_INFO, stat(5))
    cluster.on(SOURCE, Command.DELETE, reply())
    return cluster


@pytest.fixture
async def store(cluster: ScriptedCluster) -> AsyncIterator[FastdfsBlobStore]:
    async with FastdfsBlobStore(cluster.config(), cluster.observer) as store:
        yield store
        cluster.require_nothing_left(store.session)


async def _read(store: FastdfsBlobStore, file_id: FileId, byte_range: ByteRange | None, *, described: bool) -> Any:
    opening = store.open if described else store.open_bytes
    async with opening(file_id, byte_range) as blob:
        return blob, b"".join([chunk async for chunk in blob.body])


@dataclass(frozen=True)
class Download:
    """`asked` are the requests to the storage server, `result` the bytes or the class of what is raised."""

    file_id: FileId
    asked: str
    result: bytes | type[StorageException] = b"hello"
    byte_range: ByteRange | None = None
    described: bool = True
    offset: int = 0
    size: int = 0


_DOWNLOADS = {
    "described": Download(_HELLO, "get_metadata download"),
    "bytes alone": Download(_HELLO, "download", described=False),
    "a range": Download(_HELLO, "get_metadata download", b"el", ByteRange(1, 2), offset=1, size=2),
    "a range to the end": Download(_HELLO, "download", b"llo", ByteRange(2, None), described=False, offset=2),
    "a range that begins behind the end": Download(_HELLO, "get_metadata", InvalidRangeException, ByteRange(5, None)),
    "the same of bytes alone": Download(
        _HELLO, "query_info", InvalidRangeException, ByteRange(5, None), described=False
    ),
    "an empty file": Download(_EMPTY, "get_metadata", b""),
    "the bytes of an empty file": Download(_EMPTY, "query_info", b"", described=False),
    "a file that can grow": Download(_GROWING, "get_metadata query_info download", size=5),
    "its bytes": Download(_GROWING, "query_info download", described=False, size=5),
    "its end": Download(_GROWING, "query_info download", b"lo", ByteRange(3, None), described=False, offset=3, size=2),
}


@pytest.mark.parametrize("what", _DOWNLOADS)
async def test_a_download_asks_for_no_more_than_it_needs(
    cluster: ScriptedCluster, store: FastdfsBlobStore, what: str
) -> None:
    case = _DOWNLOADS[what]
    end = case.offset + case.size if case.size else None
    cluster.on(SOURCE, Command.DOWNLOAD, reply(b"hello"[case.offset : end]))
    reading = _read(store, case.file_id, case.byte_range, described=case.described)
    if isinstance(case.result, bytes):
        blob, content = await reading
        assert content == case.result
        assert blob.span == Span(case.offset, case.offset + len(content))
        assert blob.info.file_name == ("report.pdf" if case.described else None)
        assert blob.info.metadata == ({"lang": "de"} if case.described else {})
    else:
        with pytest.raises(case.result) as raised:
            await reading
        assert (raised.value.file_id, raised.value.backend) == (str(case.file_id), Backend.FASTDFS)
    assert cluster.asked == ["update", *(f"{command}@{SOURCE}" for command in case.asked.split())]
    if "download" in case.asked:
        assert cluster.bodies[-1][:16] == case.offset.to_bytes(8) + case.size.to_bytes(8)
    cluster.require_nothing_left(store.session)
    assert cluster.observer.events == []


@pytest.mark.parametrize(
    ("file_id", "described", "missing"),
    [(_HELLO, True, "download"), (_HELLO, False, "download"), (_EMPTY, True, "query_info"),
     (_EMPTY, False, "query_info"), (_GROWING, True, "query_info"), (_GROWING, False, "query_info")],
)  # fmt: skip
async def test_a_file_that_is_gone_is_missing_whatever_its_name_tells(
    cluster: ScriptedCluster, store: FastdfsBlobStore, file_id: FileId, *, described: bool, missing: str
) -> None:
    for command in (Command.GET_METADATA, Command.DOWNLOAD, Command.QUERY_INFO):
        cluster.on(SOURCE, command, _MISSING)
    with pytest.raises(FileNotFoundException):
        await _read(store, file_id, None, described=described)
    assert cluster.asked[-1] == f"{missing}@{SOURCE}"
    with pytest.raises(FileNotFoundException):
        await _read(store, file_id, ByteRange(9, None), described=described)


@pytest.mark.parametrize(
    ("has", "byte_range", "result"),
    [
        (5, None, StorageException),
        (3, None, IntegrityException),
        (3, ByteRange(4, None), IntegrityException),
        (0, ByteRange(4, 4), IntegrityException),
    ],
)
async def test_a_server_that_takes_a_range_for_invalid_may_have_fewer_bytes(
    cluster: ScriptedCluster, has: int, byte_range: ByteRange | None, result: type[StorageException]
) -> None:
    cluster.on(SOURCE, Command.DOWNLOAD, _INVALID)
    cluster.on(SOURCE, Command.QUERY_INFO, stat(has))
    # A single connection: it is given back before the server is asked once more, which closes it.
    async with FastdfsBlobStore(cluster.config(connection_pool_size=1, pool_timeout=0.05)) as store:
        with pytest.raises(result) as raised:
            await _read(store, _HELLO, byte_range, described=False)
        cluster.require_nothing_left(store.session)
    assert isinstance(raised.value, IntegrityException) is (result is IntegrityException)
    if result is IntegrityException:
        start = 0 if byte_range is None else 4
        assert f"{_HELLO}: the server has {max(0, has - start)} bytes from {start} on" in str(raised.value)
        assert (raised.value.operation, raised.value.file_id) == ("download", str(_HELLO))
    assert cluster.asked == ["update", f"download@{SOURCE}", f"query_info@{SOURCE}"]


@pytest.mark.parametrize("status", [2, 13, 28])
async def test_other_refusals_are_what_they_are(cluster: ScriptedCluster, store: FastdfsBlobStore, status: int) -> None:
    cluster.on(SOURCE, Command.DOWNLOAD, reply(status=status))
    with pytest.raises(StorageException, match=f"status {status}"):
        await _read(store, _HELLO, None, described=True)
    assert cluster.asked[-1] == f"download@{SOURCE}"


@pytest.mark.parametrize(
    ("file_id", "answers", "asked", "size"),
    [
        (_HELLO, {}, "get_metadata", 5),
        (_HELLO, {Command.GET_METADATA: _MISSING}, "get_metadata query_info", 5),
        (_GROWING, {}, "get_metadata query_info", 5),
    ],
)
async def test_a_description_asks_the_server_for_what_the_name_does_not_tell(
    cluster: ScriptedCluster,
    store: FastdfsBlobStore,
    file_id: FileId,
    answers: dict[Command, bytes],
    asked: str,
    size: int,
) -> None:
    for command, answer in answers.items():
        cluster.on(SOURCE, command, answer)
    info = await store.info(file_id)
    assert (info.size, info.file_name) == (size, None if answers else "report.pdf")
    assert cluster.asked == ["update", *(f"{command}@{SOURCE}" for command in asked.split())]
    assert (info.etag is None) is (file_id is _GROWING)


async def test_what_was_deleted_here_is_missing_at_once(cluster: ScriptedCluster, store: FastdfsBlobStore) -> None:
    await store.delete(_HELLO)
    cluster.asked.clear()
    for name, operation in (
        ("info", store.info(_HELLO)),
        ("download", _read(store, _HELLO, None, described=True)),
    ):
        with pytest.raises(FileNotFoundException, match="the file has been deleted") as missing:
            await operation
        assert (missing.value.file_id, missing.value.backend) == (str(_HELLO), Backend.FASTDFS)
        assert missing.value.operation == name
    assert cluster.asked == []


@pytest.mark.parametrize(
    ("operation", "seconds"),
    [
        (lambda store: store.info(_HELLO), 15),
        (lambda store: store.delete(_HELLO), 15),
        (lambda store: store.check(), 15),
        (lambda store: _read(store, _HELLO, None, described=True), 45),
        (lambda store: _read(store, _HELLO, None, described=False), 45),
        (lambda store: store.write(new_blob(size=5), body_of(b"hello", size=5)), 45),
        (lambda store: store.commands.create_appender(new_blob(), b"hello"), 45),
        (lambda store: store.commands.metadata(_HELLO), 15),
        (lambda store: store.commands.set_metadata(_HELLO, {}, merge=False), 15),
    ],
)
async def test_a_transfer_may_wait_for_its_turn_and_a_short_operation_not_so_long(
    cluster: ScriptedCluster,
    store: FastdfsBlobStore,
    monkeypatch: pytest.MonkeyPatch,
    operation: Callable[[FastdfsBlobStore], Awaitable[object]],
    seconds: float,
) -> None:
    limits, limit = list[float](), store.session.limit

    def noted(seconds: float) -> Limit:
        limits.append(seconds)
        return limit(seconds)

    monkeypatch.setattr(store.session, "limit", noted)
    cluster.on(SOURCE, Command.ACTIVE_TEST, reply())
    cluster.on(SOURCE, Command.UPLOAD, reply(group() + _HELLO.key.encode()))
    cluster.on(SOURCE, Command.UPLOAD_APPENDER, reply(group() + _GROWING.key.encode()))
    cluster.on(SOURCE, Command.SET_METADATA, reply())
    await operation(store)
    assert limits == [seconds]


async def test_a_download_of_one_chunk_needs_no_slot_of_those_who_stay(cluster: ScriptedCluster) -> None:
    large = named(300_000, 7)
    async with FastdfsBlobStore(cluster.config(connection_pool_size=2, pool_timeout=0.02)) as store:
        staying = await store.session.storage(Address(SOURCE, 23000)).get_connection(long=True)
        _, content = await _read(store, _HELLO, ByteRange(0, 99), described=False)
        assert content == b"hello"
        assert (await _read(store, _HELLO, None, described=True))[1] == b"hello"
        with pytest.raises(InvalidRangeException):
            await _read(store, _HELLO, ByteRange(9, None), described=True)
        chunk = bytes(256 * 1024)
        cluster.on(SOURCE, Command.DOWNLOAD, reply(chunk))
        for file_id, byte_range in ((named(len(chunk), zlib.crc32(chunk)), None), (large, ByteRange(0, 262_143))):
            assert (await _read(store, file_id, byte_range, described=False))[1] == chunk
        cluster.on(SOURCE, Command.DOWNLOAD, reply(b"hello"))
        assert (await _read(store, large, ByteRange(0, 4), described=False))[1] == b"hello"
        for file_id in (large, _GROWING):
            with pytest.raises(StorageUnavailableException, match="all 2 connections stayed in use"):
                await _read(store, file_id, None, described=False)
        staying.release()


async def test_a_deletion_that_fails_deletes_nothing(cluster: ScriptedCluster, store: FastdfsBlobStore) -> None:
    cluster.on(SOURCE, Command.DELETE, reply(status=16))
    with pytest.raises(StorageUnavailableException):
        await store.delete(_HELLO)
    assert (await store.info(_HELLO)).size == 5


class TestLargeFiles:
    """Files of several chunks, of which one is read from the connection at a time."""

    _CONTENT = bytes(range(256)) * 4
    _FILE = named(1024, zlib.crc32(_CONTENT))

    @pytest.fixture(autouse=True)
    def _small_chunks(self, monkeypatch: pytest.MonkeyPatch, cluster: ScriptedCluster) -> None:
        for module in ("download_body", "reader", "migration_source"):
            monkeypatch.setattr(f"s3py_helper.adapters.fastdfs.{module}.CHUNK_BYTES", 256)
        cluster.on(SOURCE, Command.DOWNLOAD, self._served)

    def _served(self, body: bytes) -> bytes:
        offset, size = int.from_bytes(body[:8]), int.from_bytes(body[8:16])
        return reply(self._CONTENT[offset : offset + size if size else None])

    async def test_chunks_come_one_by_one_and_the_connection_goes_back_with_the_last(
        self, store: FastdfsBlobStore
    ) -> None:
        async with store.open(self._FILE) as blob:
            chunks: list[bytes] = []
            async for chunk in blob.body:
                chunks.append(chunk)
                assert store.session.pool_use().in_use == (len(chunks) < 4)
        assert [len(chunk) for chunk in chunks] == [256] * 4
        assert b"".join(chunks) == self._CONTENT
        assert store.session.pool_use().in_use == 0

    @pytest.mark.parametrize("chunks", [0, 1, 3])
    async def test_a_reader_that_leaves_costs_its_connection_and_no_slot(
        self, cluster: ScriptedCluster, store: FastdfsBlobStore, chunks: int
    ) -> None:
        async with store.open(self._FILE) as blob:
            for _ in range(chunks):
                await anext(blob.body)
        assert store.session.pool_use().in_use == 0
        assert cluster.channels[-1].is_closed, "the rest of the file is still on its way"
        with pytest.raises(StorageOperationException, match="has been closed"):
            await anext(blob.body)

    @pytest.mark.parametrize("byte_range", [None, ByteRange(100, 899)], ids=str)
    async def test_one_that_is_asked_for_its_connection_goes_on_without(
        self, cluster: ScriptedCluster, store: FastdfsBlobStore, byte_range: ByteRange | None
    ) -> None:
        start, stop = (0, 1024) if byte_range is None else (100, 900)
        async with store.open(self._FILE, byte_range) as blob:
            connection: Any = blob.body._connection  # type: ignore[attr-defined]  # noqa: SLF001 - the pool's side of it
            assert connection.stands_still_since == 0, "from the beginning, by the channel's clock"
            receive, moving = connection.receive, list[float]()

            async def received(size: int) -> bytes:
                moving.append(connection.stands_still_since)
                return cast("bytes", await receive(size))

            connection.receive = received
            content = await anext(blob.body)
            assert (moving, connection.stands_still_since) == ([inf], 0), (
                "one that waits for its server stands not still"
            )
            connection.on_demand()
            assert store.session.pool_use().in_use == 0
            cluster.asked.clear()
            async for chunk in blob.body:
                content += chunk
                assert store.session.pool_use().in_use == 0
        assert content == self._CONTENT[start:stop]
        rest = range(start + 256, stop, 256)
        assert cluster.asked == [f"download@{SOURCE}"] * len(rest)
        assert [(int.from_bytes(body[:8]), int.from_bytes(body[8:16])) for body in cluster.bodies[-len(rest) :]] == [
            (at, min(256, stop - at)) for at in rest
        ]
        assert cluster.observer.events == [
            DownloadResumed(Backend.FASTDFS, str(self._FILE), at, "others waited for its connection") for at in rest
        ]

    async def test_one_that_goes_on_elsewhere_believes_no_other_length(
        self, cluster: ScriptedCluster, store: FastdfsBlobStore
    ) -> None:
        async with store.open(self._FILE) as blob:
            connection: Any = blob.body._connection  # type: ignore[attr-defined]  # noqa: SLF001 - see above
            connection.on_demand()
            cluster.on(SOURCE, Command.DOWNLOAD, reply(bytes(255)))
            with pytest.raises(IntegrityException, match="the server has 255 bytes from 0 on, there should be 256"):
                await anext(blob.body)

    async def test_a_file_that_can_change_keeps_its_connection(self, cluster: ScriptedCluster) -> None:
        cluster.on(SOURCE, Command.QUERY_INFO, stat(1024))
        async with FastdfsBlobStore(cluster.config()) as store, store.open(_GROWING) as blob:
            await anext(blob.body)
            connection: Any = blob.body._connection  # type: ignore[attr-defined]  # noqa: SLF001 - see above
            connection.on_demand()
            assert store.session.pool_use().in_use == 1
            assert connection.stands_still_since > 0
            assert len(b"".join([chunk async for chunk in blob.body])) == 768

    @pytest.mark.parametrize("verify", [True, False])
    async def test_the_whole_is_compared_before_its_last_chunk_is_given(
        self, cluster: ScriptedCluster, verify: bool
    ) -> None:
        cluster.on(SOURCE, Command.DOWNLOAD, reply(bytes(1024)))
        async with FastdfsBlobStore(cluster.config(verify_checksum=verify)) as store, store.open(self._FILE) as blob:
            for _ in range(3):
                await anext(blob.body)
            if verify:
                with pytest.raises(IntegrityException, match="the bytes have the CRC-32"):
                    await anext(blob.body)
            else:
                assert len(await anext(blob.body)) == 256
            assert store.session.pool_use().in_use == 0

    @pytest.mark.parametrize("size", [256, 257])
    async def test_what_fits_one_chunk_holds_no_connection_while_it_is_read(
        self, store: FastdfsBlobStore, size: int
    ) -> None:
        async with store.open(self._FILE, ByteRange(0, size - 1)) as blob:
            assert store.session.pool_use().in_use == (size > 256)
            assert blob.span == Span(0, size)


@pytest.mark.parametrize("answer", [reply(command=7), ConnectionResetError(104, "reset")], ids=["garbled", "reset"])
async def test_a_replica_that_cannot_be_understood_is_no_reason_to_fail(
    cluster: ScriptedCluster, answer: bytes | OSError
) -> None:
    cluster.on(TRACKER, Command.FETCH_ONE, server(OTHER))
    cluster.on(OTHER, Command.DOWNLOAD, answer)
    async with FastdfsBlobStore(cluster.config(read_from="replicas"), cluster.observer) as store:
        assert (await _read(store, _HELLO, None, described=False))[1] == b"hello"
        cluster.require_nothing_left(store.session)
    assert cluster.asked == ["fetch_one", f"download@{OTHER}", "update", f"download@{SOURCE}"]


async def test_closing_ends_every_connection(cluster: ScriptedCluster) -> None:
    async with FastdfsBlobStore(cluster.config(), cluster.observer) as store:
        await _read(store, _HELLO, None, described=True)
        kept = list(cluster.channels)
        assert len(kept) == 2
        assert not any(channel.is_closed for channel in kept)
    assert all(channel.is_closed for channel in kept)
    assert store.session.pools == []


async def test_a_replica_that_has_not_all_of_it_is_no_reason_to_fail(cluster: ScriptedCluster) -> None:
    cluster.on(TRACKER, Command.FETCH_ONE, server(OTHER))
    cluster.on(OTHER, Command.DOWNLOAD, reply(b"hel"))
    async with FastdfsBlobStore(cluster.config(read_from="replicas"), cluster.observer) as store:
        _, content = await _read(store, _HELLO, None, described=False)
        assert content == b"hello"
        cluster.require_nothing_left(store.session)
    assert cluster.asked == ["fetch_one", f"download@{OTHER}", "update", f"download@{SOURCE}"]


@pytest.mark.parametrize("fresh", [True, False])
async def test_an_old_file_without_metadata_has_none_and_a_new_one_may_have_them_elsewhere(
    cluster: ScriptedCluster, fresh: bool
) -> None:
    made_at = int(time.time()) if fresh else 1_700_000_000
    file_id = named(5, zlib.crc32(b"hello"), made_at=made_at)
    cluster.on(TRACKER, Command.FETCH_ONE, server(OTHER))
    cluster.on(OTHER, Command.DOWNLOAD, reply(b"hello"))
    cluster.on(OTHER, Command.GET_METADATA, _MISSING)
    async with FastdfsBlobStore(cluster.config(read_from="replicas"), cluster.observer) as store:
        blob, _ = await _read(store, file_id, None, described=True)
    found: OpenBlob = blob
    assert found.info.file_name == ("report.pdf" if fresh else None)


async def test_a_mounted_backend_tells_its_use_and_its_observer(cluster: ScriptedCluster) -> None:
    cluster.on(TRACKER, Command.FETCH_ONE, server(OTHER))
    cluster.on(OTHER, Command.DOWNLOAD, reply(b"hel"))
    async with open_backend(cluster.config(read_from="replicas", connection_pool_size=3), cluster.observer) as backend:
        assert backend.bytes_only is not None
        assert backend.pool_use is not None
        async with backend.bytes_only.open_bytes(_HELLO) as blob:
            assert [chunk async for chunk in blob.body] == [b"hello"]
        assert (backend.pool_use().in_use, backend.pool_use().limit) == (0, 9)
    assert len(cluster.observer.events) == 1
