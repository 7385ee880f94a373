"""Addresses of servers, and where they are reached from here."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, Self

_TEXT: Final = re.compile(
    r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<plain>[^\s:/\[\]]+))(?::(?P<port>[0-9]{1,5}))?"
)
_MAX_PORT: Final = 65535


class Address(NamedTuple):
    """Host (name, IPv4 or IPv6 address without brackets) and port of a server.

    A named tuple: every request looks some up, and dataclasses are hashed and compared by Python code.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host:port` or `[IPv6 address]:port`; anything else raises `ValueError`."""
        host, port = _split(text)
        if port is None:
            raise ValueError(f"{text!r} names no port: write host:port, an IPv6 address in brackets")
        return cls(host, port)

    @classmethod
    def numeric(cls, host: str, port: int) -> Self:
        """The address of a server as another server reports it; raises `ValueError` for an impossible port."""
        if not 1 <= port <= _MAX_PORT:
            raise ValueError(f"{port} is no port")
        return cls(host, port)

    def __str__(self) -> str:
        """The text that `parse` reads."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class AddressMap:
    """Where to reach servers whose own addresses lead nowhere from here (NAT, containers).

    Entries are `"host:port": "host:port"`, or `"host": "host"` for all ports of a host. One with a port comes first.
    """

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._entries: dict[tuple[str, int | None], tuple[str, int | None]] = {}
        for known_as, reached_at in entries.items():
            known, reached = _split(known_as), _split(reached_at)
            if known[1] is not None and reached[1] is None:
                raise ValueError(f"{known_as!r} has a port, so {reached_at!r} needs one too")
            self._entries[known] = reached

    def reached_at(self, address: Address) -> Address:
        """The address to connect to: the given one when no entry matches."""
        host, port = self._entries.get((address.host, address.port)) or self._entries.get(
            (address.host, None), (address.host, None)
        )
        return Address(host, address.port if port is None else port)


def _split(text: str) -> tuple[str, int | None]:
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an address: write host:port, an IPv6 address in brackets")
    host = match["bracketed"] or match["plain"]
    if match["port"] is None:
        return host, None
    if not 1 <= (port := int(match["port"])) <= _MAX_PORT:
        raise ValueError(f"{text!r} has the port {port}, ports are 1 to {_MAX_PORT}")
    return host, port
