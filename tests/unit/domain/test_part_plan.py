"""Parts cover every byte exactly once, within S3's limits."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.domain.errors import FileTooLargeException, InvalidArgumentException
from s3py_helper.domain.part_plan import (
    MAX_OBJECT_SIZE,
    MAX_PART_SIZE,
    MAX_PARTS,
    MIB,
    MIN_PART_SIZE,
    part_sizes,
)

part_size_choices = st.integers(min_value=MIN_PART_SIZE, max_value=MAX_PART_SIZE)


@given(part_size_choices, st.integers(min_value=0, max_value=MAX_OBJECT_SIZE))
def test_parts_of_a_known_size_add_up_to_it(part_size: int, total: int) -> None:
    parts = list(part_sizes(part_size, total))
    assert sum(parts) == total
    assert len(parts) <= MAX_PARTS
    assert all(MIN_PART_SIZE <= part <= MAX_PART_SIZE for part in parts[:-1])
    assert all(0 < part <= MAX_PART_SIZE for part in parts)


@given(part_size_choices)
def test_parts_of_an_unknown_size_reach_the_largest_object(part_size: int) -> None:
    parts = list(part_sizes(part_size))
    assert sum(parts) == MAX_OBJECT_SIZE
    assert len(parts) <= MAX_PARTS
    assert all(part_size <= part <= MAX_PART_SIZE for part in parts[:-1])
    assert all(earlier <= later for earlier, later in pairwise(parts[:-1]))


def test_small_files_of_unknown_size_are_cut_into_small_parts() -> None:
    plan = part_sizes(8 * MIB)
    assert [next(plan) for _ in range(1030)] == [8 * MIB] * 1030
    assert [next(plan) for _ in range(400)] == [16 * MIB] * 400
    assert next(plan) == 32 * MIB


def test_the_smallest_parts_do_not_grow_below_five_gib() -> None:
    small = [part for part in part_sizes(MIN_PART_SIZE) if part == MIN_PART_SIZE]
    assert sum(small) >= 5 * 1024 * MIB


@given(part_size_choices)
def test_parts_of_an_unknown_size_stay_within_memory(part_size: int) -> None:
    assert max(part_sizes(part_size)) <= max(part_size, 768 * MIB)


def test_a_part_size_that_would_need_too_many_parts_grows() -> None:
    parts = list(part_sizes(5 * MIB, MAX_OBJECT_SIZE))
    assert len(parts) <= MAX_PARTS
    assert parts[0] == 525 * MIB


@pytest.mark.parametrize("part_size", [0, MIN_PART_SIZE - 1, MAX_PART_SIZE + 1])
def test_a_part_size_outside_the_limits_is_refused(part_size: int) -> None:
    with pytest.raises(InvalidArgumentException, match="5 MiB"):
        part_sizes(part_size)


def test_more_than_the_largest_object_is_refused() -> None:
    with pytest.raises(FileTooLargeException) as caught:
        part_sizes(8 * MIB, MAX_OBJECT_SIZE + 1)
    assert caught.value.limit == MAX_OBJECT_SIZE


def test_ten_thousand_parts_are_the_most_that_s3_takes() -> None:
    assert len(list(part_sizes(5 * MIB, 50_000 * MIB))) == 10_000
    one_more = list(part_sizes(5 * MIB, 50_000 * MIB + 1))
    assert len(one_more) <= 10_000
    assert one_more[0] == 6 * MIB
    assert max(len(list(part_sizes(size))) for size in (5 * MIB, 6 * MIB, 8 * MIB)) <= 10_000
