"""What workloads share during a run: options, scratch space in memory, servers that start when first used."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.harness.fastdfs import Fastdfs, fastdfs_server
from benchmarks.harness.s3 import S3, s3_server


@dataclass(frozen=True, slots=True)
class Options:
    """Attributes:
    repetitions: How often each subject does each workload.
    quick: A smoke run: everything small and short; its figures mean nothing.
    """

    repetitions: int = 5
    quick: bool = False


class Bench:
    def __init__(self, options: Options, scratch: Path, stack: ExitStack) -> None:
        self.options = options
        self.scratch = scratch
        self._stack = stack

    @cached_property
    def s3(self) -> S3:
        return self._stack.enter_context(s3_server(self.scratch / "s3"))

    @cached_property
    def fastdfs(self) -> Fastdfs:
        return self._stack.enter_context(fastdfs_server(self.scratch / "fastdfs"))

    def description_of(self, server: str) -> str:
        """Which server of a kind (`s3`, `fastdfs`) this is; empty for what is no server."""
        match server:
            case "s3":
                return self.s3.description
            case "fastdfs":
                return self.fastdfs.description
            case _:
                return ""


@contextmanager
def opened(options: Options) -> Iterator[Bench]:
    """Everything that was started is stopped, and everything stored removed, at the end."""
    memory = Path("/dev/shm")
    with ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="s3py-bench-", dir=memory if memory.is_dir() else None)
        yield Bench(options, Path(stack.enter_context(folder)), stack)
