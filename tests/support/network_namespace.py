"""A program in a network of its own (network_namespaces(7)), which reaches servers of this host until it is cut off.

Run as `python network_namespace.py PARTED REACHED... -- COMMAND`: the command finds these servers under the addresses
that they have here (`HOST:PORT`), and no others. Between SIGUSR1 and SIGUSR2 to this process no byte passes between the
command and the server PARTED, in either direction, and no connection is closed: as in a network that loses all packets.
The command ends with this process.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Iterable, Sequence
from typing import Final

_PIECE: Final = 64 * 1024


class Passage:
    """Lets bytes through, or keeps them waiting."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    def cut(self) -> None:
        self._open.clear()

    def mend(self) -> None:
        self._open.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(_PIECE):
                await self._open.wait()
                writer.write(piece)
                await writer.drain()
            await self._open.wait()
            writer.write_eof()


def may_be_made() -> bool:
    """Whether this system lets a program make one."""
    if not all(map(shutil.which, ("ip", "setpriv", "unshare"))):
        return False
    tried = subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, check=False)
    return tried.returncode == 0


def runner(parted: str, *reached: str) -> Sequence[str]:
    """What to put before a command, so that it is run in a network of its own."""
    return (sys.executable, __file__, parted, *reached, "--")


def cut(processes: Iterable[Process]) -> None:
    """Let no byte pass to the servers that the processes can be cut off from."""
    for process in processes:
        process.send_signal(signal.SIGUSR1)


def mend(processes: Iterable[Process]) -> None:
    for process in processes:
        process.send_signal(signal.SIGUSR2)


def _unshare_network() -> None:
    """Move this process into a new network, in which it has no address but those of the loopback device."""
    os.unshare(os.CLONE_NEWNET)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


async def _relay(parted: str, listeners: dict[str, socket.socket], command: subprocess.Popen[bytes]) -> int:
    away, loop = Passage(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, away.cut)
    loop.add_signal_handler(signal.SIGUSR2, away.mend)
    loop.add_signal_handler(signal.SIGTERM, command.terminate)

    async def relayed(address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passage = away if address == parted else Passage()
        host, _, port = address.rpartition(":")
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        try:
            await asyncio.gather(passage.carry(reader, there_writer), passage.carry(there_reader, writer))
        finally:
            there_writer.close()
            writer.close()

    for address, listener in listeners.items():
        await asyncio.start_server(lambda *pair, address=address: relayed(address, *pair), sock=listener)
    return await asyncio.to_thread(command.wait)


def _listener(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_server((host, int(port)))


def main() -> None:
    parted, *rest = sys.argv[1:]
    reached, command = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    _unshare_network()
    listeners = {address: _listener(address) for address in {parted, *reached}}
    with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command]) as started:
        os.setns(here, os.CLONE_NEWNET)
        sys.exit(asyncio.run(_relay(parted, listeners, started)))


if __name__ == "__main__":
    main()
