"""How a migration reads a file and its metadata, and from which server."""

import zlib

import pytest

from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.fastdfs.protocol.group_listing import GroupServer
from s3py_helper.application.ports.migration_source import SourceMetadata
from s3py_helper.application.ports.observer import FailedOver
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import (
    FileNotFoundException,
    IntegrityException,
    InvalidArgumentException,
    InvalidRangeException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend
from tests.support.fastdfs.migration_source import group_server, opened, session_of
from tests.support.fastdfs.protocol import Command
from tests.support.fastdfs.scripted_channel import reply
from tests.support.fastdfs.scripted_cluster import OTHER, SOURCE, TRACKER, ScriptedCluster, named, server, stat

pytestmark = pytest.mark.timeout(30)

_HELLO = named(5, zlib.crc32(b"hello"))
_MISSING = reply(status=2)
_INVALID = reply(status=22)
_RESET = ConnectionResetError(104, "reset")


@pytest.mark.parametrize(
    ("answers", "size", "expected", "asked"),
    [
        ({}, 5, (SourceMetadata("a.txt", "text/plain", {"lang": "de"}), b"hello"), "get_metadata download"),
        ({Command.GET_METADATA: _MISSING}, 5, (SourceMetadata(None, None, {}), b"hello"), "get_metadata download"),
        ({}, 4, None, "get_metadata download"),
        ({}, 6, None, "get_metadata download"),
        ({Command.DOWNLOAD: _MISSING}, 5, None, "get_metadata download"),
        ({Command.DOWNLOAD: _RESET}, 5, None, "get_metadata download get_metadata download"),
        ({Command.DOWNLOAD: reply(status=28)}, 5, None, "get_metadata download"),
    ],
    ids=["all", "no metadata", "fewer", "more", "missing", "reset", "refused"],
)
async def test_a_small_file_is_fetched_with_its_metadata_or_the_usual_way_is_taken(
    cluster: ScriptedCluster,
    source: FastdfsMigrationSource,
    answers: dict[Command, bytes | OSError],
    size: int,
    expected: object,
    asked: str,
) -> None:
    for command, answer in answers.items():
        cluster.on(SOURCE, command, answer)
    assert await source.fetch(_HELLO, size) == expected
    assert cluster.asked == ["update", *(f"{command}@{SOURCE}" for command in asked.split())]
    assert session_of(source).pool_use().in_use == 0


async def test_a_stand_in_fetches_nothing(cluster: ScriptedCluster, source: FastdfsMigrationSource) -> None:
    cluster.on(TRACKER, Command.UPDATE, server(OTHER))
    assert await source.fetch(_HELLO, 5) is None
    assert cluster.asked == ["update"]


@pytest.mark.parametrize(
    ("byte_range", "answers", "expected", "asked"),
    [
        (None, {}, b"hello", "download"),
        (ByteRange(1, 2), {Command.DOWNLOAD: reply(b"el")}, b"el", "query_info download"),
        (ByteRange(1, 2), {Command.DOWNLOAD: reply(b"ell")}, IntegrityException, "query_info download"),
        (ByteRange(5, None), {}, InvalidRangeException, "query_info"),
        (None, {Command.DOWNLOAD: _INVALID, Command.QUERY_INFO: stat(0)}, b"", "download query_info"),
        (None, {Command.DOWNLOAD: _INVALID}, FileNotFoundException, "download query_info"),
        (ByteRange(1, 2), {Command.DOWNLOAD: _INVALID}, FileNotFoundException, "query_info download"),
        (None, {Command.DOWNLOAD: _MISSING}, FileNotFoundException, "download"),
        (None, {Command.DOWNLOAD: reply(status=28)}, StorageOperationException, "download"),
    ],
    ids=[
        "whole",
        "a range",
        "another length",
        "behind the end",
        "empty",
        "invalid",
        "invalid range",
        "gone",
        "refused",
    ],
)
async def test_bytes_come_as_they_are(
    cluster: ScriptedCluster,
    source: FastdfsMigrationSource,
    byte_range: ByteRange | None,
    answers: dict[Command, bytes],
    expected: bytes | type[StorageException],
    asked: str,
) -> None:
    for command, answer in answers.items():
        cluster.on(SOURCE, command, answer)
    if isinstance(expected, bytes):
        assert await opened(source, _HELLO, byte_range) == expected
    else:
        with pytest.raises(expected) as raised:
            await opened(source, _HELLO, byte_range)
        assert raised.value.file_id == str(_HELLO)
        assert raised.value.backend == Backend.FASTDFS
    assert cluster.asked == ["update", *(f"{command}@{SOURCE}" for command in asked.split())]
    assert session_of(source).pool_use().in_use == 0
    if asked == "download":
        assert cluster.bodies[-1][:16] == bytes(16), "all of it"
    if asked == "query_info download":
        assert cluster.bodies[-1][:16] == (1).to_bytes(8) + (2).to_bytes(8)


async def test_a_large_file_holds_its_connection_no_longer_than_its_reader_stays(
    cluster: ScriptedCluster, source: FastdfsMigrationSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3py_helper.adapters.fastdfs.migration_source.CHUNK_BYTES", 4)
    async with source.open(_HELLO) as body:
        assert await anext(body) == b"hello"
        assert session_of(source).pool_use().in_use == 0
    async with source.open(_HELLO):
        assert session_of(source).pool_use().in_use == 1
    assert session_of(source).pool_use().in_use == 0


async def test_a_server_that_is_named_is_asked_alone(cluster: ScriptedCluster, source: FastdfsMigrationSource) -> None:
    assert await opened(source, _HELLO, server=f"{OTHER}:23000") == b"hello"
    assert cluster.asked == [f"download@{OTHER}"]
    with pytest.raises(
        InvalidArgumentException,
        match=r"group1 has no storage server 127\.0\.0\.9:23000; it has: 127\.0\.0\.3:23000, 127\.0\.0\.2:23000",
    ):
        await opened(source, _HELLO, server="127.0.0.9:23000")
    assert cluster.asked == [f"download@{OTHER}"]


@pytest.mark.parametrize(
    ("named_", "answers", "expected", "asked", "events"),
    [
        (SOURCE, {(SOURCE, Command.DOWNLOAD): _RESET}, b"hello", "download@S query_info@O download@O", ["S>O"]),
        (
            SOURCE,
            {(SOURCE, Command.DOWNLOAD): reply(command=7)},
            b"hello",
            "download@S query_info@O download@O",
            ["S>O"],
        ),
        (
            SOURCE,
            {(SOURCE, Command.DOWNLOAD): _RESET, (OTHER, Command.QUERY_INFO): _MISSING},
            StorageUnavailableException,
            "download@S query_info@O",
            [],
        ),
        (OTHER, {}, b"hello", "download@O", ["S>O"]),
        (OTHER, {(OTHER, Command.DOWNLOAD): _MISSING}, FileNotFoundException, "download@O", ["S>O"]),
    ],
    ids=["source down", "source garbled", "source down and nobody has it", "stand-in", "stand-in lacks it"],
)
async def test_who_is_read_from_while_the_source_is_down(
    cluster: ScriptedCluster,
    source: FastdfsMigrationSource,
    named_: str,
    answers: dict[tuple[str, Command], bytes | OSError],
    expected: bytes | type[StorageException],
    asked: str,
    events: list[str],
) -> None:
    cluster.on(TRACKER, Command.UPDATE, server(named_))
    for (host, command), answer in answers.items():
        cluster.on(host, command, answer)
    if isinstance(expected, bytes):
        assert await opened(source, _HELLO) == expected
    else:
        with pytest.raises(expected):
            await opened(source, _HELLO)
    hosts = {SOURCE: "S", OTHER: "O"}
    found = " ".join(word.replace(SOURCE, "S").replace(OTHER, "O") for word in cluster.asked if word != "update")
    assert found == asked
    assert [
        f"{hosts[event.server.partition(':')[0]]}>{hosts[(event.instead or '').partition(':')[0]]}"
        for event in cluster.observer.of(FailedOver)
    ] == events
    assert all("does not have the file" not in event.reason for event in cluster.observer.of(FailedOver))
    cluster.asked.clear()
    await source.replicas(_HELLO)
    forgotten = named_ == SOURCE
    assert cluster.asked == (["update"] if forgotten else [])


@pytest.mark.parametrize(
    ("answer", "expected", "asked"),
    [
        (_MISSING, b"hello", "download@O query_info@T download@T"),
        (reply(status=28), StorageOperationException, "download@O"),
    ],
    ids=["lacks it", "fails"],
)
async def test_what_a_stand_in_lacks_another_may_have(
    cluster: ScriptedCluster,
    source: FastdfsMigrationSource,
    servers: list[GroupServer],
    answer: bytes,
    expected: bytes | type[StorageException],
    asked: str,
) -> None:
    third = "127.0.0.4"
    servers.append(group_server(third))
    cluster.on(TRACKER, Command.UPDATE, server(OTHER))
    cluster.on(OTHER, Command.DOWNLOAD, answer)
    cluster.on(third, Command.QUERY_INFO, stat(5))
    cluster.on(third, Command.DOWNLOAD, reply(b"hello"))
    if isinstance(expected, bytes):
        assert await opened(source, _HELLO) == expected
    else:
        with pytest.raises(expected, match="status 28"):
            await opened(source, _HELLO)
    assert " ".join(cluster.asked[1:]).replace(OTHER, "O").replace(third, "T") == asked


async def test_metadata_are_those_of_the_store(source: FastdfsMigrationSource) -> None:
    assert await source.metadata(_HELLO) == SourceMetadata("a.txt", "text/plain", {"lang": "de"})
