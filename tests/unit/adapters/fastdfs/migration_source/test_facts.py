"""What a migration is told of a file, and what proves that it is deleted; request by request."""

import zlib
from typing import cast

import pytest

from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.application.concurrency.deadlines import Limit
from s3py_helper.application.ports.migration_source import SourceFacts
from s3py_helper.domain.errors import FileNotFoundException, StorageException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from tests.support.fastdfs.migration_source import session_of
from tests.support.fastdfs.protocol import Command
from tests.support.fastdfs.scripted_channel import reply
from tests.support.fastdfs.scripted_cluster import (
    OTHER,
    SOURCE,
    TRACKER,
    ScriptedCluster,
    appender,
    named,
    server,
    stat,
)

pytestmark = pytest.mark.timeout(30)

_HELLO = named(5, zlib.crc32(b"hello"))
_GROWING = appender()
_SLAVE = FileId.parse(f"group1/{_HELLO.key.removesuffix('.txt')}-big.txt")
_HANDMADE = FileId.parse("group1/M00/00/00/handmade.txt")
_TIME = 1_700_000_000
_MISSING = reply(status=2)


@pytest.mark.parametrize(
    ("file_id", "answers", "expected", "asked"),
    [
        (_HELLO, {}, SourceFacts(True, True, 5, _TIME, zlib.crc32(b"hello")), "query_info"),
        (_HELLO, {Command.QUERY_INFO: [stat(6)]}, SourceFacts(True, True, 6, _TIME, None), "query_info"),
        (_HELLO, {Command.QUERY_INFO: [_MISSING]}, SourceFacts(False, True), "query_info"),
        (_GROWING, {}, SourceFacts(True, True, 5, _TIME, 0xCAFE), "query_info query_info"),
        (_SLAVE, {}, SourceFacts(True, True, 5, _TIME, 0xCAFE), "query_info query_info"),
        (_GROWING, {Command.QUERY_INFO: [stat(0)]}, SourceFacts(True, True, 0, _TIME, 0), "query_info"),
        (_GROWING, {Command.QUERY_INFO: [stat(5), _MISSING]}, SourceFacts(False, True), "query_info query_info"),
        (_HANDMADE, {}, SourceFacts(True, True, 5, _TIME, None), "query_info"),
        (_HANDMADE, {Command.QUERY_INFO: [stat(0)]}, SourceFacts(True, True, 0, _TIME, 0), "query_info"),
    ],
    ids=[
        "a file",
        "of another size",
        "missing",
        "growing",
        "a slave",
        "empty",
        "gone meanwhile",
        "handmade",
        "no byte",
    ],
)
async def test_facts_come_from_the_name_where_it_tells_them_and_else_from_the_server(
    cluster: ScriptedCluster,
    source: FastdfsMigrationSource,
    file_id: FileId,
    answers: dict[Command, list[bytes]],
    expected: SourceFacts,
    asked: str,
) -> None:
    for command, given in answers.items():
        cluster.on(SOURCE, command, *given)
    assert await source.facts(file_id) == expected
    assert cluster.asked == ["update", *(f"{command}@{SOURCE}" for command in asked.split())]


@pytest.mark.parametrize("status", [5, 22])
async def test_a_sum_that_is_refused_is_an_error(
    cluster: ScriptedCluster, source: FastdfsMigrationSource, status: int
) -> None:
    cluster.on(SOURCE, Command.QUERY_INFO, stat(5), reply(status=status))
    with pytest.raises(StorageException, match=f"status {status}"):
        await source.facts(_GROWING)


async def test_a_sum_may_take_as_long_as_reading_the_file_does(
    cluster: ScriptedCluster, source: FastdfsMigrationSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float] = []
    session = session_of(source)
    limit = session.limit

    def noted(seconds: float) -> Limit:
        limits.append(seconds)
        return cast("Limit", limit(seconds))

    monkeypatch.setattr(session, "limit", noted)
    cluster.on(SOURCE, Command.QUERY_INFO, stat(160 * 1024 * 1024))
    await source.facts(_GROWING)
    assert limits == [15, 25]


@pytest.mark.parametrize(
    ("named_", "answers", "raises", "asked"),
    [
        (SOURCE, {}, None, "delete@S"),
        (SOURCE, {(SOURCE, Command.DELETE): [_MISSING], (SOURCE, Command.QUERY_INFO): [_MISSING]},
         FileNotFoundException, "delete@S query_info@S"),
        (OTHER, {(OTHER, Command.DELETE): [_MISSING], (OTHER, Command.QUERY_INFO): [_MISSING]},
         StorageUnavailableException, "delete@O query_info@O"),
        (SOURCE, {(SOURCE, Command.DELETE): [_MISSING, reply()]}, None, "delete@S query_info@S delete@S"),
        (SOURCE, {(SOURCE, Command.DELETE): [reply(status=16)]}, StorageUnavailableException, "delete@S"),
    ],
    ids=["there", "missing", "a stand-in lacks it", "there after all", "busy"],
)  # fmt: skip
async def test_a_file_counts_as_deleted_only_where_that_is_proven(
    cluster: ScriptedCluster,
    source: FastdfsMigrationSource,
    named_: str,
    answers: dict[tuple[str, Command], list[bytes]],
    raises: type[StorageException] | None,
    asked: str,
) -> None:
    cluster.on(TRACKER, Command.UPDATE, server(named_))
    for (host, command), given in answers.items():
        cluster.on(host, command, *given)
    if raises is None:
        await source.delete(_HELLO)
    else:
        with pytest.raises(raises) as raised:
            await source.delete(_HELLO)
        assert type(raised.value) is raises
        assert raised.value.file_id == str(_HELLO)
    found = " ".join(word.replace(SOURCE, "S").replace(OTHER, "O") for word in cluster.asked if word != "update")
    assert found == asked
