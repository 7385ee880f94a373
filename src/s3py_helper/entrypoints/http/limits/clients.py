"""Whom limits for each client count as one."""

from ipaddress import IPv6Address

from starlette.types import Scope

_NETWORK_BYTES = 8


def client_of(scope: Scope) -> str:
    """The client's address; for IPv6 its network of 64 bits, as one machine has all addresses of such a network."""
    client: tuple[str, int] | None = scope["client"]
    if client is None:
        return ""
    host = client[0]
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host)
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return address.packed[:_NETWORK_BYTES].hex()
