"""`s3py migrate worker` as processes of their own, and what happens to processes, databases and brokers."""

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.support.waiting import until

LEASE_SECONDS: Final = 3.0
_ROOT: Final = Path(__file__).parents[3]
_PROGRAM: Final = f"""
import sys, time
from s3py_helper.application.migration import applying, working
applying.LEASE_SECONDS, working.KICK_SECONDS = {LEASE_SECONDS}, 1.0
real, ahead = time.time, float(sys.argv.pop(1))
if ahead:
    time.time = lambda: real() + ahead
from s3py_helper.entrypoints.cli import main
main()
"""


class Fleet:
    """Workers of one migration.

    Args:
        folder: For what they say.
        settings: Variables `S3PY_...`.
        broker: The URL of one that carries the shards.

    Attributes:
        settings: Those of workers that are started from now on.
        runner: A command that runs each of these, given behind it.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], broker: str | None = None) -> None:
        self.kills = 0
        self.log = folder / "workers.log"
        self.workers: list[Process] = []
        self._folder = folder
        self.settings = dict(settings)
        self.runner: Sequence[str] = ()
        self._broker = () if broker is None else ("--broker", broker)
        self._random = random.Random(17)

    async def start(self, *arguments: str, ahead: float = 0.0) -> Process:
        """One command; its clock may be ahead of ours by so many seconds."""
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self.runner, sys.executable, "-c", _PROGRAM, str(ahead), "migrate", *arguments,
                cwd=self._folder, env=self.settings, stdin=DEVNULL, stdout=DEVNULL, stderr=log,
            )  # fmt: skip

    async def worker(self, *arguments: str, ahead: float = 0.0) -> Process:
        """One worker."""
        return await self.start("worker", *self._broker, *arguments, ahead=ahead)

    async def dying_worker(self, point: str, when: str) -> int:
        """A worker that ends without a word; see `tests.support.migration.dying`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.migration.dying", point, when, "1", "migrate", "worker", *self._broker,
            cwd=_ROOT, env={**self.settings, "LEASE_SECONDS": str(LEASE_SECONDS)},
        )  # fmt: skip
        return await process.wait()

    async def supervisor(self, *arguments: str) -> Process:
        return await self.start("supervisor", *self._broker, *arguments)

    @property
    def has_broker(self) -> bool:
        return bool(self._broker)

    @asynccontextmanager
    async def at_work(self, count: int) -> AsyncGenerator[None]:
        """So many workers, and a supervisor where there is a broker; at the end each is asked to stop, and does."""
        self.workers = [await self.worker("--watch") for _ in range(count)]
        others = [await self.supervisor("--watch")] if self._broker else []
        try:
            yield
            await until(lambda: all(map(_catches_sigterm, (*self.workers, *others))), within=60)
            codes = [await _ended(process, signal.SIGTERM) for process in (*self.workers, *others)]
            assert set(codes) == {143}, f"{codes}: {self.log.read_text(errors='replace')}"
        finally:
            for process in (*self.workers, *others):
                await _ended(process, signal.SIGKILL)

    async def kill_one(self) -> None:
        """One that is not stopped, as the kernel kills; another takes its place."""
        index = self._random.randrange(1, len(self.workers))
        await _ended(self.workers[index], signal.SIGKILL)
        self.kills += 1
        self.workers[index] = await self.worker("--watch")

    @asynccontextmanager
    async def one_asleep(self) -> AsyncGenerator[None]:
        """The first is stopped in the block, whatever it is at, as a machine that hangs."""
        sleeper = self.workers[0]
        sleeper.send_signal(signal.SIGSTOP)
        yield
        sleeper.send_signal(signal.SIGCONT)


def _catches_sigterm(process: Process) -> bool:
    """Whether it has come so far, or has ended; what is only being loaded ends by the signal itself."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return True
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return process.returncode is not None or bool(caught >> signal.SIGTERM - 1 & 1)


async def _ended(process: Process, number: signal.Signals) -> int:
    if process.returncode is None:
        os.kill(process.pid, signal.SIGCONT)
        process.send_signal(number)
    async with asyncio.timeout(60):
        return await process.wait()
