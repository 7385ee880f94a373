"""An upload request by request, and what is left of one that fails at each of them: nothing but a report."""

import asyncio
import tempfile
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.adapters.fastdfs.upload import spool
from s3py_helper.application.ports.observer import FailedOver, FallbackTaken, RollbackFailed
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import (
    IntegrityException,
    InvalidArgumentException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, new_blob, one_by_one
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
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(30)

_LARGE = bytes(range(256)) * 1000
_RESET = ConnectionResetError(104, "reset")
_APPENDER = appender()


def _stored(content: bytes) -> bytes:
    return reply(group() + named(len(content), zlib.crc32(content)).key.encode())


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> ScriptedCluster:
    cluster = ScriptedCluster(monkeypatch)
    cluster.on(SOURCE, Command.UPLOAD, lambda body: _stored(body[15:]))
    cluster.on(SOURCE, Command.SET_METADATA, reply())
    cluster.on(SOURCE, Command.DELETE, reply())
    cluster.on(SOURCE, Command.UPLOAD_APPENDER, reply(group() + _APPENDER.key.encode()))
    cluster.on(SOURCE, Command.APPEND, reply())
    cluster.on(SOURCE, Command.QUERY_INFO, stat(len(_LARGE)))
    return cluster


@pytest.fixture
async def store(cluster: ScriptedCluster) -> AsyncIterator[FastdfsBlobStore]:
    async with FastdfsBlobStore(cluster.config(spool_memory=1000), cluster.observer) as store:
        yield store
        cluster.require_nothing_left(store.session)
        assert store.session.clean_up.outstanding == 0


def _without_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(spool, "gettempdir", none)


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 131_072, len(_LARGE)])
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
async def test_a_file_is_one_request_and_its_metadata_another(
    cluster: ScriptedCluster, store: FastdfsBlobStore, size: int, *, known: bool
) -> None:
    content = _LARGE[:size]
    chunks = one_by_one([content[at : at + 10_000] for at in range(0, size, 10_000)])
    info = await store.write(
        new_blob("a.txt", size=size if known else None), body_of(chunks, size=size if known else None)
    )
    assert cluster.asked == ["store_anywhere", f"upload@{SOURCE}", f"set_metadata@{SOURCE}"]
    assert cluster.bodies[1] == b"\0" + size.to_bytes(8) + b"txt\0\0\0" + content
    assert (info.size, info.file_id) == (size, named(size, zlib.crc32(content)))
    assert cluster.observer.events == []


async def test_what_was_stored_is_described_without_asking(store: FastdfsBlobStore) -> None:
    blob = new_blob("a.txt", content_type="text/x-own", metadata={"lang": "de"}, size=5)
    info = await store.write(blob, body_of(b"hello", size=5))
    file_id = named(5, zlib.crc32(b"hello"))
    assert info == BlobInfo(
        file_id=file_id,
        size=5,
        file_name="a.txt",
        last_modified=datetime.fromtimestamp(1_700_000_000, UTC),
        content_type="text/x-own",
        etag=f'"{file_id.key.rpartition("/")[2]}"',
        checksum=Checksum.crc32(zlib.crc32(b"hello")),
        metadata={"lang": "de"},
    )


async def test_a_file_that_came_to_something_else_is_deleted_and_told(
    cluster: ScriptedCluster, store: FastdfsBlobStore
) -> None:
    cluster.on(SOURCE, Command.UPLOAD, _stored(b"other"))
    with pytest.raises(IntegrityException, match="5 bytes with the CRC-32 3610a686 were sent") as raised:
        await store.write(new_blob(size=5), body_of(b"hello", size=5))
    assert (raised.value.operation, raised.value.backend) == ("upload", Backend.FASTDFS)
    assert cluster.asked[-1] == f"delete@{SOURCE}"
    assert f"set_metadata@{SOURCE}" not in cluster.asked


@pytest.mark.parametrize("chunk", [64_000, 256_000])
async def test_the_last_bytes_wait_for_the_end_of_their_source(
    cluster: ScriptedCluster, store: FastdfsBlobStore, chunk: int
) -> None:
    seen: list[int] = []

    async def source() -> AsyncIterator[bytes]:
        for at in range(0, 256_000, chunk):
            yield _LARGE[at : at + chunk]
        seen.append(sum(len(segment) for channel in cluster.channels for segment in channel.sent))

    await store.write(new_blob(size=256_000), body_of(source(), size=256_000))
    assert len(seen) == 1
    assert seen[0] < 256_000, "never are all of them sent before"
    *_, last, _metadata = cluster.channels[-1].sent
    assert 0 < len(last) <= 65_536, "it is sent even if the caller is cancelled meanwhile, so it is little"


@pytest.mark.parametrize("held", ["long", "short"])
async def test_what_is_at_hand_needs_no_slot_of_those_who_stay(cluster: ScriptedCluster, held: str) -> None:
    config = cluster.config(connection_pool_size=8, pool_timeout=0.02)
    async with FastdfsBlobStore(config, cluster.observer) as store:
        pool = store.session.storage((await store.trackers.place_for_new_file()).address)
        used = [await pool.get_connection(long=True) for _ in range(7)]
        if held == "short":
            await store.write(new_blob(size=10), body_of(b"0123456789", size=10))
        else:
            with pytest.raises(StorageUnavailableException, match="all 8 connections stayed in use"):
                await store.write(new_blob(size=len(_LARGE)), body_of(_LARGE, size=len(_LARGE)))
        for connection in used:
            connection.release()


@pytest.mark.parametrize("content", [b"hello", _LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("command", "answer", "deleted", "kind", "left"),
    [
        (Command.UPLOAD, reply(status=28), False, StorageOperationException, False),
        (Command.UPLOAD, _RESET, False, StorageUnavailableException, True),
        (Command.UPLOAD, reply(b"nonsense"), False, StorageOperationException, True),
        (Command.UPLOAD, reply(group() + named(5, 1).key.encode()), True, IntegrityException, False),
        (Command.SET_METADATA, reply(status=28), True, StorageOperationException, False),
        (Command.SET_METADATA, _RESET, True, StorageUnavailableException, False),
    ],
    ids=["refused", "lost", "no id", "other bytes", "metadata refused", "metadata lost"],
)
async def test_one_that_fails_leaves_nothing_or_says_what(
    cluster: ScriptedCluster,
    store: FastdfsBlobStore,
    command: Command,
    answer: bytes | OSError,
    content: bytes,
    *,
    deleted: bool,
    kind: type[StorageException],
    left: bool,
) -> None:
    cluster.on(SOURCE, command, answer)
    with pytest.raises(kind) as raised:
        await store.write(new_blob(size=len(content)), body_of(content, size=len(content)))
    assert type(raised.value) is kind
    assert (cluster.asked.count(f"delete@{SOURCE}") == 1) is deleted
    events = cluster.observer.of(RollbackFailed)
    assert cluster.observer.events == events
    if left:
        [event] = events
        assert event.backend == Backend.FASTDFS
        assert event.what.startswith(f"a file of {len(content)} bytes that {SOURCE}:23000 may have stored")
    else:
        assert events == []


@pytest.mark.parametrize(
    ("answer", "reported"), [(reply(status=2), None), (reply(status=16), "is busy")], ids=["gone already", "busy"]
)
async def test_a_rollback_that_fails_is_reported_beside_the_first_error(
    cluster: ScriptedCluster, store: FastdfsBlobStore, answer: bytes, reported: str | None
) -> None:
    cluster.on(SOURCE, Command.SET_METADATA, reply(status=28))
    cluster.on(SOURCE, Command.DELETE, answer)
    with pytest.raises(StorageOperationException, match="has no space left"):
        await store.write(new_blob(size=5), body_of(b"hello", size=5))
    reasons = [event.reason for event in cluster.observer.of(RollbackFailed)]
    assert len(reasons) == (reported is not None)
    assert all((reported or "") in reason for reason in reasons)


@pytest.mark.parametrize("given", [100, 200_000], ids=["small", "large"])
@pytest.mark.parametrize("wrong", [-1, 1], ids=["fewer", "more"])
async def test_a_source_of_another_size_than_declared_stores_nothing(
    cluster: ScriptedCluster, store: FastdfsBlobStore, given: int, wrong: int
) -> None:
    size = given - wrong
    with pytest.raises(InvalidArgumentException):
        await store.write(new_blob(size=size), body_of(_LARGE[:given], size=size))
    assert f"upload@{SOURCE}" not in cluster.asked
    assert store.session.pool_use().in_use == 0


@pytest.mark.parametrize("size", [100, 65_536, 200_000], ids=["small", "one piece", "large"])
async def test_a_source_that_fails_behind_its_last_byte_stores_nothing(
    cluster: ScriptedCluster, store: FastdfsBlobStore, size: int
) -> None:
    async def source() -> AsyncIterator[bytes]:
        yield _LARGE[:size]
        raise ValueError("the caller's")

    with pytest.raises(ValueError, match="the caller's"):
        await store.write(new_blob(size=size), body_of(source(), size=size))
    assert f"upload@{SOURCE}" not in cluster.asked


async def test_a_rollback_needs_no_second_connection(cluster: ScriptedCluster) -> None:
    cluster.on(SOURCE, Command.SET_METADATA, reply(status=28))
    config = cluster.config(connection_pool_size=1, pool_timeout=0.05)
    async with FastdfsBlobStore(config, cluster.observer) as store:
        with pytest.raises(StorageOperationException, match="has no space left"):
            await store.write(new_blob(size=5), body_of(b"hello", size=5))
    assert cluster.asked[-1] == f"delete@{SOURCE}"
    assert cluster.observer.events == []


@pytest.mark.parametrize(
    ("refuses", "places", "failovers", "stored"),
    [({OTHER}, (OTHER, SOURCE), [OTHER], True), ({OTHER}, (OTHER, OTHER, SOURCE), [OTHER, OTHER], True),
     ({OTHER}, (OTHER, OTHER, OTHER, SOURCE), [OTHER, OTHER], False)],
)  # fmt: skip
async def test_a_server_that_is_down_is_one_of_three(
    cluster: ScriptedCluster,
    store: FastdfsBlobStore,
    refuses: set[str],
    places: tuple[str, ...],
    failovers: list[str],
    *,
    stored: bool,
) -> None:
    cluster.refuses = refuses
    cluster.on(TRACKER, Command.STORE_ANYWHERE, *(server(host, with_path=True) for host in places))
    writing = store.write(new_blob(size=5), body_of(b"hello", size=5))
    if stored:
        await writing
    else:
        with pytest.raises(StorageUnavailableException, match="no connection: Connection refused"):
            await writing
    assert cluster.asked.count("store_anywhere") == min(3, len(places))
    assert cluster.observer.events == [
        FailedOver(Backend.FASTDFS, f"{host}:23000", None, "no connection: Connection refused") for host in failovers
    ]


class TestUnknownSizes:
    """Files that wait for their size: in memory, in a temporary file, or where there is none, on the server."""

    @pytest.mark.parametrize(("size", "spooled"), [(1000, False), (1001, True)])
    async def test_what_memory_holds_needs_no_file(
        self,
        cluster: ScriptedCluster,
        store: FastdfsBlobStore,
        monkeypatch: pytest.MonkeyPatch,
        size: int,
        *,
        spooled: bool,
    ) -> None:
        made: list[Path | None] = []
        make = tempfile.TemporaryFile

        def noted(dir: Path | None) -> object:  # noqa: A002 - its name there
            made.append(dir)
            return make(dir=dir)

        monkeypatch.setattr(tempfile, "TemporaryFile", noted)
        await store.write(new_blob(), body_of(_LARGE[:size]))
        assert made == [None] * spooled
        assert cluster.bodies[1][15:] == _LARGE[:size]

    async def test_the_folder_is_the_one_that_is_set(self, cluster: ScriptedCluster, tmp_path: Path) -> None:
        config = cluster.config(spool_memory=0, spool_directory=tmp_path / "none")
        async with FastdfsBlobStore(config, cluster.observer) as store:
            with pytest.raises(StorageOperationException, match=r"temporary file of an upload .*failed: .*none"):
                await store.write(new_blob(), body_of(b"hello"))
        assert cluster.asked == []
        assert cluster.observer.events == []

    async def test_without_a_folder_it_grows_on_the_server(
        self, cluster: ScriptedCluster, store: FastdfsBlobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _without_folder(monkeypatch)
        monkeypatch.setattr("s3py_helper.adapters.fastdfs.upload.appender._PIECE_BYTES", 100_000)
        for _ in range(2):
            cluster.asked.clear()
            cluster.bodies.clear()
            info = await store.write(new_blob("a.txt"), body_of(one_by_one([_LARGE[:2000], _LARGE[2000:]])))
            assert (info.file_id, info.size) == (_APPENDER, len(_LARGE))
            assert cluster.asked == [
                "store_anywhere",
                f"upload_appender@{SOURCE}",
                f"append@{SOURCE}",
                f"query_info@{SOURCE}",
                f"set_metadata@{SOURCE}",
            ]
            sent = cluster.bodies[1][15:], cluster.bodies[2][16 + len(_APPENDER.key) :]
            assert b"".join(sent) == _LARGE
        assert cluster.observer.events == [
            FallbackTaken(
                Backend.FASTDFS,
                "temporary files for uploads of unknown size: these become appender files",
                "No usable temporary directory found",
            )
        ], "told once"

    async def test_it_grows_piece_by_piece_for_as_long_as_bytes_come(
        self, cluster: ScriptedCluster, store: FastdfsBlobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _without_folder(monkeypatch)
        monkeypatch.setattr("s3py_helper.adapters.fastdfs.upload.appender._PIECE_BYTES", 2000)
        cluster.on(SOURCE, Command.QUERY_INFO, stat(9000))
        info = await store.write(
            new_blob("a.txt", metadata={"lang": "de"}),
            body_of(one_by_one([_LARGE[at : at + 1500] for at in range(0, 9000, 1500)])),
        )
        assert (info.size, info.checksum, info.etag) == (9000, None, None)
        assert cluster.asked.count(f"append@{SOURCE}") == 3
        sent = [cluster.bodies[1][15:], *(body[16 + len(_APPENDER.key) :] for body in cluster.bodies[2:-2])]
        assert b"".join(sent) == _LARGE[:9000]
        assert b"lang\x02de" in cluster.bodies[-1]

    async def test_growing_leaves_the_reserve_to_what_is_over_soon(
        self, cluster: ScriptedCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _without_folder(monkeypatch)
        config = cluster.config(spool_memory=0, connection_pool_size=2, pool_timeout=0.02)
        async with FastdfsBlobStore(config, cluster.observer) as store:
            staying = await store.session.storage(Address(SOURCE, 23000)).get_connection(long=True)
            with pytest.raises(StorageUnavailableException, match="all 2 connections stayed in use"):
                await store.write(new_blob(), body_of(b"hello"))
            staying.release()
        assert cluster.asked == ["store_anywhere"]

    @pytest.mark.parametrize(
        ("command", "answer", "deleted", "kind", "left"),
        [
            (Command.UPLOAD_APPENDER, reply(status=28), False, StorageOperationException, False),
            (Command.UPLOAD_APPENDER, _RESET, False, StorageUnavailableException, True),
            (Command.UPLOAD_APPENDER, reply(b"nonsense"), False, StorageOperationException, True),
            (Command.APPEND, reply(status=28), True, StorageOperationException, False),
            (Command.APPEND, _RESET, True, StorageUnavailableException, False),
            (Command.QUERY_INFO, stat(len(_LARGE) - 1), True, IntegrityException, False),
            (Command.SET_METADATA, reply(status=28), True, StorageOperationException, False),
        ],
        ids=["refused", "lost", "no id", "append refused", "append lost", "fewer bytes", "metadata refused"],
    )
    async def test_half_a_file_is_none(
        self,
        cluster: ScriptedCluster,
        store: FastdfsBlobStore,
        monkeypatch: pytest.MonkeyPatch,
        command: Command,
        answer: bytes | OSError,
        *,
        deleted: bool,
        kind: type[StorageException],
        left: bool,
    ) -> None:
        _without_folder(monkeypatch)
        cluster.on(SOURCE, command, answer)
        with pytest.raises(kind) as raised:
            await store.write(new_blob(), body_of(one_by_one([_LARGE[:2000], _LARGE[2000:]])))
        assert type(raised.value) is kind
        assert (cluster.asked.count(f"delete@{SOURCE}") == 1) is deleted
        assert cluster.asked.count(f"append@{SOURCE}") <= 1, "the server might have the bytes already"
        assert len(cluster.observer.of(RollbackFailed)) == left

    async def test_a_slow_source_holds_no_connection(
        self, cluster: ScriptedCluster, store: FastdfsBlobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _without_folder(monkeypatch)
        in_use: list[int] = []

        async def source() -> AsyncIterator[bytes]:
            yield _LARGE[:2000]
            in_use.append(store.session.pool_use().in_use)
            yield _LARGE[2000:]
            in_use.append(store.session.pool_use().in_use)

        await store.write(new_blob(), body_of(source()))
        assert in_use == [0, 0]


@pytest.mark.parametrize(
    ("answer", "deleted", "reported"),
    [
        (_stored(b"hello"), True, 0),
        (reply(group() + named(5, 1).key.encode()), True, 0),
        (reply(status=28), False, 0),
        (_RESET, False, 1),
    ],
    ids=["stored", "other bytes", "refused", "lost"],
)
async def test_one_whose_caller_left_while_the_server_answers_leaves_nothing_either(
    cluster: ScriptedCluster,
    store: FastdfsBlobStore,
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes | OSError,
    *,
    deleted: bool,
    reported: int,
) -> None:
    cluster.on(SOURCE, Command.UPLOAD, answer)
    asked, go_on = asyncio.Event(), asyncio.Event()
    end_upload = StorageClient.end_upload

    async def slowly(client: StorageClient) -> FileId:
        asked.set()
        await go_on.wait()
        return await end_upload(client)

    monkeypatch.setattr(StorageClient, "end_upload", slowly)
    writing = asyncio.ensure_future(store.write(new_blob(size=5), body_of(b"hello", size=5)))
    await asked.wait()
    writing.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await until(lambda: store.session.clean_up.outstanding == 0)
    assert (cluster.asked.count(f"delete@{SOURCE}") == 1) is deleted
    assert len(cluster.observer.of(RollbackFailed)) == len(cluster.observer.events) == reported
