"""Look-ups of hosts: how many, where, and for how long they are good."""

import asyncio
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aiohappyeyeballs import AddrInfoType

from s3py_helper.adapters.s3.http import resolving
from s3py_helper.adapters.s3.http.faults import HostNotFound
from s3py_helper.adapters.s3.http.resolving import Resolver, rotated
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(20)


def address(host: str, port: int = 80) -> AddrInfoType:
    if ":" in host:
        return (socket.AF_INET6, socket.SOCK_STREAM, 0, "", (host, port, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port))


class Names:
    """A name server that answers when it is told to."""

    def __init__(self, *answers: str) -> None:
        self.asked: list[tuple[str, int]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.answers = answers

    def __call__(self, host: str, port: int) -> Sequence[AddrInfoType]:
        self.asked.append((host, port))
        assert self.may_answer.wait(10)
        if not self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [address(answer, port) for answer in self.answers]


async def test_those_who_ask_at_the_same_time_share_one_look_up() -> None:
    names = Names("127.0.0.1")
    names.may_answer.clear()
    resolver = Resolver(names)
    asking = [asyncio.create_task(resolver.addresses("s3.example", 80)) for _ in range(64)]
    await until(lambda: names.asked)
    names.may_answer.set()
    assert await asyncio.gather(*asking) == [[address("127.0.0.1")]] * 64
    assert names.asked == [("s3.example", 80)]


async def test_an_answer_is_good_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names("127.0.0.1")
    resolver = Resolver(names)
    for _ in range(3):
        await resolver.addresses("s3.example", 80)
    assert len(names.asked) == 1
    await resolver.addresses("other.example", 80)
    await resolver.addresses("s3.example", 81)
    assert len(names.asked) == 3
    monkeypatch.setattr(resolving, "KNOWN_SECONDS", 0.0)
    resolver.forget("s3.example", 80)
    for _ in range(2):
        await resolver.addresses("s3.example", 80)
    assert len(names.asked) == 5, "an answer of which no time is left is asked for again"


async def test_an_answer_is_good_for_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    now = [1000.0]
    monkeypatch.setattr(loop, "time", lambda: now[0])
    names = Names("127.0.0.1")
    resolver = Resolver(names)
    for now[0], asked in ((1000.0, 1), (1009.9, 1), (1010.0, 2), (1019.9, 2), (1020.0, 3)):
        await resolver.addresses("s3.example", 80)
        assert len(names.asked) == asked


async def test_what_led_nowhere_is_asked_for_again() -> None:
    names = Names("127.0.0.1")
    resolver = Resolver(names)
    await resolver.addresses("s3.example", 80)
    resolver.forget("s3.example", 80)
    resolver.forget("unknown.example", 80)
    await resolver.addresses("s3.example", 80)
    assert len(names.asked) == 2


async def test_a_failure_reaches_all_who_wait_and_is_not_remembered() -> None:
    names = Names()
    names.may_answer.clear()
    resolver = Resolver(names)
    asking = [asyncio.create_task(resolver.addresses("nowhere.example", 80)) for _ in range(3)]
    await until(lambda: names.asked)
    names.may_answer.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(result) for result in results] == [HostNotFound] * 3
    assert all(isinstance(result.__cause__, socket.gaierror) for result in results if isinstance(result, HostNotFound))
    names.answers = ("127.0.0.1",)
    assert await resolver.addresses("nowhere.example", 80)


async def test_who_gives_up_leaves_the_answer_to_the_others() -> None:
    names = Names("127.0.0.1")
    names.may_answer.clear()
    resolver = Resolver(names)
    first, second = (asyncio.create_task(resolver.addresses("s3.example", 80)) for _ in range(2))
    await until(lambda: names.asked)
    first.cancel()
    await asyncio.wait([first])
    names.may_answer.set()
    assert await second == [address("127.0.0.1")]
    assert len(names.asked) == 1


async def test_when_all_give_up_nothing_is_left_of_a_failure() -> None:
    """Not even a complaint of the event loop about an exception that nobody has seen: warnings are errors here."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    names = Names()
    names.may_answer.clear()
    resolver = Resolver(names)
    asking = asyncio.create_task(resolver.addresses("nowhere.example", 80))
    await until(lambda: names.asked)
    asking.cancel()
    await asyncio.wait([asking])
    names.may_answer.set()
    await until(lambda: not resolver.is_asking)
    del asking
    assert not complaints


async def test_a_name_server_that_does_not_answer_keeps_no_thread_of_others() -> None:
    class Executor(ThreadPoolExecutor):
        submitted = 0

        def submit(self, *arguments: Any, **named: Any) -> Any:
            self.submitted += 1
            return super().submit(*arguments, **named)

    executor = Executor(max_workers=1)
    asyncio.get_running_loop().set_default_executor(executor)
    names = Names("127.0.0.1")
    names.may_answer.clear()
    resolver = Resolver(names)
    asking = [asyncio.create_task(resolver.addresses(f"{number}.example", 80)) for number in range(8)]
    await until(lambda: len(names.asked) == 8)
    assert executor.submitted == 0
    names.may_answer.set()
    await asyncio.gather(*asking)


def test_an_event_loop_that_ends_does_not_wait_for_a_name_server() -> None:
    names = Names("127.0.0.1")
    names.may_answer.clear()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Resolver(names).addresses("s3.example", 80), 0.05)

    asyncio.run(give_up())
    [thread] = [thread for thread in threading.enumerate() if thread.name == "resolve s3.example"]
    assert thread.daemon, "neither does a process"
    names.may_answer.set()
    thread.join(5)


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "_REMEMBERED", 4)
    names = Names("127.0.0.1")
    resolver = Resolver(names)
    for number in range(6):
        await resolver.addresses(f"{number}.example", 80)
    assert resolver.remembered == 4


async def test_what_is_not_good_any_more_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "_REMEMBERED", 4)
    monkeypatch.setattr(resolving, "KNOWN_SECONDS", 0.0)
    names = Names("127.0.0.1")
    resolver = Resolver(names)
    for number in range(4):
        await resolver.addresses(f"{number}.example", 80)
    monkeypatch.setattr(resolving, "KNOWN_SECONDS", 10.0)
    for _ in range(2):
        await resolver.addresses("new.example", 80)
    assert (resolver.remembered, len(names.asked)) == (1, 5)


async def test_callers_begin_with_different_addresses() -> None:
    resolver = Resolver(Names("127.0.0.1", "127.0.0.2"))
    firsts = [(await resolver.addresses("s3.example", 80))[0] for _ in range(4)]
    assert firsts[:2] == firsts[2:]
    assert set(firsts) == {address("127.0.0.1"), address("127.0.0.2")}


async def test_the_system_is_asked_for_addresses_of_streams() -> None:
    found = await Resolver().addresses("127.0.0.1", 80)
    assert [(family, kind, place) for family, kind, _, _, place in found] == [
        (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 80))
    ]


def test_the_addresses_of_a_family_take_turns_and_the_families_do_not() -> None:
    six_a, six_b, four_a, four_b, four_c = map(address, ("::1", "::2", "127.0.0.1", "127.0.0.2", "127.0.0.3"))
    found = [six_a, six_b, four_a, four_b, four_c]
    assert [rotated(found, turn) for turn in range(3)] == [
        [six_a, six_b, four_a, four_b, four_c],
        [six_b, six_a, four_b, four_c, four_a],
        [six_a, six_b, four_c, four_a, four_b],
    ]
    assert rotated([], 1) == []


async def test_a_name_that_no_host_can_have_is_not_found() -> None:
    def refuse(host: str, _port: int) -> Sequence[AddrInfoType]:
        raise UnicodeError(f"label too long: {host}")

    with pytest.raises(HostNotFound):
        await Resolver(refuse).addresses("x" * 64, 80)
