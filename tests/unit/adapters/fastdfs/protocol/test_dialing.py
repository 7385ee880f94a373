"""Making connections: which addresses are tried, and one look-up for all who ask for a host at once."""

import asyncio
import gc
import socket
from collections.abc import Sequence
from typing import Any

import pytest
from aiohappyeyeballs import AddrInfoType

from s3py_helper.adapters.fastdfs.protocol import dialing as module
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.dialing import Dialer

pytestmark = pytest.mark.timeout(30)

_TCP = (socket.SOCK_STREAM, socket.IPPROTO_TCP)
_FOUND: list[AddrInfoType] = [(socket.AF_INET, *_TCP, "", ("127.0.0.5", 22122))]


class Network:
    """Notes what is tried, looks names up when a test says so, and connects to nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tried: list[tuple[Sequence[AddrInfoType], dict[str, Any]]] = []
        self.looked_up: list[tuple[object, ...]] = []
        self.found: asyncio.Future[list[AddrInfoType]] = asyncio.get_running_loop().create_future()
        self.failure: Exception | None = None
        self.sockets: list[socket.socket] = []
        monkeypatch.setattr(module, "start_connection", self._start)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self._look_up)

    async def _start(self, addresses: Sequence[AddrInfoType], **options: Any) -> socket.socket:
        self.tried.append((addresses, options))
        if self.failure is not None:
            raise self.failure
        self.sockets.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        return self.sockets[-1]

    async def _look_up(self, *arguments: object, **options: object) -> list[AddrInfoType]:
        self.looked_up.append((*arguments, options))
        return await asyncio.shield(self.found)


@pytest.fixture
async def network(monkeypatch: pytest.MonkeyPatch) -> Any:
    network = Network(monkeypatch)
    yield network
    for made in network.sockets:
        made.close()


@pytest.mark.parametrize(
    ("host", "family", "where"),
    [
        ("127.0.0.7", socket.AF_INET, ("127.0.0.7", 22122)),
        ("::1", socket.AF_INET6, ("::1", 22122, 0, 0)),
    ],
)
async def test_an_address_is_not_looked_up(network: Network, host: str, family: int, where: tuple[object, ...]) -> None:
    await Dialer().connect(Address(host, 22122))
    assert network.looked_up == []
    assert network.tried == [([(family, *_TCP, "", where)], {"happy_eyeballs_delay": 0.25})]


@pytest.mark.parametrize("host", ["tracker.example.com", "fe80::1%lo"])
async def test_names_and_zones_are_looked_up_by_all_who_ask_at_once_together(network: Network, host: str) -> None:
    dialer, address = Dialer(), Address(host, 22122)
    calls = [asyncio.ensure_future(dialer.connect(address)) for _ in range(5)]
    await asyncio.sleep(0)
    calls[0].cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    network.found.set_result(_FOUND)
    await asyncio.gather(*calls[1:])
    assert calls[0].cancelled(), "and the others have their answer all the same"
    assert network.looked_up == [(host, 22122, {"type": socket.SOCK_STREAM})]
    assert network.tried == [(_FOUND, {"happy_eyeballs_delay": 0.25})] * 4
    await dialer.connect(address)
    assert len(network.looked_up) == 2, "an answer is used by those who wait for it"


async def test_a_name_that_is_not_found_is_looked_up_again_and_no_error_is_left_over(network: Network) -> None:
    unseen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
    dialer, address = Dialer(), Address("nobody.example.com", 1)
    left = asyncio.ensure_future(dialer.connect(address))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait([left])
    network.found.set_exception(socket.gaierror(-2, "Name or service not known"))
    for _ in range(4):
        await asyncio.sleep(0)
    with pytest.raises(OSError, match="Name or service not known"):
        await dialer.connect(address)
    assert len(network.looked_up) == 2
    del left
    gc.collect()
    assert unseen == []


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("no luck"),
        UnicodeError("label too long"),
        OverflowError("port must be 0-65535"),
        ValueError("embedded null byte"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_is_wrong_with_a_host_is_an_error_of_the_system(network: Network, error: Exception) -> None:
    network.failure = error
    with pytest.raises(OSError, match=f"^{type(error).__name__}: {error}$") as raised:
        await Dialer().connect(Address("127.0.0.7", 22122))
    assert raised.value.__cause__ is error


async def test_a_connection_sends_at_once_and_is_kept_alive(network: Network) -> None:
    made = await Dialer().connect(Address("127.0.0.7", 22122))
    assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    kept = [
        made.getsockopt(socket.IPPROTO_TCP, option)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    ]
    assert kept == [20, 5, 3], "a firewall forgets no flow, and who is gone is missed within 35 s"
