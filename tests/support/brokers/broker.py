"""A broker that tests may stop, and make forget everything."""

import shutil
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 20.0


class Broker(ABC):
    """A process with a data folder of its own; it listens while it runs.

    Args:
        folder: For data and log.

    Attributes:
        url: Where workers find it.
        description: What it is, for the table of servers.
    """

    scheme: str

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"{self.scheme}://{HOST}:{self._port}"
        self.description = _first_line([self.program(), "--version"])

    @classmethod
    def program(cls) -> str:
        """The path of the program; empty where there is none."""
        return shutil.which(cls.name(), path=str(Path(sys.executable).parent)) or shutil.which(cls.name()) or ""

    @classmethod
    @abstractmethod
    def name(cls) -> str:
        """The name of the program."""

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Generator[Self]:
        """One that runs in the block."""
        broker = cls(folder)
        broker.start()
        try:
            yield broker
        finally:
            broker.stop()

    @abstractmethod
    def arguments(self, data: Path, port: int) -> Sequence[str]:
        """How it is started."""

    def start(self) -> None:
        """Start it with what it has on disk."""
        data = self._folder / "data"
        data.mkdir(exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            command = [self.program(), *self.arguments(data, self._port)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + _START_SECONDS
        while not _listens(self._port):
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < end, "it does not listen"
            time.sleep(0.02)

    def stop(self) -> None:
        """Kill it, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def lose_everything(self) -> None:
        """Kill it and start it without what it had."""
        self.stop()
        shutil.rmtree(self._folder / "data")
        self.start()


class Nats(Broker):
    scheme = "nats"

    @classmethod
    def name(cls) -> str:
        return "nats-server"

    def arguments(self, data: Path, port: int) -> Sequence[str]:
        return ["--addr", HOST, "--port", str(port), "--jetstream", "--store_dir", str(data)]


class Redis(Broker):
    scheme = "redis"

    @classmethod
    def name(cls) -> str:
        return "redis-server"

    def arguments(self, data: Path, port: int) -> Sequence[str]:
        return ["--bind", HOST, "--port", str(port), "--dir", str(data), "--appendonly", "yes", "--save", ""]


BROKERS: Final[dict[str, type[Broker]]] = {"nats": Nats, "redis": Redis}


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _first_line(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]
