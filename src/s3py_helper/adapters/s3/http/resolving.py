"""From the name of a host to its addresses."""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from aiohappyeyeballs import AddrInfoType

from s3py_helper.adapters.s3.http.faults import HostNotFound

KNOWN_SECONDS: Final = 10.0
"""Addresses are asked for again after this time: Amazon's own change every few seconds, and are valid for longer."""

_REMEMBERED: Final = 256

type Lookup = Callable[[str, int], Sequence[AddrInfoType]]


def _system_lookup(host: str, port: int) -> Sequence[AddrInfoType]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Resolver:
    """Asks the system's resolver: once for all callers who ask for a host at the same time, and not again for a while.

    Each lookup has a thread of its own: the event loop's are shared, and a name server that does not answer would block
    them all. There are never more such threads than hosts that are being connected to.

    Args:
        lookup: Asks the resolver, and blocks.
    """

    def __init__(self, lookup: Lookup = _system_lookup) -> None:
        self._lookup = lookup
        self._known: dict[tuple[str, int], tuple[float, Sequence[AddrInfoType]]] = {}
        self._asking: dict[tuple[str, int], asyncio.Future[Sequence[AddrInfoType]]] = {}
        self._turn = 0

    @property
    def is_asking(self) -> bool:
        """Whether a lookup is under way."""
        return bool(self._asking)

    @property
    def remembered(self) -> int:
        """How many hosts' addresses are known."""
        return len(self._known)

    async def addresses(self, host: str, port: int) -> Sequence[AddrInfoType]:
        """In the order to try them. Those of one family take turns, so that connections are spread over them.

        Raises:
            HostNotFound: There are none, or they could not be found out.
        """
        key = host, port
        loop = asyncio.get_running_loop()
        expires, found = self._known.get(key, (0.0, ()))
        if loop.time() >= expires:
            asking = self._asking.get(key)
            if asking is None:
                asking = self._asking[key] = self._ask(key, loop)
            try:
                # Shielded: one caller that gives up leaves the answer to the others.
                found = await asyncio.shield(asking)
            except (OSError, UnicodeError) as error:
                raise HostNotFound from error
        self._turn += 1
        return rotated(found, self._turn)

    def forget(self, host: str, port: int) -> None:
        """Forget a host none of whose addresses worked: the resolver is asked again next time."""
        self._known.pop((host, port), None)

    def _ask(self, key: tuple[str, int], loop: asyncio.AbstractEventLoop) -> "asyncio.Future[Sequence[AddrInfoType]]":
        asking: asyncio.Future[Sequence[AddrInfoType]] = loop.create_future()
        asking.add_done_callback(lambda done: self._note(key, done, loop.time()))

        def deliver(found: Sequence[AddrInfoType] | Exception) -> None:
            if asking.done():
                return
            if isinstance(found, Exception):
                asking.set_exception(found)
            else:
                asking.set_result(found)

        def ask() -> None:
            try:
                found: Sequence[AddrInfoType] | Exception = self._lookup(*key)
            except Exception as error:  # noqa: BLE001 - in a thread of its own: those who wait get whatever it is
                found = error
            # The event loop may have been closed meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(deliver, found)

        # A daemon, so that a process that ends does not wait for a name server.
        threading.Thread(target=ask, name=f"resolve {key[0]}", daemon=True).start()
        return asking

    def _note(self, key: tuple[str, int], done: "asyncio.Future[Sequence[AddrInfoType]]", now: float) -> None:
        self._asking.pop(key, None)
        # Reading the exception marks it as seen, even when nobody waits for it any more.
        if done.cancelled() or done.exception() is not None:
            return
        if len(self._known) >= _REMEMBERED:
            self._known = {host: known for host, known in self._known.items() if known[0] > now}
        if len(self._known) < _REMEMBERED:
            self._known[key] = now + KNOWN_SECONDS, done.result()


def rotated(addresses: Sequence[AddrInfoType], turn: int) -> list[AddrInfoType]:
    """Each family rotated by `turn`; the families keep their order (RFC 6724)."""
    families = list(dict.fromkeys(address[0] for address in addresses))
    result: list[AddrInfoType] = []
    for family in families:
        members = [address for address in addresses if address[0] == family]
        start = turn % len(members)
        result += members[start:] + members[:start]
    return result
