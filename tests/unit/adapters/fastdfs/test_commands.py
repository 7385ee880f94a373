"""What a command asks for, whom it notifies before and after, and what it leaves of what fails."""

import asyncio
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from s3py_helper.adapters.fastdfs.commands import FastdfsCommands
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    InvalidArgumentException,
    RouteNotSupportedException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import new_blob
from tests.support.cancelling import CleaningUp, cancelled_again
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

_APPENDER, _FINISHED = appender(), named(5, 7)
_MASTER = named(5, 7)
_SLAVE = FileId.parse(f"group1/{_MASTER.key.removesuffix('.txt')}-big.txt")
_HANDMADE = FileId.parse("group1/M00/00/00/handmade.txt")


class Notice:
    """Notes what it is notified of; refuses where a test says so."""

    def __init__(self, cluster: ScriptedCluster) -> None:
        self.refuses = ""
        self._asked = cluster.asked

    def _note(self, what: str) -> None:
        self._asked.append(what)
        if self.refuses and what.startswith(self.refuses):
            raise RouteNotSupportedException(f"refused: {what}")

    async def require_open(self, group: str) -> None:
        self._note(f"open {group}")

    @asynccontextmanager
    async def writing(self, file_id: FileId) -> AsyncGenerator[None]:
        self._note(f"writing {file_id.key[-9:]}")
        yield
        self._note("written")

    async def replaced(self, old: FileId, new: FileId) -> None:
        assert (old, new) == (_APPENDER, _FINISHED)
        self._note("replaced")

    async def require_new(self, file_id: FileId) -> None:
        assert file_id == _SLAVE
        self._note("new")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> ScriptedCluster:
    cluster = ScriptedCluster(monkeypatch)
    for command in (Command.APPEND, Command.MODIFY, Command.TRUNCATE, Command.SET_METADATA, Command.DELETE):
        cluster.on(SOURCE, command, reply())
    cluster.on(SOURCE, Command.GET_METADATA, reply(b"a\2b"))
    cluster.on(SOURCE, Command.QUERY_INFO, stat(5, 0xCAFE))
    cluster.on(SOURCE, Command.REGENERATE, reply(group() + _FINISHED.key.encode()))
    cluster.on(SOURCE, Command.UPLOAD_APPENDER, reply(group() + _APPENDER.key.encode()))
    cluster.on(SOURCE, Command.UPLOAD_SLAVE, reply(group() + _SLAVE.key.encode()))
    return cluster


@pytest.fixture
def notice(cluster: ScriptedCluster) -> Notice:
    return Notice(cluster)


@pytest.fixture
async def commands(cluster: ScriptedCluster, notice: Notice) -> AsyncIterator[FastdfsCommands]:
    async with FastdfsBlobStore(cluster.config(), cluster.observer) as store:
        yield store.commands.noting(notice)
        cluster.require_nothing_left(store.session)
        assert store.session.clean_up.outstanding == 0


type Call = Callable[[FastdfsCommands], Awaitable[object]]

_WRITING = f"writing {_APPENDER.key[-9:]}"
_CALLS: dict[str, tuple[Call, str, object]] = {
    "append": (lambda it: it.append(_APPENDER, b"abc"), "W update append@S D", None),
    "append nothing": (lambda it: it.append(_APPENDER, b""), "", None),
    "modify": (lambda it: it.modify(_APPENDER, 7, b"abc"), "W update modify@S D", None),
    "modify nothing": (lambda it: it.modify(_APPENDER, 7, b""), "", None),
    "truncate": (lambda it: it.truncate(_APPENDER, 0), "W update truncate@S D", None),
    "metadata": (lambda it: it.metadata(_APPENDER), "update get_metadata@S", {"a": "b"}),
    "set metadata": (
        lambda it: it.set_metadata(_APPENDER, {"c": "d"}, merge=True), "W update set_metadata@S D", None
    ),
    "finish": (
        lambda it: it.regenerate(_APPENDER),
        f"update get_metadata@S query_info@S W regenerate@S D writing_{_FINISHED.key[-9:]} set_metadata@S D replaced",
        _FINISHED,
    ),
    "sum": (lambda it: it.crc32(_APPENDER), "update query_info@S query_info@S", 0xCAFE),
    "new appender": (
        lambda it: it.create_appender(new_blob("a.txt"), b"abc"),
        "store_anywhere upload_appender@S set_metadata@S",
        _APPENDER,
    ),
    "new slave": (
        lambda it: it.create_slave(_MASTER, "-big", new_blob("a.txt"), b"abc"),
        "open_group1 update upload_slave@S new set_metadata@S",
        _SLAVE,
    ),
    "of a name that no server made": (
        lambda it: it.append(_HANDMADE, b"abc"), "writing_dmade.txt update append@S D", None
    ),
}  # fmt: skip


def _spelt(asked: str) -> list[str]:
    words = {"W": _WRITING, "D": "written"}
    return [words.get(word, word).replace("@S", f"@{SOURCE}").replace("_group1", " group1") for word in asked.split()]


@pytest.mark.parametrize("what", _CALLS)
async def test_what_is_asked_and_who_is_notified(
    cluster: ScriptedCluster, commands: FastdfsCommands, what: str
) -> None:
    call, asked, expected = _CALLS[what]
    assert await call(commands) == expected
    found = [word.replace("writing ", "writing_") if word != _WRITING else word for word in cluster.asked]
    assert found == _spelt(asked)
    if what == "set metadata":
        assert b"M" + group() in cluster.bodies[-1], "merged"


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ("new appender", struct.pack("!BQ6s", 0, 3, b"txt") + b"abc"),
        (
            "new slave",
            struct.pack("!QQ16s6s", len(_MASTER.key), 3, b"-big", b"txt") + _MASTER.key.encode() + b"abc",
        ),
        ("append", struct.pack("!QQ", len(_APPENDER.key), 3) + _APPENDER.key.encode() + b"abc"),
        ("modify", struct.pack("!QQQ", len(_APPENDER.key), 7, 3) + _APPENDER.key.encode() + b"abc"),
        ("truncate", struct.pack("!QQ", len(_APPENDER.key), 0) + _APPENDER.key.encode()),
    ],
)
async def test_what_a_server_is_told(
    cluster: ScriptedCluster, commands: FastdfsCommands, what: str, fields: bytes
) -> None:
    await _CALLS[what][0](commands)
    assert fields in cluster.bodies


@pytest.mark.parametrize(
    ("what", "operation", "file_id"),
    [
        ("append", "append", _APPENDER),
        ("modify", "modify", _APPENDER),
        ("truncate", "truncate", _APPENDER),
        ("metadata", "metadata", _APPENDER),
        ("set metadata", "metadata", _APPENDER),
        ("finish", "metadata", _APPENDER),
        ("sum", "info", _APPENDER),
        ("new appender", "upload", None),
        ("new slave", "upload", _MASTER),
    ],
)
async def test_an_error_says_what_was_being_done_to_which_file(
    cluster: ScriptedCluster, commands: FastdfsCommands, what: str, operation: str, file_id: FileId | None
) -> None:
    for command in (Command.UPDATE, Command.STORE_ANYWHERE):
        cluster.on(TRACKER, command, reply(status=13))
    with pytest.raises(AccessDeniedException) as raised:
        await _CALLS[what][0](commands)
    assert (raised.value.operation, raised.value.file_id) == (operation, file_id and str(file_id))


@pytest.mark.parametrize(
    ("what", "command", "operation", "file_id"),
    [
        ("finish", Command.QUERY_INFO, "info", _APPENDER),
        ("finish", Command.REGENERATE, "finish", _APPENDER),
        ("finish", Command.SET_METADATA, "metadata", _FINISHED),
        ("new appender", Command.UPLOAD_APPENDER, "upload", None),
    ],
)
async def test_an_error_of_a_later_request_says_so_too(
    cluster: ScriptedCluster,
    commands: FastdfsCommands,
    what: str,
    command: Command,
    operation: str,
    file_id: FileId | None,
) -> None:
    cluster.on(SOURCE, command, reply(status=13))
    with pytest.raises(AccessDeniedException) as raised:
        await _CALLS[what][0](commands)
    assert (raised.value.operation, raised.value.file_id) == (operation, file_id and str(file_id))


async def test_new_files_leave_the_reserve_to_what_is_over_soon(cluster: ScriptedCluster) -> None:
    async with FastdfsBlobStore(cluster.config(connection_pool_size=2, pool_timeout=0.02)) as store:
        staying = await store.session.storage(Address(SOURCE, 23000)).get_connection(long=True)
        for what in ("new appender", "new slave"):
            with pytest.raises(StorageUnavailableException, match="all 2 connections stayed in use"):
                await _CALLS[what][0](store.commands)
        for what in ("append", "set metadata", "sum"):
            await _CALLS[what][0](store.commands)
        staying.release()


async def test_metadata_are_replaced_unless_they_are_merged(
    cluster: ScriptedCluster, commands: FastdfsCommands
) -> None:
    await commands.set_metadata(_APPENDER, {"c": "d"}, merge=False)
    assert b"O" + group() in cluster.bodies[-1]


async def test_a_file_that_had_no_metadata_gets_none_with_its_new_id(
    cluster: ScriptedCluster, commands: FastdfsCommands
) -> None:
    cluster.on(SOURCE, Command.GET_METADATA, reply(status=2))
    assert await commands.metadata(_APPENDER) == {}
    assert cluster.asked == ["update", f"get_metadata@{SOURCE}", f"query_info@{SOURCE}"]
    assert await commands.regenerate(_APPENDER) == _FINISHED
    assert f"set_metadata@{SOURCE}" not in cluster.asked


async def test_missing_metadata_of_a_missing_file_are_a_missing_file(
    cluster: ScriptedCluster, commands: FastdfsCommands
) -> None:
    cluster.on(SOURCE, Command.GET_METADATA, reply(status=2))
    cluster.on(SOURCE, Command.QUERY_INFO, reply(status=2))
    for asking in (commands.metadata(_APPENDER), commands.crc32(_APPENDER), commands.regenerate(_APPENDER)):
        with pytest.raises(FileNotFoundException):
            await asking


@pytest.mark.parametrize("what", ["append", "modify", "truncate", "set metadata", "new slave"])
async def test_a_change_that_must_not_be_is_not_made(
    cluster: ScriptedCluster, commands: FastdfsCommands, notice: Notice, what: str
) -> None:
    notice.refuses = "open" if what == "new slave" else "writing"
    with pytest.raises(RouteNotSupportedException):
        await _CALLS[what][0](commands)
    assert len(cluster.asked) == 1, "no server has heard of it"


@pytest.mark.parametrize(
    "call",
    [
        lambda it: it.append(_FINISHED, b"abc"),
        lambda it: it.modify(_FINISHED, 0, b"abc"),
        lambda it: it.truncate(_FINISHED, 0),
        lambda it: it.modify(_APPENDER, 1 << 63, b"abc"),
        lambda it: it.modify(_APPENDER, -1, b"abc"),
        lambda it: it.truncate(_APPENDER, 1 << 63),
        lambda it: it.truncate(_APPENDER, -1),
        lambda it: it.create_slave(_MASTER, "", new_blob(), b"abc"),
        lambda it: it.create_slave(_MASTER, "x" * 17, new_blob(), b"abc"),
        lambda it: it.create_slave(_MASTER, "a/b", new_blob(), b"abc"),
    ],
)
async def test_what_cannot_be_is_refused_before_anybody_is_asked(
    cluster: ScriptedCluster, commands: FastdfsCommands, call: Call
) -> None:
    with pytest.raises(InvalidArgumentException):
        await call(commands)
    assert cluster.asked == []


async def test_the_largest_position_is_one(cluster: ScriptedCluster, commands: FastdfsCommands) -> None:
    await commands.truncate(_APPENDER, (1 << 63) - 1)
    await commands.modify(_APPENDER, (1 << 63) - 1, b"abc")
    assert cluster.bodies[-1][8:16] == ((1 << 63) - 1).to_bytes(8)


@pytest.mark.parametrize(
    ("what", "command", "status", "kind", "told"),
    [
        ("append", Command.APPEND, 22, InvalidArgumentException, "refuses to append .*: it is no appender file"),
        ("append", Command.APPEND, 28, StorageOperationException, "has no space left"),
        ("modify", Command.MODIFY, 22, InvalidArgumentException, "refuses to modify"),
        ("new slave", Command.UPLOAD_SLAVE, 17, InvalidArgumentException, "has a slave of that name already"),
        ("new slave", Command.UPLOAD_SLAVE, 2, FileNotFoundException, "has no such file"),
        ("set metadata", Command.SET_METADATA, 2, FileNotFoundException, "has no such file"),
    ],
)
async def test_a_refusal_is_explained_where_the_caller_can_do_something_about_it(
    cluster: ScriptedCluster,
    commands: FastdfsCommands,
    what: str,
    command: Command,
    status: int,
    kind: type[StorageException],
    told: str,
) -> None:
    cluster.on(SOURCE, command, reply(status=status))
    with pytest.raises(kind, match=told) as raised:
        await _CALLS[what][0](commands)
    assert raised.value.backend == Backend.FASTDFS


@pytest.mark.parametrize("what", ["new appender", "new slave"])
@pytest.mark.parametrize("fails", ["metadata", "notice"])
async def test_a_file_that_cannot_be_completed_is_deleted(
    cluster: ScriptedCluster, commands: FastdfsCommands, notice: Notice, what: str, fails: str
) -> None:
    if fails == "notice":
        notice.refuses = "new"
    else:
        cluster.on(SOURCE, Command.SET_METADATA, reply(status=28))
    if what == "new appender" and fails == "notice":
        assert await _CALLS[what][0](commands) == _APPENDER
        return
    with pytest.raises(StorageException, match=r"refused: new|has no space left"):
        await _CALLS[what][0](commands)
    assert cluster.asked[-1] == f"delete@{SOURCE}"
    assert cluster.observer.of(RollbackFailed) == []


async def test_a_rollback_needs_no_second_connection(cluster: ScriptedCluster) -> None:
    cluster.on(SOURCE, Command.SET_METADATA, reply(status=28))
    config = cluster.config(connection_pool_size=1, pool_timeout=0.05)
    async with FastdfsBlobStore(config, cluster.observer) as store:
        with pytest.raises(StorageOperationException, match="has no space left"):
            await store.commands.create_appender(new_blob(), b"abc")
    assert cluster.asked[-1] == f"delete@{SOURCE}"
    assert cluster.observer.events == []


async def test_a_truncation_is_finished_although_its_caller_leaves(
    cluster: ScriptedCluster, commands: FastdfsCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing = CleaningUp()

    async def slowly(*_: object) -> None:
        await changing.passed()

    monkeypatch.setattr("s3py_helper.adapters.fastdfs.commands.changes.truncate", slowly)
    await cancelled_again(asyncio.ensure_future(commands.truncate(_APPENDER, 0)), changing)
    assert cluster.asked == [_WRITING, "update", "written"]


async def test_metadata_are_read_where_changes_are_known_first(
    cluster: ScriptedCluster, commands: FastdfsCommands
) -> None:
    cluster.on(TRACKER, Command.FETCH_ONE, server(OTHER))
    await commands.metadata(_APPENDER)
    await commands.crc32(_APPENDER)
    assert "fetch_one" not in cluster.asked


@pytest.mark.parametrize("what", ["new appender", "new slave"])
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (ConnectionResetError(104, "reset"), StorageUnavailableException),
        (reply(b"nonsense"), StorageOperationException),
    ],
    ids=["lost", "no id"],
)
async def test_a_file_whose_id_did_not_arrive_is_reported_and_not_stored_twice(
    cluster: ScriptedCluster,
    commands: FastdfsCommands,
    what: str,
    answer: bytes | OSError,
    kind: type[StorageException],
) -> None:
    command = Command.UPLOAD_APPENDER if what == "new appender" else Command.UPLOAD_SLAVE
    cluster.on(SOURCE, command, answer)
    with pytest.raises(kind):
        await _CALLS[what][0](commands)
    assert cluster.asked.count(f"{command.name.lower()}@{SOURCE}") == 1
    [event] = cluster.observer.events
    assert isinstance(event, RollbackFailed)
    assert event.what == f"a file of 3 bytes that {SOURCE}:23000 may have stored under an id that did not arrive"
