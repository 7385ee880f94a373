"""How long the other end may take, and whom a channel leaves alone; the clock is the test's."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from s3py_helper.adapters.fastdfs.protocol import channel as module
from s3py_helper.adapters.fastdfs.protocol.channel import Channel

pytestmark = pytest.mark.timeout(30)


class Timer:
    """What `call_later` returns."""

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self.is_over = False

    def cancel(self) -> None:
        self.is_over = True


class Time:
    """Seconds that pass when a test says so, with the timers that they set off.

    Attributes:
        now: The clock.
        timers: All that were set.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []
        self._loop = asyncio.get_running_loop()
        monkeypatch.setattr(module, "monotonic", lambda: self.now)
        monkeypatch.setattr(self._loop, "call_later", self._call_later)

    def _call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now + delay, callback))
        return self.timers[-1]

    @property
    def pending(self) -> list[Timer]:
        return [timer for timer in self.timers if not timer.is_over]

    async def passes(self, seconds: float) -> None:
        await settled()
        end = self.now + seconds
        while due := [timer for timer in self.pending if timer.due <= end]:
            timer = min(due, key=lambda timer: timer.due)
            self.now = max(self.now, timer.due)
            timer.is_over = True
            timer.callback()
        self.now = end
        await settled()


class Ends:
    """A channel, and the socket at its other end."""

    def __init__(self, timeout: float, pair: tuple[socket.socket, socket.socket] | None = None) -> None:
        self.ours, self.theirs = pair or socket.socketpair()
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        self.fd = self.ours.fileno()
        self.channel = Channel(self.ours, timeout)

    def receiving(self, size: int = 100) -> "asyncio.Future[bytes]":
        return asyncio.ensure_future(self.channel.receive(size))

    def is_watched(self) -> bool:
        """Whether its reader is registered; it is not afterwards."""
        return asyncio.get_running_loop().remove_reader(self.fd)

    def close(self) -> None:
        self.theirs.close()
        self.channel.close()


async def settled() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


@pytest.fixture
async def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


@pytest.fixture
async def ends(time: Time) -> AsyncIterator[Ends]:
    with contextlib.closing(Ends(timeout=3)) as ends:
        yield ends


async def test_what_moved_in_one_window_excuses_nothing_in_the_next(ends: Ends, time: Time) -> None:
    async def received(size: int, *, after: float) -> int:
        receiving = ends.receiving(64 * 1024)
        await settled()
        time.now += after
        ends.theirs.sendall(bytes(size))
        return len(await receiving)

    assert await received(16 * 1024, after=31) == 16 * 1024
    assert await received(1, after=29) == 1, "this window of ten timeouts is not over"
    with pytest.raises(TimeoutError, match="sent only 2 bytes in 31 s"):
        await received(1, after=2)


@pytest.mark.parametrize(("each", "allowance", "most"), [(3, 0, 30), (3, 5, 35), (30, 0, 60), (100, 0, 100)])
async def test_a_window_is_ten_timeouts_but_no_minute(time: Time, each: float, allowance: float, most: float) -> None:
    with contextlib.closing(Ends(each)) as ends:
        ends.channel.allowance = allowance
        for after, is_over in ((most, False), (0.5, True)):
            receiving = ends.receiving()
            await settled()
            time.now += after
            ends.theirs.sendall(b"x")
            with pytest.raises(TimeoutError, match="sent only 2 bytes") if is_over else contextlib.nullcontext():
                assert await receiving == b"x"


@pytest.mark.parametrize(("allowance", "seconds"), [(0, 3), (4, 7)])
async def test_a_wait_has_its_timeout_and_what_is_allowed_besides(
    ends: Ends, time: Time, allowance: float, seconds: float
) -> None:
    ends.channel.allowance = allowance
    receiving = ends.receiving()
    await time.passes(seconds - 0.1)
    assert not receiving.done()
    await time.passes(0.1)
    with pytest.raises(TimeoutError, match=f"sent no byte within {seconds:g} s"):
        await receiving


async def test_each_wait_has_a_timeout_of_its_own(ends: Ends, time: Time) -> None:
    for _ in range(3):
        receiving = ends.receiving()
        await time.passes(2.5)
        ends.theirs.sendall(b"x")
        assert await receiving == b"x"
    receiving = ends.receiving()
    await time.passes(2.9)
    assert not receiving.done()
    await time.passes(0.2)
    with pytest.raises(TimeoutError):
        await receiving


async def test_a_shorter_timeout_holds_from_the_next_wait_on(ends: Ends, time: Time) -> None:
    receiving = ends.receiving()
    await settled()
    ends.theirs.sendall(b"x")
    assert await receiving == b"x"
    ends.channel.timeout = 1
    receiving = ends.receiving()
    await time.passes(1)
    with pytest.raises(TimeoutError, match="sent no byte within 1 s"):
        await receiving


async def test_a_bound_holds_for_all_waits_together_until_it_is_lifted(ends: Ends, time: Time) -> None:
    async def dripping(*, count: int) -> None:
        for _ in range(count):
            receiving = ends.receiving()
            await time.passes(2)
            if not receiving.done():
                ends.theirs.sendall(b"x")
            assert await receiving == b"x"

    ends.channel.bound(5)
    await dripping(count=2)
    with pytest.raises(TimeoutError, match="did not finish its reply in time"):
        await dripping(count=1)
    ends.channel.bound(5)
    await dripping(count=1)
    ends.channel.unbound()
    await dripping(count=4)
    ends.channel.bound(5)
    ends.channel.unbound()
    await dripping(count=4)


async def test_a_sender_waits_with_a_timeout_and_is_not_woken_by_an_early_reply(ends: Ends, time: Time) -> None:
    receiving = ends.receiving()
    await settled()
    ends.theirs.sendall(b"x")
    await receiving
    sending = asyncio.ensure_future(ends.channel.send(bytes(4_000_000)))
    await settled()
    ends.theirs.sendall(b"early")
    assert not ends.is_watched()
    await time.passes(2.9)
    assert not sending.done()
    await time.passes(0.2)
    with pytest.raises(TimeoutError, match="took no byte within 3 s"):
        await sending
    assert not asyncio.get_running_loop().remove_writer(ends.fd), "nobody waits to send any more"


async def test_a_sender_that_is_slowed_down_sends_everything(ends: Ends, time: Time) -> None:
    content = os.urandom(1_000_000)
    sending = asyncio.ensure_future(ends.channel.send(content))
    arrived = b""
    while len(arrived) < len(content):
        await time.passes(0.1)
        with contextlib.suppress(BlockingIOError):
            arrived += ends.theirs.recv(100_000)
    await sending
    assert arrived == content
    assert not asyncio.get_running_loop().remove_writer(ends.fd)


class Trickle(socket.socket):
    """A socket whose buffer has room for a hundred bytes, and for more after three seconds."""

    time: Time
    is_full = False

    def send(self, data: memoryview, flags: int = 0) -> int:  # type: ignore[override]  # takes what a channel sends
        self.is_full = not self.is_full
        if self.is_full:
            raise BlockingIOError
        self.time.now += 3
        return min(100, len(data))


async def test_a_peer_that_takes_next_to_nothing_is_given_up(time: Time) -> None:
    ours, theirs = socket.socketpair()
    trickle = Trickle(fileno=ours.detach())
    trickle.time = time
    with (
        contextlib.closing(Ends(3, (trickle, theirs))) as ends,
        pytest.raises(TimeoutError, match="took only 1100 bytes in 33 s"),
    ):
        await ends.channel.send(bytes(4_000))


@pytest.mark.parametrize("what", ["send", "receive"])
async def test_a_peer_that_never_makes_it_wait_stops_nobody_else(ends: Ends, what: str) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(other())
    ends.theirs.sendall(bytes(64))
    for _ in range(64):
        await (ends.channel.send(b"x") if what == "send" else ends.channel.receive(1))
    assert turns == 4, "one in sixteen"
    task.cancel()


async def test_what_comes_between_two_exchanges_is_noticed_once_and_forgotten_when_it_is_read(ends: Ends) -> None:
    receiving = ends.receiving()
    await settled()
    ends.theirs.sendall(b"x")
    assert await receiving == b"x"
    assert (ends.channel.is_disturbed, ends.channel.is_quiet()) == (False, True)
    ends.theirs.sendall(b"late")
    await settled()
    assert (ends.channel.is_disturbed, ends.channel.is_quiet()) == (True, False)
    assert not ends.is_watched(), "it would be reported again and again"
    assert await ends.channel.receive(100) == b"late"
    assert not ends.channel.is_disturbed


async def test_what_is_read_before_it_is_reported_disturbs_nobody(ends: Ends) -> None:
    receiving = ends.receiving()
    await settled()
    ends.theirs.sendall(b"x")
    assert await receiving == b"x"
    ends.theirs.sendall(b"next")
    await asyncio.sleep(0)  # the selector has seen it, and this task goes first
    assert await ends.channel.receive(100) == b"next"
    await settled()
    assert not ends.channel.is_disturbed


async def test_a_connection_that_breaks_is_not_taken_for_one_that_ends(ends: Ends) -> None:
    await ends.channel.send(b"nobody reads this")
    receiving = ends.receiving()
    await settled()
    ends.theirs.close()
    with pytest.raises(ConnectionResetError):
        await receiving


async def test_the_end_of_the_stream_is_an_empty_piece(ends: Ends) -> None:
    receiving = ends.receiving()
    await settled()
    ends.theirs.close()
    assert await receiving == b""
    assert not ends.channel.is_quiet()


async def test_nothing_watches_a_closed_channel(ends: Ends, time: Time) -> None:
    receiving = ends.receiving()
    await settled()
    ends.channel.abort()
    assert await receiving == b""
    assert len(time.pending) == 1
    ends.channel.close()
    assert time.pending == []
    assert not ends.is_watched()
    assert ends.ours.fileno() == -1


async def test_nothing_watches_one_that_is_closed_between_two_exchanges(ends: Ends, time: Time) -> None:
    receiving = ends.receiving()
    await settled()
    ends.theirs.sendall(b"x")
    assert await receiving == b"x"
    ends.channel.close()
    assert not ends.is_watched(), "the number of the socket may soon be another's"
    assert time.pending == []


async def test_a_forked_process_leaves_the_selector_to_its_parent(
    ends: Ends, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiving = ends.receiving()
    await settled()
    ends.theirs.sendall(b"x")
    await receiving
    monkeypatch.setattr(os, "getpid", lambda: -1)
    ends.channel.close()
    assert ends.ours.fileno() == -1
    assert len(time.pending) == 1
    assert ends.is_watched()


@pytest.mark.parametrize(
    ("error", "expected"),
    [(ConnectionResetError(104, "reset by peer"), "reset by peer"), (OSError("only words"), "only words"),
     (BrokenPipeError(), "BrokenPipeError")],
)  # fmt: skip
def test_an_error_of_the_system_is_told_without_its_number(error: OSError, expected: str) -> None:
    assert module.reason(error) == expected
