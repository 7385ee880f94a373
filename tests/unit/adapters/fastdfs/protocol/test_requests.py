"""Every request byte by byte, as FastDFS' protocol has it, how long its reply may take, and what is read from that."""

import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from s3py_helper.adapters.fastdfs.protocol import changes
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, ProtocolFault, ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.messages import FileStat
from s3py_helper.adapters.fastdfs.protocol.path_listing import begin_listing
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient, seconds_to_read
from s3py_helper.adapters.fastdfs.protocol.tracker_client import TrackerClient
from s3py_helper.domain.file_id import FileId
from tests.support.fastdfs.scripted_channel import ScriptedChannel
from tests.support.fastdfs.scripted_channel import reply as answer

_NAME = "M00/00/00/fwAAAmsCvSWAZvKkAAAABTYQpoY966.txt"
_GROUP = b"group1" + bytes(10)
_FILE = _GROUP + _NAME.encode()
_NEW = FileId.parse(f"group1/{_NAME}")
_MIB_16 = 16 * 1024 * 1024


def _number(value: int) -> bytes:
    return value.to_bytes(8)


def _request(command: int, body: bytes, flags: int = 0) -> bytes:
    return _number(len(body)) + bytes([command, flags]) + body


type Call = Callable[[StorageClient], Awaitable[object]]

_STAT = struct.pack("!QQq", 5, 1_800_000_000, -2) + bytes(16)

_CALLS: dict[str, tuple[Call, bytes, bytes, object, str]] = {
    "active test": (lambda client: client.active_test(), _request(111, b""), b"", None, "3 + 0"),
    "delete": (lambda client: client.delete(_NAME), _request(12, _FILE), b"", "", "3 + 0"),
    "stat": (lambda client: client.stat(_NAME), _request(22, _FILE, 1), _STAT, FileStat(5, 1_800_000_000), "3 + 0"),
    "stat with its sum": (
        lambda client: client.summed_stat(_NAME, 4 * _MIB_16),
        _request(22, _FILE),
        _STAT,
        (FileStat(5, 1_800_000_000), 0xFFFFFFFE),
        "3 + 4",
    ),
    "metadata": (lambda client: client.metadata(_NAME), _request(15, _FILE), b"a\2b", b"a\2b", "3 + 0"),
    "metadata replaced": (
        lambda client: client.set_metadata(_NAME, {"a": "b", "c": "d"}),
        _request(13, _number(len(_NAME)) + _number(7) + b"O" + _FILE + b"a\2b\1c\2d"),
        b"",
        None,
        "3 + 0",
    ),
    "metadata merged": (
        lambda client: client.set_metadata(_NAME, {"a": "b"}, merge=True),
        _request(13, _number(len(_NAME)) + _number(3) + b"M" + _FILE + b"a\2b"),
        b"",
        None,
        "3 + 0",
    ),
    "append": (
        lambda client: client.append(_NAME, b"more"),
        _request(24, _number(len(_NAME)) + _number(4) + _NAME.encode() + b"more"),
        b"",
        None,
        "3 + 0",
    ),
    "modify": (
        lambda client: changes.modify(client, _NAME, 7, b"other"),
        _request(34, _number(len(_NAME)) + _number(7) + _number(5) + _NAME.encode() + b"other"),
        b"",
        None,
        "3 + 0",
    ),
    "truncate": (
        lambda client: changes.truncate(client, _NAME, 7),
        _request(36, _number(len(_NAME)) + _number(7) + _NAME.encode()),
        b"",
        None,
        "3 + 0",
    ),
    "regenerate": (
        lambda client: client.regenerate(_NAME, 2 * _MIB_16),
        _request(38, _NAME.encode()),
        _FILE,
        _NEW,
        "3 + 2",
    ),
    "new appender": (
        lambda client: changes.new_appender(client, 3, "txt", b"hello"),
        _request(23, b"\3" + _number(5) + b"txt\0\0\0" + b"hello"),
        _FILE,
        _NEW,
        "3 + 0",
    ),
    "new slave": (
        lambda client: changes.new_slave(client, _NAME, "-big", "txt", b"hello"),
        _request(
            21,
            _number(len(_NAME)) + _number(5) + b"-big".ljust(16, b"\0") + b"txt\0\0\0" + _NAME.encode() + b"hello",
        ),
        _FILE,
        _NEW,
        "3 + 0",
    ),
}


@pytest.mark.parametrize("what", _CALLS)
async def test_what_a_storage_server_gets_and_says(what: str) -> None:
    call, request, body, expected, waits = _CALLS[what]
    channel = ScriptedChannel(answer(body))
    connection = channel.connection()
    found = await call(StorageClient(connection, "group1"))
    assert b"".join(channel.sent) == request
    assert [note for note in channel.notes if note.startswith("waits")] == [f"waits {waits}"]
    if what != "delete":  # the library's own command, whose result nobody uses
        assert found == expected
    assert connection.is_reusable


async def test_a_download_may_take_its_time_once_it_has_begun() -> None:
    channel = ScriptedChannel(answer(b"hello"))
    connection = channel.connection()
    assert await StorageClient(connection, "group1").begin_download(_NAME, 7, 5) == 5
    assert b"".join(channel.sent) == _request(14, _number(7) + _number(5) + _FILE)
    assert channel.notes == ["unbound", "bound 6", "waits 3 + 0", "unbound"]
    assert await connection.receive_exactly(5) == b"hello"


async def test_an_upload_is_announced_with_its_size_and_ends_with_an_id() -> None:
    channel = ScriptedChannel(answer(_FILE))
    client = StorageClient(channel.connection(), "group1")
    await client.begin_upload(255, 5, "txt")
    await client.connection.send(b"hello")
    assert b"".join(channel.sent) == _request(11, b"\xff" + _number(5) + b"txt\0\0\0" + b"hello")
    assert await client.end_upload() == _NEW


@pytest.mark.parametrize(
    ("replies", "expected", "reusable"),
    [
        ((answer(status=2),), None, True),
        ((answer(status=22),), 22, True),
        ((answer(status=2, length=44),), ConnectionFault, False),
    ],
    ids=["missing", "refused", "gone meanwhile"],
)
async def test_metadata_that_are_missing(replies: tuple[bytes, ...], expected: object, *, reusable: bool) -> None:
    connection = ScriptedChannel(*replies).connection()
    client = StorageClient(connection, "group1")
    if expected is None:
        assert await client.metadata(_NAME) is None
    elif expected is ConnectionFault:
        with pytest.raises(ConnectionFault, match="went away while it was looked at") as gone:
            await client.metadata(_NAME)
        assert gone.value.stale, "it is worth another try"
    else:
        with pytest.raises(ServerRefusal) as refused:
            await client.metadata(_NAME)
        assert refused.value.status == expected
    assert connection.is_reusable is reusable


@pytest.mark.parametrize(
    ("stat", "fine"),
    [
        (((1 << 63) - 1, 253_402_300_799), True),
        ((1 << 63, 0), False),
        ((0, 253_402_300_800), False),
    ],
)
async def test_a_file_that_cannot_be_is_not_believed(stat: tuple[int, int], *, fine: bool) -> None:
    client = StorageClient(ScriptedChannel(answer(struct.pack("!QQQ", *stat, 0) + bytes(16))).connection(), "group1")
    if fine:
        assert await client.stat(_NAME) == FileStat(*stat)
    else:
        with pytest.raises(ProtocolFault, match="described a file of"):
            await client.stat(_NAME)


async def test_a_listing_of_a_store_path_may_take_as_long_as_a_server_needs_for_its_records() -> None:
    channel = ScriptedChannel(answer(length=1 << 58), answer(length=7))
    client = StorageClient(channel.connection(), "group1")
    await begin_listing(client, 1)
    assert b"".join(channel.sent) == _request(26, _GROUP + b"\1")
    assert channel.notes == ["unbound", "bound 906", "waits 3 + 900", "unbound"]
    with pytest.raises(ProtocolFault, match="began a listing that has an end of its own"):
        await begin_listing(StorageClient(ScriptedChannel(answer(length=7)).connection(), "group1"), 1)


def test_a_busy_server_reads_sixteen_mib_a_second() -> None:
    assert seconds_to_read(160 * 1024 * 1024) == 10


class _Pool:
    """Lends one connection after the other."""

    def __init__(self, channel: ScriptedChannel) -> None:
        self.released: list[FramedConnection] = []
        self._channel = channel

    async def get_connection(self) -> FramedConnection:
        return self._channel.connection(released=self.released)


_SERVER = _GROUP + b"127.0.0.3".ljust(15, b"\0") + _number(23000)


@pytest.mark.parametrize(
    ("ask", "request_", "body", "expected"),
    [
        (lambda client: client.tracker_query_storage_stor_without_group(), (101, b""), _SERVER + b"\2", 2),
        (lambda client: client.tracker_query_storage_stor_with_group("group1"), (104, _GROUP), _SERVER + b"\2", 2),
        (lambda client: client.storage_to_read("group1", _NAME), (102, _FILE), _SERVER, 0),
        (lambda client: client.storage_to_change("group1", _NAME), (103, _FILE), _SERVER, 0),
        (lambda client: client.group_names(), (91, b""), b"", None),
        (lambda client: client.group_servers("group1"), (92, _GROUP), b"", None),
    ],
    ids=["anywhere", "in a group", "to read", "to change", "groups", "servers"],
)
@pytest.mark.parametrize("path_index", [-1, 0, 5])
async def test_what_a_tracker_gets_and_says(
    ask: Callable[[TrackerClient], Awaitable[Any]],
    request_: tuple[int, bytes],
    body: bytes,
    expected: int | None,
    path_index: int,
) -> None:
    channel = ScriptedChannel(answer(body))
    pool: Any = _Pool(channel)
    found = await ask(TrackerClient(pool, path_index))
    assert b"".join(channel.sent) == _request(*request_)
    assert len(pool.released) == 1
    if expected is None:
        assert found == []
    else:
        wanted = path_index if path_index >= 0 and expected else expected
        assert Address(found.ip_addr.decode(), found.port) == Address("127.0.0.3", 23000)
        assert (found.group_name, found.store_path_index) == (b"group1", wanted)


async def test_a_tracker_that_refuses_gets_its_connection_back() -> None:
    pool: Any = _Pool(ScriptedChannel(answer(status=2)))
    with pytest.raises(ServerRefusal):
        await TrackerClient(pool, -1).group_names()
    assert len(pool.released) == 1
