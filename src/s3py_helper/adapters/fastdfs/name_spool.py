"""Any number of names in bounded memory, each of them once."""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Final, Self

_READ_BYTES: Final = 16 * 1024
_LINE_BREAK: Final = b"\n"


class NameSpool:
    """Takes names, then returns them in order; those beyond `in_memory` are kept, sorted, in an unnamed temporary file.

    Its methods block, and raise `OSError` where the file cannot be written or read.

    Args:
        directory: The folder of that file; `None` is the system's for temporary files.
        in_memory: The most names, of some 100 bytes each, to hold in memory.
    """

    IN_MEMORY: ClassVar[int] = 150_000

    def __init__(self, directory: Path | None, in_memory: int | None = None) -> None:
        self._directory = directory
        self._in_memory = in_memory or self.IN_MEMORY
        self._names: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._runs: list[tuple[int, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def is_full(self) -> bool:
        """Whether `flush` is due."""
        return len(self._names) >= self._in_memory

    def add(self, names: Iterable[bytes]) -> None:
        """Add names without line breaks; does not block."""
        self._names += names

    def flush(self) -> None:
        """Write the names in memory to the file, sorted."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115 - closed by `__exit__`
        self._names.sort()
        start = self._file.tell()
        self._file.writelines(name + _LINE_BREAK for name, _ in groupby(self._names))
        self._runs.append((start, self._file.tell()))
        self._names = []

    def sorted(self) -> Iterator[bytes]:
        """Each name once, in the order of its bytes; nothing can be added from now on."""
        self._names.sort()
        runs = [self._run(start, end) for start, end in self._runs]
        return (name for name, _ in groupby(heapq.merge(*runs, self._names)))

    def _run(self, start: int, end: int) -> Iterator[bytes]:
        file = self._file
        rest = b""
        while file is not None and start < end:
            file.seek(start)
            data = file.read(min(_READ_BYTES, end - start))
            if not data:
                raise OSError("the temporary file is shorter than it was")
            start += len(data)
            *names, rest = (rest + data).split(_LINE_BREAK)
            yield from names
