"""`s3py` as processes of their own, which may be killed at any moment."""

import asyncio
import json
import os
import random
import re
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tests.support.rehearsal.between import Between

_LISTENING: Final = re.compile("Listening on (http[^,]+),")
_START_SECONDS: Final = 60
_PROGRAM: Final = "from s3py_helper.entrypoints.cli import main; main()"
_WITH_LEASE: Final = "from s3py_helper.application.migration import applying; applying.LEASE_SECONDS = {}; "


class Commands:
    """Runs commands of one deployment.

    Args:
        folder: Where they are run; what they say on standard error is kept there.
        settings: Variables `S3PY_...`.
        lease_seconds: How long a worker that was killed keeps its files; `None` as long as usual.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], *, lease_seconds: float | None = None) -> None:
        self.log = folder / "stderr.log"
        self.kills = 0
        self.freezes = 0
        self._lease_seconds = lease_seconds
        self._folder = folder
        self._environment = {"PATH": os.environ["PATH"], **settings}
        lease = "" if lease_seconds is None else _WITH_LEASE.format(lease_seconds)
        self._command = [sys.executable, "-c", lease + _PROGRAM]

    async def start(self, *arguments: str, keeps_output: bool = True) -> asyncio.subprocess.Process:
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self._command,
                *arguments,
                cwd=self._folder,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if keeps_output else asyncio.subprocess.DEVNULL,
                stderr=log,
            )

    async def migrate(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit code and summary of a command with `--json`."""
        process = await self.start("migrate", *arguments, "--json")
        out, _ = await _until_the_end(process)
        lines = out.decode().splitlines()
        assert process.returncode is not None
        return process.returncode, json.loads(lines[-1]) if lines else {}

    async def says(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of a command."""
        process = await self.start(*arguments)
        out, _ = await _until_the_end(process)
        assert process.returncode is not None
        return process.returncode, out.decode()

    async def killed(self, *arguments: str, after: float) -> int:
        """Run a command and kill it after so many seconds; -9, or its exit code where it ended before."""
        process = await self.start("migrate", *arguments, keeps_output=False)
        try:
            async with asyncio.timeout(after):
                await process.wait()
        except TimeoutError:
            self.kills += 1
        return await _kill(process)

    @asynccontextmanager
    async def dying_workers(self, count: int, every: float, between: Between) -> AsyncGenerator[None]:
        """Keep so many workers copying; every few seconds one of them is killed, and another takes its place.

        Where leases are short, now and then one is frozen instead, for longer than its lease.
        """
        others = [await self._begun(between.supervisor)] if between.supervisor else []
        workers = [await self._begun(between.worker) for _ in range(count)]
        killing = asyncio.ensure_future(self._keep_killing(workers, every, between))
        try:
            yield
        finally:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)
            await asyncio.gather(*map(_kill, [*workers, *others]))

    @asynccontextmanager
    async def service(self) -> AsyncGenerator[str]:
        """`s3py serve`; gives its URL."""
        said = self._folder / "service.log"
        with said.open("wb") as log:  # nobody reads a pipe of it, which would fill up
            process = await asyncio.create_subprocess_exec(
                *self._command, "serve", "--host", "127.0.0.1", "--port", "0",
                cwd=self._folder, env=self._environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not (found := _LISTENING.search(said.read_text(errors="replace"))):
                    assert process.returncode is None, said.read_text(errors="replace")
                    await asyncio.sleep(0.05)
            yield found[1]
        finally:
            await _kill(process)

    async def _begun(self, command: tuple[str, ...]) -> asyncio.subprocess.Process:
        return await self.start("migrate", *command, keeps_output=False)

    async def _keep_killing(self, workers: list[asyncio.subprocess.Process], every: float, between: Between) -> None:
        while True:
            await asyncio.sleep(random.uniform(0.5, 1.5) * every)
            index = random.randrange(len(workers))
            if self._lease_seconds is not None and self.kills % 3 == 2:
                workers[index].send_signal(signal.SIGSTOP)
                await asyncio.sleep(1.5 * self._lease_seconds)
                workers[index].send_signal(signal.SIGCONT)
                self.freezes += 1
                await asyncio.sleep(every)  # it goes on where it was
            await _kill(workers[index])
            self.kills += 1
            workers[index] = await self._begun(between.worker)


async def _until_the_end(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    try:
        return await process.communicate()
    except BaseException:  # nobody else would end it
        await _kill(process)
        raise


async def _kill(process: asyncio.subprocess.Process) -> int:
    if process.returncode is None:
        process.kill()
    return await process.wait()
