"""How many requests a client may send."""

from array import array

import pytest

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.http.limits.rates import CELLS, RateLimit


def _granted(rate: RateLimit, client: str, times: list[float]) -> int:
    return sum(rate.wait_of(client, now) == 0 for now in times)


def test_a_burst_is_granted_and_then_the_rate() -> None:
    rate = RateLimit(10, 5)
    assert _granted(rate, "a", [100.0] * 50) == 5
    assert _granted(rate, "a", [100 + step / 100 for step in range(1, 1001)]) == pytest.approx(100, abs=1)
    assert _granted(rate, "a", [1000.0] * 50) == 5


def test_who_waits_as_long_as_told_is_granted() -> None:
    rate = RateLimit(2, 1)
    assert rate.wait_of("a", 10.0) == 0
    wait = rate.wait_of("a", 10.1)
    assert wait == pytest.approx(0.4)
    assert rate.wait_of("a", 10.1 + wait + 1e-9) == 0


def test_what_is_refused_costs_nothing() -> None:
    rate = RateLimit(1, 1)
    rate.wait_of("a", 0.0)
    assert _granted(rate, "a", [0.5] * 1000) == 0
    assert rate.wait_of("a", 1.0) == 0


def test_clients_do_not_take_from_each_other() -> None:
    rate = RateLimit(1, 1)
    refused = sum(rate.wait_of(f"client {number}", 5.0) > 0 for number in range(3000))
    # With 3000 clients at once somebody may share all cells with others: one of a thousand, not one of ten.
    assert refused <= 3
    assert all(rate.wait_of(f"client {number}", 5.5) > 0 for number in range(3000))


def test_the_limit_holds_over_all_who_share_the_table() -> None:
    table, salt = array("d", bytes(8 * CELLS)), b"salt"
    workers = [RateLimit(1, 4, table, salt) for _ in range(3)]
    assert sum(worker.wait_of("a", 7.0) == 0 for _ in range(5) for worker in workers) == 4


def test_a_client_may_be_called_anything() -> None:
    rate = RateLimit(1, 1)
    for name in ("", "\udcff", "x" * 10_000):
        assert (rate.wait_of(name, 1.0), rate.wait_of(name, 1.0)) == (0, 1)


@pytest.mark.parametrize(("per_second", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_rate_that_makes_no_sense_is_refused(per_second: float, burst: int) -> None:
    with pytest.raises(InvalidArgumentException, match="a rate is above 0"):
        RateLimit(per_second, burst)
