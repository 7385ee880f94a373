"""A cluster in memory whose every answer a test gives, and of which every request is noted: no socket, no waiting."""

import base64
import struct
from collections.abc import Callable
from typing import Any

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.protocol import pool
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.dialing import Dialer
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.domain.file_id import FileId
from tests.support.fastdfs.protocol import Command
from tests.support.fastdfs.scripted_channel import ScriptedChannel, reply
from tests.support.recorder import Recorder

SOURCE, OTHER = "127.0.0.2", "127.0.0.3"
PORT = 23000
TRACKER = "127.0.0.1"
_HEADER = 10

type Answer = bytes | OSError | Callable[[bytes], bytes]


def group(name: str = "group1") -> bytes:
    """A group's name in requests and replies."""
    return name.encode().ljust(16, b"\0")


def named(size: int, crc32: int, *, kind: int = 1 << 63, source: str = SOURCE, made_at: int = 1_700_000_000) -> FileId:
    """The id of a file as servers make them; an old one, unless told otherwise."""
    fields = struct.pack("!4sIQI", bytes(map(int, source.split("."))), made_at, kind | size, crc32)
    return FileId.parse(f"group1/M00/00/00/{base64.b64encode(fields, b'-_').decode().rstrip('=')}123.txt")


def appender(source: str = SOURCE) -> FileId:
    """The id of a file that can grow."""
    return named(0, 0, kind=1 << 58, source=source)


def stat(size: int, crc32: int = 0) -> bytes:
    """The reply to a query for a file."""
    return reply(struct.pack("!QQQ", size, 1_700_000_000, crc32) + bytes(16))


def server(host: str, *, with_path: bool = False) -> bytes:
    """A tracker's reply that names a server."""
    return reply(group() + host.encode().ljust(15, b"\0") + PORT.to_bytes(8) + b"\0" * with_path)


class ScriptedCluster:
    """What each host answers to each command.

    Attributes:
        answers: By host and command: one answer after the other; the last for good.
        asked: Every request, as `command@host`, trackers' without their host.
        bodies: The bodies of the same requests.
        channels: Every connection.
        observer: Is notified of what happens.
        refuses: Hosts that accept no connection.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[tuple[str, Command], list[Answer]] = {}
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.channels: list[ScriptedChannel] = []
        self.observer = Recorder()
        self.refuses: set[str] = set()
        monkeypatch.setattr(Dialer, "connect", self._connect)
        monkeypatch.setattr(pool, "Channel", self._channel)
        self.on(TRACKER, Command.UPDATE, server(SOURCE))
        self.on(TRACKER, Command.FETCH_ONE, server(SOURCE))
        self.on(TRACKER, Command.STORE_ANYWHERE, server(SOURCE, with_path=True))
        self.on(TRACKER, Command.LIST_STORAGES, reply())

    def config(self, **settings: Any) -> FastdfsConfig:
        return FastdfsConfig(tracker_servers=[f"{TRACKER}:22122"], **settings)

    def on(self, host: str, command: Command, *answers: Answer) -> None:
        """Give these answers from now on."""
        self.answers[host, command] = list(answers)

    def answer(self, host: str, command: Command, body: bytes) -> bytes | OSError:
        self.asked.append(command.name.lower() if host == TRACKER else f"{command.name.lower()}@{host}")
        self.bodies.append(body)
        answers = self.answers.get((host, command))
        assert answers, f"{host} does not expect {command.name}"
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer(body) if callable(answer) else answer

    async def _connect(self, address: Address) -> Address:
        if address.host in self.refuses:
            raise ConnectionRefusedError(111, "Connection refused")
        return address

    def _channel(self, address: Address, timeout: float) -> ScriptedChannel:
        self.channels.append(_Channel(self, address.host, timeout))
        return self.channels[-1]

    def require_nothing_left(self, session: FastdfsSession) -> None:
        """No connection is in use, and none is neither idle nor closed."""
        assert session.pool_use().in_use == 0
        idle = sum(len(pool._idle) for pool in session.pools)  # noqa: SLF001 - what is kept is not seen from outside
        assert sum(not channel.is_closed for channel in self.channels) == idle


class _Channel(ScriptedChannel):
    """Answers each request once it is whole."""

    def __init__(self, cluster: ScriptedCluster, host: str, timeout: float) -> None:
        super().__init__(timeout=timeout)
        self._cluster = cluster
        self._host = host
        self._request = b""

    async def send(self, data: bytes | memoryview) -> None:
        await super().send(data)
        self._request += bytes(data)
        if len(self._request) >= _HEADER:
            end = _HEADER + int.from_bytes(self._request[:8])
            if len(self._request) >= end:
                request, self._request = self._request[:end], self._request[end:]
                command = Command(request[8])
                self._replies.append(self._cluster.answer(self._host, command, request[_HEADER:]))
