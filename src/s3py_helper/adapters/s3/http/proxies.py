"""Which proxy the environment names for a server, if any.

`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case, as curl(1) and Go's `net/http/httpproxy` read
them. There is no standard, and no library in use here goes far enough: `urllib.request` and those built on it (aiohttp,
botocore) know neither networks nor ports in `NO_PROXY`, requests knows networks of IPv4 only, httpx none.
"""

from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies

from s3py_helper.domain.errors import InvalidArgumentException

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HIGHEST_PORT: Final = 65535


def proxy_of_environment(url: str, proxies: Mapping[str, str] | None = None) -> str | None:
    """The address of the proxy for a server, with its scheme; `None` when the server is to be reached directly.

    Args:
        url: The server.
        proxies: What `urllib.request.getproxies` gives: a variable's value by the first part of its name in lower case.

    Raises:
        InvalidArgumentException: The proxy cannot be used; the text names the variable that it comes from.
    """
    known = getproxies() if proxies is None else proxies
    server = urlsplit(url)
    name = next((name for name in (server.scheme, "all") if known.get(name)), None)
    port = server.port or _DEFAULT_PORTS[server.scheme]
    if name is None or is_exempt(server.hostname or "", port, known.get("no", "")):
        return None
    return _checked(f"{name.upper()}_PROXY", known[name])


def is_exempt(host: str, port: int, no_proxy: str) -> bool:
    """Whether `NO_PROXY` has the server on its list.

    Entries are divided by commas or blanks:

    - `*`: every server;
    - `example.com`, `.example.com`, `*.example.com`: the host and all below it;
    - `192.168.1.7`, `::1`: an address;
    - `10.0.0.0/8`, `fd00::/8`: a network; servers named by a host name are not looked up for it;
    - any of the former but networks with a port, an IPv6 address in brackets then: `example.com:8080`, `[::1]:8080`.

    Args:
        host: The server's, without brackets.
        port: The server's.
        no_proxy: The list. Entries that cannot be parsed exempt no server.
    """
    host = host.lower().rstrip(".")
    address = _address(host)
    for entry in no_proxy.lower().replace(",", " ").split():
        if entry == "*":
            return True
        if "/" in entry:
            if address is not None and _is_within(address, entry):
                return True
            continue
        name, wanted_port = _divided(entry)
        if wanted_port not in {None, port}:
            continue
        entry_address = _address(name)
        if entry_address is not None or address is not None:
            if entry_address == address:
                return True
        elif (suffix := name.removeprefix("*").strip(".")) and (host == suffix or host.endswith(f".{suffix}")):
            return True
    return False


def _checked(variable: str, proxy: str) -> str:
    """The address with a scheme; without one it is an HTTP proxy's, as for curl."""
    address = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(address)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise InvalidArgumentException(f"{variable} is no address of a proxy, as in http://10.0.0.1:3128") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise InvalidArgumentException(
            f"{variable} names a proxy of the kind {parts.scheme!r}, of which only http and https are supported; "
            "NO_PROXY can exempt the server"
        )
    if not usable:
        raise InvalidArgumentException(f"{variable} is no address of a proxy, as in http://10.0.0.1:3128")
    return address


def _divided(entry: str) -> tuple[str, int | None]:
    """Name and port of an entry; a colon may as well be part of an IPv6 address."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, _port(rest.removeprefix(":")) if rest else None
    if entry.count(":") != 1:
        return entry, None
    name, _, port = entry.partition(":")
    return name, _port(port)


def _port(text: str) -> int | None:
    """`-1`, which no server has, for what is not a port."""
    return int(text) if text.isascii() and text.isdecimal() and int(text) <= _HIGHEST_PORT else -1


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_within(address: IPv4Address | IPv6Address, network: str) -> bool:
    with suppress(ValueError):
        return address in ip_network(network, strict=False)
    return False
