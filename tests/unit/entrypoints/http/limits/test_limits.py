"""What the numbers may be, whom they count, and memory that requests share."""

from typing import Any

import pytest

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.http.limits.clients import client_of
from s3py_helper.entrypoints.http.limits.errors import ServiceBusyException
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.limits.memory import MemoryBudget
from s3py_helper.entrypoints.settings import Settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"idle_timeout": 0},
        {"min_upload_rate": -1},
        {"concurrent_uploads": 0},
        {"concurrent_downloads": 0},
        {"concurrent_archives": -1},
        {"list_memory": 0},
        {"queue_timeout": -0.1},
        {"client_share": 0},
        {"client_share": 1.1},
    ],
)
def test_a_number_that_makes_no_sense_is_named(wrong: dict[str, Any]) -> None:
    [name] = wrong
    with pytest.raises(InvalidArgumentException, match=name):
        Limits(**wrong)
    with pytest.raises(ValueError, match=name):
        Settings(_env_file=None, **wrong)


def test_settings_and_limits_agree_on_their_defaults() -> None:
    settings, limits = Settings(_env_file=None), Limits()
    for name in Limits.__dataclass_fields__:
        assert getattr(settings, name) == getattr(limits, name), name


@pytest.mark.parametrize(("workers", "expected"), [(1, (9, 7, 5, 90)), (2, (4, 3, 2, 45)), (100, (1, 1, 1, 1))])
def test_processes_share_what_is_counted_and_nothing_else(workers: int, expected: tuple[int, int, int, int]) -> None:
    limits = Limits(1, 2, 9, 7, 5, 90, 3, 0.25, 4)
    assert limits.divided(workers) == Limits(1, 2, *expected, 3, 0.25, 4)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", True),
        ("2001:db8:1:2::1", "2001:0db8:0001:0002::3", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("not:an:address", "not:an:address", True),
        ("not:an:address", "another:one", False),
    ],
)
def test_a_client_is_an_address_or_a_network(one: str, other: str, *, same: bool) -> None:
    clients = [client_of({"client": (host, port)}) for host, port in ((one, 1), (other, 2))]
    assert (clients[0] == clients[1]) is same


def test_clients_without_an_address_are_one() -> None:
    assert client_of({"client": None}) == ""


def test_memory_is_bounded_in_all_and_for_each_client() -> None:
    memory = MemoryBudget("lists", 100, share=0.5)
    memory.charge("a", 40)
    with pytest.raises(ServiceBusyException, match="lists of this client take all of its 50 bytes"):
        memory.charge("a", 11)
    memory.charge("a", 10)
    memory.charge("b", 49)
    with pytest.raises(ServiceBusyException, match="lists take all of the 100 bytes"):
        memory.charge("c", 2)
    assert memory.used == 99
    memory.release("a", 20)
    with pytest.raises(ServiceBusyException, match="of this client"):
        memory.charge("a", 21)
    memory.charge("a", 20)
    memory.release("b", 49)
    memory.charge("c", 50)
    memory.release("a", 50)
    memory.release("c", 50)
    assert memory.used == 0
    memory.charge("a", 50)
