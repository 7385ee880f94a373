"""What a copy leaves in the target, and what proves it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest

from s3py_helper.application.ports.migration_source import SourceFacts
from s3py_helper.domain.errors import IntegrityException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import ID_METADATA, METADATA_SUFFIX, FileKind, FileState, moved_key
from tests.support.migration.in_memory import ABLE, SECOND, Kept, appender_id, id_of
from tests.support.migration.one_file import CONTENT, DESCRIBED, RICH, World, outcome_of, stored

pytestmark = pytest.mark.timeout(30)


async def test_a_file_is_stored_as_it_is(world: World, way: str) -> None:
    file_id = world.source.add(CONTENT, described=DESCRIBED)
    outcome = await world.copied(file_id)
    assert outcome == outcome_of(file_id, outcome, "crc32:id")
    key = moved_key("moved/", file_id)
    assert world.target.objects == {key: stored(file_id)}
    assert world.target.contents == {key: CONTENT}
    ways = {"in parts": [f"began {key}", "sent part 1", f"stored {key}"]}
    assert world.target.done == ways.get(way, [f"stored {key}"])
    assert world.observer.events == []
    asked = {"small": [], "streamed": ["bytes of the source"], "in parts": ["bytes of the source"]}[way]
    assert world.source.asked == [*asked, f"facts of {file_id.key}"]


async def test_what_headers_cannot_hold_is_stored_first(world: World, way: str) -> None:
    file_id = world.source.add(CONTENT, described=RICH)
    outcome = await world.copied(file_id)
    assert outcome == outcome_of(file_id, outcome, "crc32:id")
    key = moved_key("moved/", file_id)
    begun = [f"began {key}", "sent part 1"] if way == "in parts" else []
    assert world.target.done == [f"stored {key}{METADATA_SUFFIX}", *begun, f"stored {key}"]
    more = b'{"metadata": {"Author": "in capitals"}}'
    assert world.target.contents == {key: CONTENT, key + METADATA_SUFFIX: more}
    second = world.target.objects[key + METADATA_SUFFIX]
    assert (second.content_type, second.file_name, second.metadata) == (
        "application/json", None, {ID_METADATA: str(file_id)}
    )  # fmt: skip


async def test_a_second_object_that_is_there_stays_and_an_outdated_one_is_replaced(world: World) -> None:
    file_id = world.source.add(CONTENT, described=RICH)
    await world.copied(file_id)
    key = moved_key("moved/", file_id)
    world.target.done.clear()
    await world.copied(file_id)
    assert world.target.done == [], "both are there"
    for described in (replace(RICH, metadata={"Author": "another"}), replace(RICH, metadata={"Author": "anothex"})):
        world.source.files[file_id].described = described
        await world.copied(file_id)
        assert world.target.contents[key + METADATA_SUFFIX].decode() == (
            f'{{"metadata": {{"Author": "{described.metadata["Author"]}"}}}}'
        )


def in_trunk(content: bytes) -> FileId:
    """An id of a file that lies within a trunk file: the place in it is a part of the name."""
    file_id = id_of(content, flags=1 << 59)
    return replace(file_id, key=f"{file_id.key[:-7]}{'A' * 16}{file_id.key[-7:]}")


async def test_the_id_of_a_file_within_a_trunk_file_proves_its_copy(world: World) -> None:
    file_id = in_trunk(CONTENT)
    world.source.files[file_id] = Kept(CONTENT, DESCRIBED)
    outcome = await world.copied(file_id, kind=FileKind.TRUNK)
    assert outcome == outcome_of(file_id, outcome, "crc32:id", FileKind.TRUNK)


@pytest.mark.parametrize("kind", [FileKind.SLAVE, FileKind.APPENDER])
async def test_what_its_server_has_no_sum_of_is_read_twice(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: FileKind
) -> None:
    file_id = id_of(CONTENT, tail="_150x150.jpg") if kind is FileKind.SLAVE else appender_id()
    world.source.files[file_id] = Kept(CONTENT, DESCRIBED)
    facts = world.source.facts

    async def unsummed(file_id: FileId) -> SourceFacts:
        return replace(await facts(file_id), crc32=None)

    monkeypatch.setattr(world.source, "facts", unsummed)
    outcome = await world.copied(file_id, kind=kind, unplanned=True)
    assert (outcome.state, outcome.proof, outcome.kind) == (FileState.COPIED, "two-reads", kind)


@pytest.mark.parametrize(
    ("kind", "tail", "proof"),
    [
        (FileKind.NORMAL, ".txt", "crc32:id"),
        (FileKind.SLAVE, "_150x150.jpg", "crc32:server"),
        (FileKind.SAME_SHAPE, "-big", "two-reads"),
    ],
)
@pytest.mark.parametrize("checks", [True, False])
async def test_each_kind_has_its_proof(world: World, kind: FileKind, tail: str, proof: str, checks: bool) -> None:
    world.target.abilities = replace(ABLE, checks_crc32=checks)
    file_id = id_of(CONTENT, tail=tail)
    world.source.files[file_id] = Kept(CONTENT, DESCRIBED)
    outcome = await world.copied(file_id, kind=kind)
    assert outcome == outcome_of(file_id, outcome, proof if checks else f"{proof}+read-back", kind)
    # The second read is of another server: what one has damaged would agree with itself.
    reads = [question for question in world.source.asked if question.startswith("bytes")]
    assert reads == ([f"bytes of {SECOND}", "bytes of the source"] if kind is FileKind.SAME_SHAPE else reads)


async def test_an_empty_file_is_copied_without_asking_for_its_bytes(world: World) -> None:
    file_id = world.source.add(b"", described=DESCRIBED)
    outcome = await world.copied(file_id)
    assert (outcome.state, outcome.proof, outcome.size) == (FileState.COPIED, "crc32:empty", 0)
    assert world.target.contents == {moved_key("moved/", file_id): b""}
    assert "bytes of the source" not in world.source.asked


async def test_an_appender_is_read_from_its_source_alone(world: World) -> None:
    file_id = appender_id()
    world.source.files[file_id] = Kept(CONTENT, DESCRIBED, elsewhere=CONTENT)
    world.target.spoils = True
    world.target.abilities = replace(ABLE, checks_crc32=False)
    assert (await world.copied(file_id, kind=FileKind.APPENDER)).state is FileState.QUARANTINED
    assert [question for question in world.source.asked if question.startswith("bytes")] == ["bytes of the source"]


async def test_what_a_target_has_spoilt_is_deleted_and_no_copy(world: World, way: str) -> None:
    world.target.abilities = replace(ABLE, checks_crc32=False)
    world.target.spoils = True
    file_id = world.source.add(CONTENT, described=DESCRIBED)
    outcome = await world.copied(file_id)
    assert outcome.state is FileState.QUARANTINED
    assert (outcome.reason or "").startswith("corrupt: the target has stored other bytes than were sent")
    assert world.target.objects == {}


async def test_a_target_that_finds_its_own_object_wrong_has_no_copy(
    world: World, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(_key: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        raise IntegrityException("the object is not what its checksum tells")

    monkeypatch.setattr(world.target, "open", refusing)
    world.target.abilities = replace(ABLE, checks_crc32=False)
    outcome = await world.copied(world.source.add(CONTENT, described=DESCRIBED))
    assert outcome.state is FileState.QUARANTINED
    assert world.target.objects == {}


async def test_what_was_planned_without_facts_gets_them(world: World, way: str) -> None:
    file_id = world.source.add(CONTENT, described=DESCRIBED)
    outcome = await world.copied(file_id, unplanned=True)
    assert outcome == outcome_of(file_id, outcome, "crc32:id")
