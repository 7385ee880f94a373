"""Connecting."""

import asyncio
import ipaddress
import socket

from s3py_helper.adapters.fastdfs.protocol.address import Address


async def connected_socket(address: Address) -> socket.socket:
    """Connect to the first of the host's addresses that accepts; raises `OSError` when none does."""
    refusal: OSError | None = None
    for family, target in await _targets(address):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)  # noqa: FBT003 - the signature is the standard library's
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, target)
        except OSError as error:
            sock.close()
            refusal = error
        except BaseException:  # a cancelled connect must not leave its descriptor behind
            sock.close()
            raise
        else:
            return sock
    raise refusal or OSError(f"{address.host} has no address")


async def _targets(address: Address) -> list[tuple[int, tuple[object, ...]]]:
    try:
        version = ipaddress.ip_address(address.host).version
    except ValueError:
        infos = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        return [(family, target) for family, _, _, _, target in infos]
    family = socket.AF_INET if version == 4 else socket.AF_INET6  # noqa: PLR2004 - a version is no magic number
    return [(family, (address.host, address.port))]
