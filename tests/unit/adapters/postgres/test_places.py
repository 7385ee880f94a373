"""Where files stand among those that wait."""

from s3py_helper.adapters.postgres.places import PLACES, PLACES_OF_SHARD, places_for, places_of
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import SHARDS, shard_of

_IDS = [FileId.parse(f"group1/M00/{number >> 8:02X}/{number & 255:02X}/{number:08}.bin") for number in range(4000)]
"""One in each folder, as servers fill them."""


def test_files_that_are_written_together_share_the_places_of_their_shards() -> None:
    places = places_for(_IDS)
    assert [place // PLACES_OF_SHARD for place in places] == [shard_of(file_id) for file_id in _IDS]
    assert len(set(places)) == SHARDS


def test_files_that_are_not_are_spread_over_all_places() -> None:
    found = {place for start in range(0, 4000, 10) for place in places_for(_IDS[start : start + 10])}
    assert len(found) > 3000, "else a claim walks over what others have claimed"
    assert found <= set(range(PLACES))


def test_shards_share_no_place_and_leave_none_out() -> None:
    covered = [place for shard in range(SHARDS) for place in places_of(shard)]
    assert covered == list(places_of(None)) == list(range(PLACES))
