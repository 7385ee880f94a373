"""How many files are copied at once."""

from s3py_helper.application.migration.allowance import Allowance


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_trouble_halves_it_once_in_a_second_and_calm_brings_it_back() -> None:
    clock = Clock()
    allowance = Allowance(16, clock)
    for _ in range(5):
        allowance.failed()
    assert (allowance.now, allowance.gives_way) == (8, True)
    clock.now += 2
    allowance.failed()
    assert allowance.now == 4
    for _ in range(20):
        clock.now += 5.1
        allowance.succeeded(0.01)
    assert (allowance.now, allowance.gives_way) == (16, False)


def test_calm_allows_one_more_at_a_time() -> None:
    clock = Clock()
    allowance = Allowance(16, clock)
    allowance.failed()
    seen: list[int] = []
    for _ in range(4):
        clock.now += 3
        allowance.succeeded(0.01)
        seen.append(allowance.now)
    assert seen == [8, 9, 9, 10]


def test_it_never_comes_to_nothing() -> None:
    clock = Clock()
    allowance = Allowance(2, clock)
    for _ in range(9):
        clock.now += 2
        allowance.failed()
    assert allowance.now == 1


def test_copies_that_take_much_longer_than_usual_are_trouble() -> None:
    clock = Clock()
    allowance = Allowance(16, clock)
    for _ in range(200):
        allowance.succeeded(0.2)
    for _ in range(5):
        allowance.succeeded(0.5)
    assert allowance.now == 16, "a little slower is no trouble"
    clock.now += 2
    for _ in range(30):
        allowance.succeeded(4.0)
    assert allowance.now == 8


def test_what_is_usual_has_to_be_known_first() -> None:
    allowance = Allowance(16, Clock())
    for seconds in [0.1] * 40 + [9.0] * 10:
        allowance.succeeded(seconds)
    assert allowance.now == 16
    allowance.succeeded(9.0)
    assert allowance.now == 8


def test_what_is_usually_slow_is_no_trouble() -> None:
    allowance = Allowance(16, Clock())
    for seconds in [2.0] * 60 + [5.0] * 60:
        allowance.succeeded(seconds)
    assert allowance.now == 16


def test_trouble_that_is_over_is_no_trouble_again() -> None:
    clock = Clock()
    allowance = Allowance(16, clock)
    for _ in range(100):
        allowance.succeeded(0.2)
    while allowance.now == 16:
        allowance.succeeded(4.0)
    clock.now += 2
    allowance.succeeded(0.2)
    assert allowance.now == 8


def test_quick_copies_may_vary() -> None:
    allowance = Allowance(16, Clock())
    for _ in range(200):
        allowance.succeeded(0.002)
    for _ in range(30):
        allowance.succeeded(0.1)
    assert allowance.now == 16


def test_a_target_that_is_down_is_asked_now_and_then() -> None:
    allowance = Allowance(16, Clock())
    for _ in range(7):
        allowance.failed()
    assert allowance.pause == 0
    allowance.failed()
    assert allowance.pause == 0.5
    allowance.failed()
    assert allowance.pause == 1
    for _ in range(2000):
        allowance.failed()
    assert allowance.pause == 10
    allowance.succeeded()
    assert allowance.pause == 0


def test_another_maximum_holds_at_once() -> None:
    allowance = Allowance(16, Clock())
    allowance.set_most(4)
    assert allowance.now == 4
    allowance.set_most(8)
    assert allowance.now == 8
    allowance.failed()
    allowance.set_most(16)
    assert allowance.now == 4, "what was given way to still counts"
    allowance.set_most(2)
    assert allowance.now == 2
