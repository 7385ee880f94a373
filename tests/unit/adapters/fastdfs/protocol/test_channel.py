"""How slow the other end may be; the clock is the test's."""

import asyncio
import contextlib
import socket

import pytest

from s3py_helper.adapters.fastdfs.protocol import channel as module
from s3py_helper.adapters.fastdfs.protocol.channel import Channel

pytestmark = pytest.mark.timeout(30)


async def test_what_moved_in_one_window_excuses_nothing_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    channel = Channel(ours, timeout=3)  # a window is ten of them

    async def received(size: int, *, after: float) -> int:
        receiving = asyncio.ensure_future(channel.receive(64 * 1024))
        await asyncio.sleep(0)
        now[0] += after
        theirs.sendall(bytes(size))
        return len(await receiving)

    with contextlib.closing(theirs), contextlib.closing(channel):
        assert await received(16 * 1024, after=31) == 16 * 1024
        assert await received(1, after=29) == 1, "this window is not over"
        with pytest.raises(TimeoutError, match="sent only 2 bytes in 31 s"):
            await received(1, after=2)
