"""Making connections."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from aiohappyeyeballs import AddrInfoType, start_connection

from s3py_helper.adapters.fastdfs.protocol.address import Address

_NEXT_ADDRESS_AFTER: Final = 0.25
"""Seconds after which a host's next address is tried as well (RFC 8305, 5)."""

_IPV4: Final = 4

_KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
"""Firewalls and address translators silently drop flows that are idle for minutes. Probes every 20 s prevent that, and
make the system notice within another 15 s when the other end is gone."""


class Dialer:
    """Makes connected sockets. Callers that ask for the same host at once share one look-up of its name.

    A look-up takes a thread of the event loop's executor, which others need as well.
    """

    def __init__(self) -> None:
        self._look_ups: dict[Address, asyncio.Task[Sequence[AddrInfoType]]] = {}

    async def connect(self, address: Address) -> socket.socket:
        """Connect to the first of the host's addresses that accepts; raises `OSError` when none does."""
        try:
            sock = await start_connection(
                _as_it_is(address) or await self._resolved(address), happy_eyeballs_delay=_NEXT_ADDRESS_AFTER
            )
        except (RuntimeError, UnicodeError, OverflowError, ValueError) as error:
            # uvloop has a RuntimeError for some refusals; the others are about names that cannot be a host's.
            raise OSError(f"{type(error).__name__}: {error}") from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEP_ALIVE:
            if hasattr(socket, option):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        return sock

    async def _resolved(self, address: Address) -> Sequence[AddrInfoType]:
        look_up = self._look_ups.get(address)
        if look_up is None:
            look_up = self._look_ups[address] = asyncio.create_task(_look_up(address))
            look_up.add_done_callback(lambda done: self._forget(address, done))
        return await asyncio.shield(look_up)

    def _forget(self, address: Address, look_up: asyncio.Task[Sequence[AddrInfoType]]) -> None:
        self._look_ups.pop(address, None)
        if not look_up.cancelled():
            look_up.exception()  # marks it as seen: nobody may be waiting for it any more


async def _look_up(address: Address) -> Sequence[AddrInfoType]:
    return await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)


def _as_it_is(address: Address) -> list[AddrInfoType]:
    """The host itself where it is an address already."""
    try:
        version = ip_address(address.host).version
    except ValueError:
        return []
    if version == _IPV4:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address.host, address.port))]
    if "%" in address.host:
        return []  # only the resolver knows what a zone means
    return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address.host, address.port, 0, 0))]
