"""The files that archives are made of, and the proof that an archive is right."""

import io
import itertools
import random
import string
import zipfile
from collections.abc import Buffer, Iterator
from pathlib import Path

from benchmarks.child.content import Pattern
from benchmarks.child.measuring import Sample

_COMPARED = 1024 * 1024
_TEXT_SIZE = 6 * 1024 * 1024
_WORDS = 60_000
# With this exponent and evenly spread letters, zlib at level 6 works as fast as on real prose and source code.
# Words made of few syllables would let it search three times as long, and flatter libraries that do without zlib.
_ZIPF = 1.15


class Originals:
    """Files of one size: `text` that compresses as prose and logs do, or `random` bytes that do not."""

    def __init__(self, content: str, count: int, size: int) -> None:
        self._text = _text(random.Random(1)) if content == "text" else b""
        self._pattern = Pattern()
        self._size = size
        self.names = [f"file-{index:05}.{'log' if self._text else 'bin'}" for index in range(count)]
        self._total = count * size

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return ((name, self._beginning(index, self._size)) for index, name in enumerate(self.names))

    def account(self, sample: Sample, packed: int) -> None:
        """What it was to pack them into so many bytes."""
        sample.count, sample.size, sample.ratio = len(self.names), self._total, round(packed / self._total, 4)

    def check(self, archive: Path | io.BytesIO) -> None:
        """Raise `ValueError` unless the archive holds these files; every CRC is checked, some bytes compared."""
        with zipfile.ZipFile(archive) as opened:
            if opened.namelist() != self.names:
                raise ValueError(f"the archive's {len(opened.namelist())} entries are not the {len(self.names)} files")
            if (bad := opened.testzip()) is not None:
                raise ValueError(f"the archive's entry {bad} is damaged")
            for index in range(0, len(self.names), max(1, len(self.names) // 5)):
                name, beginning = self.names[index], self._beginning(index, min(self._size, _COMPARED))
                with opened.open(name) as entry:
                    if opened.getinfo(name).file_size != self._size or entry.read(len(beginning)) != beginning:
                        raise ValueError(f"the archive's entry {name} has other content than the file")

    def _beginning(self, index: int, length: int) -> bytes:
        if not self._text:
            return self._pattern.at(index * 7919, length)
        # Archives compress each file by itself, so windows that overlap do not help them.
        start = (index * 41_017) % (len(self._text) - self._size)
        return self._text[start : start + length]


class Discard(io.RawIOBase):
    """An output that only counts, and like a network connection cannot seek or tell."""

    count = 0

    def write(self, piece: Buffer, /) -> int:
        size = memoryview(piece).nbytes
        self.count += size
        return size


def _text(rng: random.Random) -> bytes:
    """Words by Zipf's law, no line twice."""
    words = ["".join(rng.choices(string.ascii_lowercase, k=rng.choice(range(3, 11)))) for _ in range(_WORDS)]
    weights = list(itertools.accumulate((rank + 2.7) ** -_ZIPF for rank in range(_WORDS)))
    lines: list[str] = []
    length = 0
    while length < _TEXT_SIZE:
        chosen = rng.choices(words, cum_weights=weights, k=rng.randint(6, 18))
        lines.append(f"{rng.randint(0, 10**7)};{' '.join(chosen).capitalize()}.\n")
        length += len(lines[-1])
    return "".join(lines).encode()[:_TEXT_SIZE]
