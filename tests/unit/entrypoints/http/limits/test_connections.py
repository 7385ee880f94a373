"""The pool follows what the service grants."""

import pytest

from s3py_helper.adapters.s3.http.places import Hold, Places
from s3py_helper.entrypoints.container.config import S3Config, S3PerfConfig
from s3py_helper.entrypoints.http.limits.connections import with_connections_for
from s3py_helper.entrypoints.http.limits.limits import Limits


def _size(limits: Limits, perf: S3PerfConfig | None = None) -> int:
    config = with_connections_for(limits, S3Config(endpoint="http://127.0.0.1:1", perf=perf))
    assert config.perf is not None
    return config.perf.max_pool_connections


@pytest.mark.parametrize("limits", [Limits(), Limits(concurrent_downloads=500), Limits(concurrent_uploads=1)])
def test_all_transfers_at_once_leave_room_for_short_ones(limits: Limits) -> None:
    places = Places(_size(limits))
    held = limits.concurrent_downloads + 2 * limits.concurrent_archives
    assert all(places.take(Hold.LASTING) for _ in range(held))
    assert all(places.take(Hold.BULK) for _ in range(limits.concurrent_uploads * 4))
    assert all(places.take(Hold.LASTING) for _ in range(16))
    assert places.take(Hold.BRIEF)


def test_parts_in_flight_count() -> None:
    limits = Limits(concurrent_uploads=10)
    more = S3PerfConfig(parts_in_flight=8, read_timeout=5)
    assert _size(limits, more) == _size(limits) + 10 * 4
    config = with_connections_for(limits, S3Config(endpoint="http://127.0.0.1:1", perf=more))
    assert config.perf is not None
    assert config.perf.read_timeout == 5


def test_a_size_that_is_set_is_kept() -> None:
    assert _size(Limits(), S3PerfConfig(max_pool_connections=3)) == 3


def test_the_pool_has_a_largest_size() -> None:
    assert _size(Limits(concurrent_downloads=5000)) == 1000
