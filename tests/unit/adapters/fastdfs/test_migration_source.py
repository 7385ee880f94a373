"""What a migration is told of a file and its servers, and what proves it; request by request."""

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.group_listing import GroupServer
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.application.concurrency.deadlines import Limit
from s3py_helper.application.ports.migration_source import SourceFacts, SourceGroup, SourceMetadata, SourceServer
from s3py_helper.application.ports.observer import FailedOver
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    IntegrityException,
    InvalidArgumentException,
    InvalidRangeException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from tests.support.fastdfs.protocol import Command
from tests.support.fastdfs.scripted_channel import PEER, ScriptedChannel, reply
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
_MISSING, _INVALID = reply(status=2), reply(status=22)
_RESET = ConnectionResetError(104, "reset")


def _server(host: str, **facts: Any) -> GroupServer:
    plain = GroupServer(
        server_id=host,
        address=Address(host, 23000),
        is_active=True,
        version="6.16",
        store_paths=1,
        free_bytes=1 << 30,
        uploaded=9,
        deleted=2,
        last_change=100,
        synced_until=100,
        last_heartbeat=500,
    )
    return replace(plain, **facts)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> ScriptedCluster:
    cluster = ScriptedCluster(monkeypatch)
    for host in (SOURCE, OTHER):
        cluster.on(host, Command.QUERY_INFO, stat(5, 0xCAFE))
        cluster.on(host, Command.DOWNLOAD, reply(b"hello"))
        cluster.on(host, Command.GET_METADATA, reply(b"OriginFileName\2a.txt\1lang\2de"))
        cluster.on(host, Command.DELETE, reply())
    return cluster


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> list[GroupServer]:
    """What trackers list."""
    listed = [_server(OTHER), _server(SOURCE)]

    async def servers_of(_: Trackers, group: str) -> list[GroupServer]:
        assert group == "group1"
        return listed

    async def groups(_: Trackers) -> list[str]:
        return ["group1"]

    monkeypatch.setattr(Trackers, "servers_of", servers_of)
    monkeypatch.setattr(Trackers, "groups", groups)
    return listed


@pytest.fixture
async def source(cluster: ScriptedCluster, servers: list[GroupServer]) -> AsyncIterator[FastdfsMigrationSource]:
    config = cluster.config()
    async with FastdfsBlobStore(config, cluster.observer) as store:
        yield FastdfsMigrationSource(config, store)
        cluster.require_nothing_left(store.session)


def _session_of(source: FastdfsMigrationSource) -> Any:
    return cast("Any", source)._session  # noqa: SLF001 - whether it has a connection is not seen from outside


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
    session = _session_of(source)
    limit = session.limit

    def noted(seconds: float) -> Limit:
        limits.append(seconds)
        return cast("Limit", limit(seconds))

    monkeypatch.setattr(session, "limit", noted)
    cluster.on(SOURCE, Command.QUERY_INFO, stat(160 * 1024 * 1024))
    await source.facts(_GROWING)
    assert limits == [15, 25]


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
    assert _session_of(source).pool_use().in_use == 0


async def test_a_stand_in_fetches_nothing(cluster: ScriptedCluster, source: FastdfsMigrationSource) -> None:
    cluster.on(TRACKER, Command.UPDATE, server(OTHER))
    assert await source.fetch(_HELLO, 5) is None
    assert cluster.asked == ["update"]


async def _opened(source: FastdfsMigrationSource, *arguments: Any, **more: Any) -> bytes:
    async with source.open(*arguments, **more) as body:
        return b"".join([chunk async for chunk in body])


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
        assert await _opened(source, _HELLO, byte_range) == expected
    else:
        with pytest.raises(expected) as raised:
            await _opened(source, _HELLO, byte_range)
        assert raised.value.file_id == str(_HELLO)
        assert raised.value.backend == Backend.FASTDFS
    assert cluster.asked == ["update", *(f"{command}@{SOURCE}" for command in asked.split())]
    assert _session_of(source).pool_use().in_use == 0
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
        assert _session_of(source).pool_use().in_use == 0
    async with source.open(_HELLO):
        assert _session_of(source).pool_use().in_use == 1
    assert _session_of(source).pool_use().in_use == 0


async def test_a_server_that_is_named_is_asked_alone(cluster: ScriptedCluster, source: FastdfsMigrationSource) -> None:
    assert await _opened(source, _HELLO, server=f"{OTHER}:23000") == b"hello"
    assert cluster.asked == [f"download@{OTHER}"]
    with pytest.raises(
        InvalidArgumentException,
        match=r"group1 has no storage server 127\.0\.0\.9:23000; it has: 127\.0\.0\.3:23000, 127\.0\.0\.2:23000",
    ):
        await _opened(source, _HELLO, server="127.0.0.9:23000")
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
        assert await _opened(source, _HELLO) == expected
    else:
        with pytest.raises(expected):
            await _opened(source, _HELLO)
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
    servers.append(_server(third))
    cluster.on(TRACKER, Command.UPDATE, server(OTHER))
    cluster.on(OTHER, Command.DOWNLOAD, answer)
    cluster.on(third, Command.QUERY_INFO, stat(5))
    cluster.on(third, Command.DOWNLOAD, reply(b"hello"))
    if isinstance(expected, bytes):
        assert await _opened(source, _HELLO) == expected
    else:
        with pytest.raises(expected, match="status 28"):
            await _opened(source, _HELLO)
    assert " ".join(cluster.asked[1:]).replace(OTHER, "O").replace(third, "T") == asked


async def test_metadata_are_those_of_the_store(source: FastdfsMigrationSource) -> None:
    assert await source.metadata(_HELLO) == SourceMetadata("a.txt", "text/plain", {"lang": "de"})


async def _listed(source: FastdfsMigrationSource) -> None:
    async with source.listing("group1", f"{SOURCE}:23000", 0):
        pytest.fail("there is nothing to read")


@pytest.mark.parametrize(
    ("call", "operation", "file_id"),
    [
        (lambda it: it.facts(_HELLO), "facts", _HELLO),
        (lambda it: it.replicas(_HELLO), "replicas", _HELLO),
        (lambda it: it.delete(_HELLO), "delete", _HELLO),
        (lambda it: _opened(it, _HELLO), "download", _HELLO),
        (lambda it: it.groups(), "list groups", None),
        (_listed, "listing", None),
    ],
)
async def test_an_error_says_what_was_asked_about_which_file(
    cluster: ScriptedCluster,
    source: FastdfsMigrationSource,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[[FastdfsMigrationSource], Awaitable[object]],
    operation: str,
    file_id: FileId | None,
) -> None:
    async def refused(*_: object) -> list[GroupServer]:
        raise ServerRefusal(PEER, 13)

    monkeypatch.setattr(Trackers, "servers_of", refused)
    cluster.on(TRACKER, Command.UPDATE, reply(status=13))
    with pytest.raises(AccessDeniedException) as raised:
        await call(source)
    assert (raised.value.operation, raised.value.file_id) == (operation, file_id and str(file_id))


async def test_a_listing_that_could_not_begin_leaves_the_turn_to_the_next(
    cluster: ScriptedCluster, source: FastdfsMigrationSource
) -> None:
    cluster.on(SOURCE, Command.LIST_STORE_PATH, _MISSING)
    for _ in range(2):
        with pytest.raises(StorageOperationException, match=r"its records are missing \(binlog\.000\)"):
            await _listed(source)


async def test_replicas_begin_with_the_source_and_end_with_those_that_are_down(
    cluster: ScriptedCluster, source: FastdfsMigrationSource, servers: list[GroupServer]
) -> None:
    third = _server("127.0.0.4", is_active=False)
    servers[:] = [third, _server(OTHER), _server(SOURCE)]
    cluster.on(TRACKER, Command.UPDATE, server(OTHER))
    assert await source.replicas(_HELLO) == [f"{host}:23000" for host in (SOURCE, OTHER, "127.0.0.4")]
    assert await source.replicas(_HANDMADE) == [f"{host}:23000" for host in (OTHER, SOURCE, "127.0.0.4")]


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


async def test_a_group_is_described_server_by_server(
    cluster: ScriptedCluster, source: FastdfsMigrationSource, servers: list[GroupServer]
) -> None:
    servers[:] = [
        _server(SOURCE, last_change=300, synced_until=200, store_paths=2),
        _server(OTHER, last_change=250, synced_until=299, is_active=False, last_heartbeat=0),
    ]
    plain = SourceServer(
        name=f"{SOURCE}:23000",
        store_paths=2,
        version="6.16",
        active=True,
        files=7,
        synced_until=200,
        free_bytes=1 << 30,
        heard_at=500,
    )
    other = replace(plain, name=f"{OTHER}:23000", store_paths=1, active=False, synced_until=299, heard_at=None)
    assert await source.groups() == [SourceGroup("group1", [plain, other])]


@pytest.mark.parametrize(
    ("synced_until", "changes", "expected"),
    [
        (200, [], None),
        (200, [0, 0], 500),
        (200, [100, 200, 300], 500),
        (200, [201, 300], 200),
        (200, [0, 201], 200),
        (200, [200], 500),
    ],
    ids=["alone", "nothing changed", "one is behind it", "all are ahead", "one never changed", "level"],
)
async def test_a_server_is_level_with_the_first_of_its_peers(
    cluster: ScriptedCluster,
    source: FastdfsMigrationSource,
    servers: list[GroupServer],
    synced_until: int,
    changes: list[int],
    expected: int | None,
) -> None:
    peers = [_server(f"127.0.1.{number}", last_change=change) for number, change in enumerate(changes)]
    servers[:] = [_server(SOURCE, synced_until=synced_until, last_change=900), *peers]
    [group] = await source.groups()
    assert group.servers[0].synced_until == expected


class TestListings:
    """Names of a store path, one scan of a server at a time."""

    @staticmethod
    def _listing(*names: bytes, whole: bool = True) -> bytes:
        text = b"".join(b"1800000000 C %b\n" % name for name in names)
        body = text + (len(text).to_bytes(8) if whole else b"")
        return reply(length=1 << 58) + body

    @staticmethod
    async def _listed(source: FastdfsMigrationSource) -> tuple[list[str], bool]:
        async with source.listing("group1", f"{SOURCE}:23000", 1) as listed:
            names = [name async for name in listed]
            assert _session_of(source).pool_use().in_use == 0, "it is given back before a slow reader comes to its end"
            return names, listed.complete

    @pytest.fixture(autouse=True)
    def _end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server closes at the end of a listing."""
        receive = ScriptedChannel.receive

        async def received(channel: ScriptedChannel, size: int) -> bytes:
            return await receive(channel, size) if channel._replies else b""  # noqa: SLF001 - of the script

        monkeypatch.setattr(ScriptedChannel, "receive", received)
        monkeypatch.setattr(ScriptedChannel, "receive_next", received)

    async def test_names_come_sorted_and_without_metadata(
        self, cluster: ScriptedCluster, source: FastdfsMigrationSource
    ) -> None:
        slave = _HELLO.key.removesuffix(".txt").encode() + b"-m"
        cluster.on(SOURCE, Command.LIST_STORE_PATH, self._listing(b"M01/b", b"M01/a-m", b"M01/a", slave, b"M01/gone-m"))
        assert await self._listed(source) == (sorted(["M01/a", "M01/b", slave.decode()]), True)
        assert cluster.asked == [f"list_store_path@{SOURCE}"]
        assert cluster.bodies[-1] == b"group1".ljust(16, b"\0") + b"\1"

    async def test_slaves_whose_names_end_like_those_of_metadata_are_files(
        self, cluster: ScriptedCluster, source: FastdfsMigrationSource
    ) -> None:
        master = b"M01/00/00/f6KUA2sHeOOILQEHAAAAgq-Az6EAAAAAQAAAAAAAAEA279"
        slaves = [master + tail for tail in (b"-m", b"_1-m", b"_abc-m", b"_abc.jpg")]
        others = [master + b"_abc.jpg-m", master + b".txt-m", b"M01/00/00/handmade-m"]
        cluster.on(SOURCE, Command.LIST_STORE_PATH, self._listing(*others, *slaves))
        names, complete = await self._listed(source)
        assert (sorted(names), complete) == (sorted(name.decode() for name in slaves), True)

    async def test_one_that_breaks_off_is_not_whole(
        self, cluster: ScriptedCluster, source: FastdfsMigrationSource
    ) -> None:
        cluster.on(SOURCE, Command.LIST_STORE_PATH, self._listing(b"M01/a", b"M01/b", whole=False))
        names, complete = await self._listed(source)
        assert (names[:1], complete) == (["M01/a"], False)

    async def test_names_that_came_before_a_fault_are_given_before_it_is_raised(
        self, cluster: ScriptedCluster, source: FastdfsMigrationSource
    ) -> None:
        cluster.on(SOURCE, Command.LIST_STORE_PATH, reply(length=1 << 58) + b"1 C M01/a\n" + b"no record\n" + b"x" * 30)
        async with source.listing("group1", f"{SOURCE}:23000", 1) as listed:
            with pytest.raises(StorageOperationException, match="no record of a file"):
                async for _ in listed:
                    pass
            assert not listed.complete

    @pytest.mark.parametrize(
        ("status", "told"),
        [(2, r"listing store path 1 of group1 at .*records are missing .*status 2"), (22, "no such store path"),
         (28, "has no space left")],
    )  # fmt: skip
    async def test_a_refusal_says_what_it_means_here_and_frees_the_server(
        self, cluster: ScriptedCluster, source: FastdfsMigrationSource, status: int, told: str
    ) -> None:
        cluster.on(SOURCE, Command.LIST_STORE_PATH, reply(status=status))
        for _ in range(2):
            with pytest.raises(StorageException, match=told) as refused:
                await self._listed(source)
            assert (refused.value.operation, refused.value.backend) == ("listing", Backend.FASTDFS)

    async def test_a_second_one_waits_for_the_first_and_is_refused_within_it(
        self, cluster: ScriptedCluster, source: FastdfsMigrationSource
    ) -> None:
        cluster.on(SOURCE, Command.LIST_STORE_PATH, self._listing(b"M01/a"))
        cluster.on(OTHER, Command.LIST_STORE_PATH, self._listing(b"M01/b"))
        async with source.listing("group1", f"{SOURCE}:23000", 1) as first:
            with pytest.raises(StorageOperationException, match="must be read or left first"):
                await self._listed(source)
            async with source.listing("group1", f"{OTHER}:23000", 1) as another:
                assert [name async for name in another] == ["M01/b"]
            assert [name async for name in first] == ["M01/a"]
            assert await self._listed(source) == (["M01/a"], True), "it has been read"
        async with source.listing("group1", f"{SOURCE}:23000", 1):
            assert _session_of(source).pool_use().in_use == 1
        assert _session_of(source).pool_use().in_use == 0
        assert await self._listed(source) == (["M01/a"], True), "it was left"

    async def test_names_beyond_memory_wait_in_a_file_whose_failure_is_told(
        self, cluster: ScriptedCluster, servers: list[GroupServer], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        monkeypatch.setattr("s3py_helper.adapters.fastdfs.name_spool.NameSpool.IN_MEMORY", 2)
        names = [b"M01/%d" % number for number in range(5)]
        cluster.on(SOURCE, Command.LIST_STORE_PATH, self._listing(*names))
        for folder, works in ((tmp_path, True), (tmp_path / "none", False)):
            config = cluster.config(spool_directory=folder)
            async with FastdfsBlobStore(config) as store:
                source = FastdfsMigrationSource(config, store)
                if works:
                    assert await self._listed(source) == ([name.decode() for name in names], True)
                else:
                    with pytest.raises(StorageOperationException, match="the temporary file of a listing failed"):
                        await self._listed(source)
                    assert store.session.pool_use().in_use == 0
