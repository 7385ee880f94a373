"""`s3py serve` as a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """The service, and where to look at it from behind."""

    url: str
    pid: int
    folder: Path

    @property
    def peak(self) -> int:
        """Most memory that it has ever held, in bytes (proc(5), VmHWM)."""
        return self._memory("VmHWM")

    @property
    def resident(self) -> int:
        """Memory that it holds now, in bytes."""
        return self._memory("VmRSS")

    def _memory(self, name: str) -> int:
        found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text(encoding="ascii"))
        assert found
        return int(found[1]) * 1024

    @property
    def descriptors(self) -> int:
        """How many it has open."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    @property
    def most_descriptors(self) -> tuple[str, str]:
        """How many it may have open: the limit in force, and what it could be raised to."""
        found = re.search(
            r"Max open files\s+(\w+)\s+(\w+)", Path(f"/proc/{self.pid}/limits").read_text(encoding="ascii")
        )
        assert found
        return found[1], found[2]

    @property
    def log(self) -> list[str]:
        """The lines that it has written to standard error since it is up."""
        lines = (self.folder / "log").read_text(encoding="utf-8").splitlines()
        return [line for line in lines if "startup" not in line and "server process" not in line]

    @property
    def files(self) -> set[Path]:
        """All files under its folder, unfinished ones too."""
        return {path for path in (self.folder / "data").rglob("*") if path.is_file()}


@contextmanager
def serving(folder: Path, *, prelude: str = "", **variables: str) -> Iterator[Process]:
    """Run it with these settings besides its defaults, on the local disk unless they say otherwise.

    `prelude` is run in the process before anything else.
    """
    command = [sys.executable, "-c", f"{prelude}\nfrom s3py_helper.entrypoints.cli import main; main()"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("S3PY_")} | variables
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [*command, "serve", "--port", "0", "--no-access-log"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        told = re.search(r"http://[\d.:]+", process.stdout.readline())
        assert told, (folder / "log").read_text()
        try:
            yield Process(told[0], process.pid, folder)
        finally:
            process.terminate()
            process.wait(30)
