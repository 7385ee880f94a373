"""The programs of a real FastDFS, each in the foreground of a process of its own."""

import shutil
import subprocess
from pathlib import Path
from typing import IO, Final, Protocol

TRACKER_PROGRAM: Final = "fdfs_trackerd"
STORAGE_PROGRAM: Final = "fdfs_storaged"

_STOP_SECONDS: Final = 20


class Daemon(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None:
        """Does nothing where it is not running."""


class LocalDaemon:
    def __init__(self, program: str, conf: Path) -> None:
        self._command = [program, "--no-daemon", str(conf), "start"]
        self._output = conf.with_suffix(".out")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._output.open("ab") as output:
            self._process = _spawn(self._command, output)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def installed_version() -> str | None:
    """None where the programs are not on PATH."""
    tracker = shutil.which(TRACKER_PROGRAM)
    if not tracker or not shutil.which(STORAGE_PROGRAM):
        return None
    answer = subprocess.run([tracker, "--version"], capture_output=True, text=True, check=False, timeout=_STOP_SECONDS)
    return answer.stdout.strip().rpartition("V")[2] or "of unknown version"


def _spawn(command: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
