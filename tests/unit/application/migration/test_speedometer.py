"""How fast a migration moves."""

import pytest

from s3py_helper.application.migration.migration import MigrationStatus
from s3py_helper.application.migration.speedometer import Speed, Speedometer, Speeds
from s3py_helper.application.ports.ledger import Limits, Tally
from s3py_helper.domain.migration import FileState


def _status(copied: int, planned: int = 0, verified: int = 0, *, size: int = 10) -> MigrationStatus:
    counts = {FileState.COPIED: copied, FileState.PLANNED: planned, FileState.VERIFIED: verified}
    return MigrationStatus(
        [Tally("a", state, files, files * size) for state, files in counts.items()], {}, Limits(), [], []
    )


def test_there_is_no_speed_before_there_is_something_to_compare_with() -> None:
    speedometer = Speedometer()
    assert speedometer.speeds(100, _status(5)) is None
    assert speedometer.speeds(100.1, _status(6)) is None


def test_it_is_an_average_over_half_a_minute() -> None:
    speedometer = Speedometer()
    speeds = None
    for second in range(100):
        # Ten a second, and from the sixtieth second on twenty.
        speeds = speedometer.speeds(second, _status(10 * second + 10 * max(0, second - 60)))
        if second == 75:
            assert speeds is not None
            assert speeds.copied == Speed(15, 150), "half of it before the sixtieth"
    assert speeds is not None
    assert speeds.copied == Speed(20, 200)
    assert speeds.verified == speeds.drained == Speed(0, 0)


def test_who_looked_often_and_then_not_for_a_while_gets_the_latest_half_minute() -> None:
    speedometer = Speedometer()
    for second in range(20):
        speedometer.speeds(1e6 + second, _status(0))
    speeds = speedometer.speeds(1e6 + 60, _status(410))
    assert speeds is not None
    assert speeds.copied.files == 10, "since the last look"


def test_verified_files_are_copied_ones_too() -> None:
    speedometer = Speedometer()
    speedometer.speeds(0, _status(10))
    speeds = speedometer.speeds(10, _status(0, verified=10))
    assert speeds is not None
    assert (speeds.copied.files, speeds.verified.files) == (0, 1)


def test_who_looks_seldom_gets_the_average_since_the_last_look() -> None:
    speedometer = Speedometer()
    speeds = None
    for second in (0, 60, 120):
        speeds = speedometer.speeds(second, _status(second * second))
    assert speeds is not None
    assert speeds.copied.files == pytest.approx((120**2 - 60**2) / 60)
    assert speedometer.speeds(10_000, _status(0)) is None


def test_files_that_are_planned_again_make_no_negative_speed() -> None:
    speedometer = Speedometer()
    speedometer.speeds(0, _status(10))
    speeds = speedometer.speeds(10, _status(0, planned=10))
    assert speeds is not None
    assert speeds.copied == Speed(0, 0)


@pytest.mark.parametrize(
    ("speed", "planned", "seconds"),
    [
        (Speed(0, 0), 5, None),
        (Speed(0, 0), 0, 0.0),
        (Speed(2, 1000), 10, 5.0),
        (Speed(10, 10), 10, 10.0),
        (Speed(2, 0), 10, 5.0),
    ],
)
def test_the_time_left_is_the_longer_of_that_of_files_and_of_bytes(
    speed: Speed, planned: int, seconds: float | None
) -> None:
    assert Speeds(speed, Speed(0, 0), Speed(0, 0)).seconds_left(_status(0, planned)) == seconds
