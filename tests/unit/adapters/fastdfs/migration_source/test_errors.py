"""What an error says of the question that it answers, and that the next question can be asked."""

import zlib
from collections.abc import Awaitable, Callable

import pytest

from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.fastdfs.protocol.faults import ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.group_listing import GroupServer
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers
from s3py_helper.domain.errors import AccessDeniedException, StorageOperationException
from s3py_helper.domain.file_id import FileId
from tests.support.fastdfs.migration_source import opened
from tests.support.fastdfs.protocol import Command
from tests.support.fastdfs.scripted_channel import PEER, reply
from tests.support.fastdfs.scripted_cluster import SOURCE, TRACKER, ScriptedCluster, named

pytestmark = pytest.mark.timeout(30)

_HELLO = named(5, zlib.crc32(b"hello"))
_MISSING = reply(status=2)


async def _listed(source: FastdfsMigrationSource) -> None:
    async with source.listing("group1", f"{SOURCE}:23000", 0):
        pytest.fail("there is nothing to read")


@pytest.mark.parametrize(
    ("call", "operation", "file_id"),
    [
        (lambda it: it.facts(_HELLO), "facts", _HELLO),
        (lambda it: it.replicas(_HELLO), "replicas", _HELLO),
        (lambda it: it.delete(_HELLO), "delete", _HELLO),
        (lambda it: opened(it, _HELLO), "download", _HELLO),
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
