"""Connecting: look-ups that are shared, and sockets that notice when the other end is gone."""

import asyncio
import socket

import pytest

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.dialing import Dialer

pytestmark = pytest.mark.timeout(60)


async def test_one_look_up_serves_all_who_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    loop = asyncio.get_running_loop()
    look_up = loop.getaddrinfo

    async def counted(host: str, port: int, **options: int) -> object:
        asked.append(host)
        await asyncio.sleep(0.05)
        return await look_up(host, port, **options)

    monkeypatch.setattr(loop, "getaddrinfo", counted)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1")
    async with server:
        dialer = Dialer()
        address = Address("localhost", server.sockets[0].getsockname()[1])
        tasks = [asyncio.create_task(dialer.connect(address)) for _ in range(20)]
        await asyncio.sleep(0.01)
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        for task in tasks[1:]:
            (await task).close()
        assert asked == ["localhost"]
        (await dialer.connect(address)).close()
        assert asked == ["localhost"] * 2


async def test_a_failed_look_up_fails_all_and_is_not_remembered() -> None:
    dialer = Dialer()
    for _ in range(2):
        tasks = [dialer.connect(Address("name.invalid", 22122)) for _ in range(3)]
        assert all(isinstance(error, OSError) for error in await asyncio.gather(*tasks, return_exceptions=True))


async def test_sockets_send_at_once_and_notice_when_the_other_end_is_gone() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1")
    async with server:
        sock = await Dialer().connect(Address("127.0.0.1", server.sockets[0].getsockname()[1]))
        with sock:
            assert not sock.getblocking()
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 30
