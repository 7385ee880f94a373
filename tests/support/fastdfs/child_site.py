"""The protocol-level server in a process of its own.

There it survives the event loops of single tests, and its memory, descriptors and CPU time are not the client's.
"""

import subprocess
import sys
from pathlib import Path
from typing import IO, Final

from tests.support.fastdfs.site import AddressFields, FastdfsSite

_ROOT: Final = Path(__file__).parents[3]
_STOP_SECONDS: Final = 10


class ChildSite(FastdfsSite):
    def __init__(self, description: str, address_fields: AddressFields = "auto") -> None:
        command = [sys.executable, "-m", "tests.support.fastdfs", address_fields]
        self._process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        super().__init__(description, (self._read_line(),), is_real=False)

    def stop_storage(self, group: str, index: int) -> None:
        self._order(f"stop {group} {index}")

    def start_storage(self, group: str, index: int) -> None:
        self._order(f"start {group} {index}")

    def close(self) -> None:
        with self._process:
            _pipe(self._process.stdin).close()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise

    def _order(self, line: str) -> None:
        _pipe(self._process.stdin).write(f"{line}\n")
        if self._read_line() != "done":
            raise RuntimeError(f"the protocol-level FastDFS server did not understand {line!r}")

    def _read_line(self) -> str:
        line = _pipe(self._process.stdout).readline()
        if not line:
            raise RuntimeError(f"the protocol-level FastDFS server ended with code {self._process.wait()}")
        return line.strip()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
