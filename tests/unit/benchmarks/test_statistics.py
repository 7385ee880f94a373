import pytest

from benchmarks.child.attempt import percentile
from benchmarks.harness.statistics import Spread, times_as_good


def test_spread_shows_the_middle_and_both_ends() -> None:
    assert Spread.of([5.0, 1.0, 4.0, 2.0, 100.0]) == Spread(4.0, 1.0, 100.0)


def test_nothing_has_no_spread() -> None:
    with pytest.raises(ValueError, match="no values"):
        Spread.of([])


@pytest.mark.parametrize(
    ("ours", "theirs", "less_is_better", "expected"),
    [(400, 100, False, 4), (50, 100, False, 0.5), (50, 100, True, 2), (200, 100, True, 0.5)],
)
def test_more_than_once_as_good_is_better_whatever_the_unit(
    ours: float, theirs: float, less_is_better: bool, expected: float
) -> None:
    assert times_as_good(ours, theirs, less_is_better=less_is_better) == expected


def test_a_figure_of_zero_gives_no_ratio() -> None:
    assert times_as_good(1, 0, less_is_better=False) is None
    assert times_as_good(0, 1, less_is_better=True) is None


@pytest.mark.parametrize(
    ("values", "expected"), [([], None), ([7.0], 7.0), ([float(n) for n in range(200)], 198.0), ([3.0, 1.0, 2.0], 3.0)]
)
def test_percentile_leaves_so_large_a_share_below(values: list[float], expected: float | None) -> None:
    assert percentile(values, 0.99) == expected
