"""What lies under the key of a file that is to be copied: its copy, an outdated one, or something else."""

from dataclasses import replace
from typing import Any

import pytest

from s3py_helper.application.ports.migration_source import SourceMetadata
from s3py_helper.application.ports.migration_target import NewObject, TargetObject
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import ID_METADATA, FileKind, FileState, moved_key
from tests.support.migration.in_memory import ABLE, Kept, appender_id
from tests.support.migration.one_file import CONTENT, DESCRIBED, World, outcome_of, stored

pytestmark = pytest.mark.timeout(30)


@pytest.fixture(params=[True, False], ids=["refuses to overwrite", "overwrites"])
def adopting(request: pytest.FixtureRequest, world: World) -> World:
    world.target.abilities = replace(ABLE, refuses_overwriting=request.param)
    return world


async def there(world: World, content: bytes = CONTENT, **differing: Any) -> FileId:
    """A file whose key has an object already."""
    file_id = world.source.add(CONTENT, described=DESCRIBED)
    key = moved_key("moved/", file_id)
    world.target.objects[key] = replace(stored(file_id, content=content), **differing)
    world.target.contents[key] = content
    return file_id


@pytest.mark.parametrize("summed", [True, False])
async def test_the_copy_of_an_earlier_attempt_is_adopted(adopting: World, way: str, summed: bool) -> None:
    file_id = await there(adopting) if summed else await there(adopting, crc32=None)
    outcome = await adopting.copied(file_id)
    assert outcome == outcome_of(file_id, outcome, "crc32:id")
    assert f"stored {moved_key('moved/', file_id)}" not in adopting.target.done


OTHERWISE: list[dict[str, Any]] = [
    {"file_name": "b.txt"},
    {"file_name": None},
    {"content_type": "text/css"},
    {"author": "nobody"},
]


@pytest.mark.parametrize("differing", OTHERWISE)
async def test_a_copy_that_is_described_otherwise_is_replaced(
    adopting: World, way: str, differing: dict[str, Any]
) -> None:
    differing = dict(differing)
    if author := differing.pop("author", None):
        pairs = stored(adopting.source.add(CONTENT, described=DESCRIBED)).metadata
        differing["metadata"] = {**pairs, "author": author}
    file_id = await there(adopting, **differing)
    outcome = await adopting.copied(file_id)
    assert outcome.state is FileState.COPIED
    assert adopting.target.objects == {moved_key("moved/", file_id): stored(file_id)}


async def test_a_type_that_the_target_made_up_is_no_difference(adopting: World) -> None:
    file_id = adopting.source.add(CONTENT, described=SourceMetadata(None, None, {}))
    await adopting.copied(file_id)
    key = moved_key("moved/", file_id)
    adopting.target.objects[key] = replace(adopting.target.objects[key], content_type="binary/octet-stream")
    adopting.target.done.clear()
    assert (await adopting.copied(file_id)).state is FileState.COPIED
    assert adopting.target.done == []


@pytest.mark.parametrize(
    ("differing", "says"),
    [
        ({"metadata": {}}, "conflict: another object has the key"),
        ({"metadata": {ID_METADATA: "group1/M00/00/00/another.txt"}}, "conflict: another object has the key"),
        ({"size": 7}, "has 7 bytes with another checksum"),
        ({"crc32": 7}, f"has {len(CONTENT)} bytes with another checksum"),
        ({"etag": None, "file_name": "b.txt"}, f"has {len(CONTENT)} bytes"),
    ],
)
async def test_an_object_that_is_not_the_copy_is_left_alone(
    adopting: World, way: str, differing: dict[str, Any], says: str
) -> None:
    file_id = await there(adopting, **differing)
    before = dict(adopting.target.objects)
    outcome = await adopting.copied(file_id)
    assert outcome.state is FileState.QUARANTINED
    assert says in (outcome.reason or "")
    assert adopting.target.objects == before


async def test_an_object_without_a_sum_is_read_back_before_it_is_adopted(adopting: World) -> None:
    file_id = await there(adopting, CONTENT[:-1] + b"?", crc32=None)
    outcome = await adopting.copied(file_id)
    assert outcome.state is FileState.QUARANTINED
    assert adopting.target.opened == 0


async def test_a_copy_that_was_found_wrong_is_read_back_and_replaced(adopting: World, way: str) -> None:
    file_id = adopting.source.add(CONTENT, described=DESCRIBED)
    await adopting.copied(file_id)
    key = moved_key("moved/", file_id)
    adopting.target.contents[key] = CONTENT[:-1] + b"?"  # whatever the target says of it
    adopting.target.done.clear()
    assert (await adopting.copied(file_id)).state is FileState.COPIED
    assert adopting.target.contents == {key: CONTENT}
    adopting.target.done.clear()
    assert (await adopting.copied(file_id)).state is FileState.COPIED
    assert f"stored {key}" not in adopting.target.done, "it is right"


async def test_a_copy_in_whose_place_something_else_lies_is_left_alone(adopting: World, way: str) -> None:
    file_id = adopting.source.add(CONTENT, described=DESCRIBED)
    await adopting.copied(file_id)
    key = moved_key("moved/", file_id)
    another = replace(adopting.target.objects[key], etag='"another"', crc32=7)
    adopting.target.objects[key] = another
    outcome = await adopting.copied(file_id)
    assert outcome.state is FileState.QUARANTINED
    assert (outcome.reason or "").startswith("conflict: ")
    assert adopting.target.objects == {key: another}


async def test_an_outdated_copy_of_an_appender_is_replaced(adopting: World, way: str) -> None:
    file_id = appender_id()
    adopting.source.files[file_id] = Kept(b"as it was", DESCRIBED)
    await adopting.copied(file_id, kind=FileKind.APPENDER)
    # The entry of the earlier copy was lost: nobody knows its ETag.
    await adopting.ledger._write("update file set etag = null")  # noqa: SLF001 - there is no other way to lose it
    key = moved_key("moved/", file_id)
    adopting.source.files[file_id].content = CONTENT
    outcome = await adopting.copied(file_id, kind=FileKind.APPENDER)
    assert (outcome.state, outcome.size) == (FileState.COPIED, len(CONTENT))
    assert adopting.target.contents == {key: CONTENT}


async def test_an_object_that_somebody_else_changes_meanwhile_is_left_for_another_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = await there(world, file_name="b.txt")
    key = moved_key("moved/", file_id)
    put = world.target.put

    async def after_another(new: NewObject, content: IncomingBody | bytes) -> TargetObject:
        if new.replaces is not None:
            world.target.objects[key] = replace(world.target.objects[key], etag='"of another"')
        return await put(new, content)

    monkeypatch.setattr(world.target, "put", after_another)
    with pytest.raises(StorageUnavailableException, match="was changed by somebody else meanwhile"):
        await world.copied(file_id)
    assert world.target.contents == {key: CONTENT}


async def test_an_object_that_goes_away_meanwhile_is_left_for_another_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = await there(world, file_name="b.txt")

    async def gone(_key: str) -> None:
        return None

    monkeypatch.setattr(world.target, "head", gone)
    with pytest.raises(StorageUnavailableException, match="was changed by somebody else meanwhile"):
        await world.copied(file_id)
