"""Making connections: directly or through a proxy, plain or encrypted."""

import asyncio
import socket
import ssl
from base64 import b64encode
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from aiohappyeyeballs import AddrInfoType, start_connection

from s3py_helper.adapters.s3.http.connection import HttpConnection
from s3py_helper.adapters.s3.http.faults import HttpFault, NoProxy, NotConnected, ProxyRefuses
from s3py_helper.adapters.s3.http.payload import EMPTY
from s3py_helper.adapters.s3.http.resolving import Resolver
from s3py_helper.adapters.s3.http.tls import TlsSettings

_NEXT_ADDRESS_AFTER: Final = 0.25
"""Seconds after which a host's next address is tried as well (RFC 8305, 5)."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SUCCESSFUL: Final = range(200, 300)
_IPV4: Final = 4


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection: host, port, and whether it speaks TLS."""

    host: str
    port: int
    secure: bool

    @classmethod
    def of(cls, url: str) -> Self:
        """The one that a URL names."""
        parts = urlsplit(url)
        return cls(parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme], parts.scheme == "https")

    @property
    def authority(self) -> str:
        """Host and port as CONNECT names them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def name(self) -> str:
        """The host as certificates name it: without the zone that an IPv6 address may have on this machine."""
        return self.host.partition("%")[0]


class Dialer:
    """Makes connections.

    Args:
        tls: How to speak TLS.
        proxy: Address of an HTTP proxy, possibly with user name and password.
        connect_timeout: Seconds for everything up to the first request.
        read_timeout: See `HttpConnection`.
        stall_timeout: See `HttpConnection`.
        resolver: Finds addresses.

    Attributes:
        has_proxy: Whether connections lead to a proxy.
        proxy_headers: How the proxy knows its user.
    """

    def __init__(
        self,
        tls: TlsSettings,
        proxy: str | None,
        *,
        connect_timeout: float,
        read_timeout: float,
        stall_timeout: float,
        resolver: Resolver | None = None,
    ) -> None:
        self._tls = tls
        self._making_context = asyncio.Lock()
        self._context: ssl.SSLContext | None = None
        self._proxy = None if proxy is None else Peer.of(proxy)
        self.has_proxy = proxy is not None
        self.proxy_headers = {} if proxy is None else _authorization(proxy)
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._stall_timeout = stall_timeout
        self._resolver = resolver or Resolver()

    async def dial(self, origin: str) -> HttpConnection:
        """A connection to the origin.

        Raises:
            NotConnected: It could not be made.
            ssl.SSLError: TLS failed.
        """
        peer = Peer.of(origin)
        try:
            async with asyncio.timeout(self._connect_timeout):
                if self._proxy is None:
                    return await self._connect(peer)
                return await self._connect_through(self._proxy, peer)
        except TimeoutError as error:
            raise NotConnected(f"not within {self._connect_timeout:g} s") from error

    async def _connect_through(self, proxy: Peer, peer: Peer) -> HttpConnection:
        try:
            connection = await self._connect(proxy)
        except NotConnected as error:
            raise NoProxy from (error.__cause__ or error)
        if not peer.secure:
            return connection
        try:
            await self._open_tunnel(connection, peer)
            await self._secure(connection, peer)
        except BaseException:  # nobody else knows of the connection yet
            connection.abort()
            raise
        return connection

    async def _open_tunnel(self, connection: HttpConnection, peer: Peer) -> None:
        lines = [f"CONNECT {peer.authority} HTTP/1.1", f"host: {peer.authority}"]
        lines += (f"{name}: {value}" for name, value in self.proxy_headers.items())
        try:
            response = await connection.ask("\r\n".join([*lines, "", ""]).encode(), EMPTY, bodyless=True)
        except (HttpFault, OSError) as error:
            raise NoProxy from error
        if response.status not in _SUCCESSFUL:
            raise ProxyRefuses(f"HTTP {response.status}")
        if response.has_surplus:
            # The host behind it sends nothing before the client has.
            raise NoProxy("it sends more than its response")

    async def _connect(self, peer: Peer) -> HttpConnection:
        connection = await self._connect_plainly(peer)
        if peer.secure:
            try:
                await self._secure(connection, peer)
            except BaseException:  # nobody else knows of the connection yet
                connection.abort()
                raise
        return connection

    async def _connect_plainly(self, peer: Peer) -> HttpConnection:
        literal = _as_it_is(peer)
        addresses = literal or await self._resolver.addresses(peer.host, peer.port)
        loop = asyncio.get_running_loop()
        try:
            connected = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_AFTER)
            # From here on the transport owns the socket, and closes it even when this is cancelled.
            _, connection = await loop.create_connection(
                lambda: HttpConnection(connected, self._read_timeout, self._stall_timeout), sock=connected
            )
        except OSError as error:
            if not literal:
                self._resolver.forget(peer.host, peer.port)
            raise NotConnected from error
        return connection

    async def _secure(self, connection: HttpConnection, peer: Peer) -> None:
        try:
            await connection.start_tls(self._context or await self._make_context(), peer.name)
        except ssl.SSLError:
            raise
        except (HttpFault, OSError) as error:
            raise NotConnected("during the TLS handshake") from error

    async def _make_context(self) -> ssl.SSLContext:
        async with self._making_context:
            if self._context is None:
                self._context = await asyncio.to_thread(self._tls)
        return self._context


def _as_it_is(peer: Peer) -> list[AddrInfoType]:
    """The host itself where it is an address already: asking the resolver would take a thread."""
    try:
        address = ip_address(peer.host)
    except ValueError:
        return []
    if address.version == _IPV4:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (peer.host, peer.port))]
    if "%" in peer.host:
        # Only the resolver knows what a zone means.
        return []
    return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (peer.host, peer.port, 0, 0))]


def _authorization(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"proxy-authorization": f"Basic {b64encode(pair.encode()).decode()}"}
