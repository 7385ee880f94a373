"""Writers are killed at random moments; what is visible afterwards is whole, and what was acknowledged is there."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import read_all
from tests.integration.filesystem.writers import content_of, size_in

pytestmark = pytest.mark.slow

KILLS = 240
AT_ONCE = 2
KILLS_PER_INSPECTION = 20
FIRST_LONGEST_LIFE = 0.08


class Nursery:
    """The process of `writers.py`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout

    def ask(self, *command: object) -> str:
        self._stdin.write(" ".join(map(str, command)) + "\n")
        self._stdin.flush()
        return self._stdout.readline().strip()


@contextmanager
def nursery() -> Generator[Nursery]:
    command = [sys.executable, str(Path(__file__).with_name("writers.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Nursery(process)


@pytest.mark.timeout(180)
async def test_no_kill_leaves_a_torn_file_or_loses_an_acknowledged_one(tmp_path: Path) -> None:
    root = tmp_path / "data"
    chance = random.Random(20261123)
    with nursery() as writers, nursery() as holder:
        assert holder.ask("hold", root) == "held"
        seen: Counter[str] = Counter()
        longest_life = FIRST_LONGEST_LIFE
        for first in range(0, KILLS, KILLS_PER_INSPECTION):
            journals = []
            for number in range(first, first + KILLS_PER_INSPECTION, AT_ONCE):
                journals += _kill_some(writers, root, tmp_path, number, chance, longest_life)
            newly_seen = await _inspect(root, journals)
            if newly_seen["acknowledged"] < 2 * KILLS_PER_INSPECTION:
                longest_life *= 1.5  # a slow machine: let them get to work
            seen += newly_seen
        held = FileId.parse(holder.ask("finish"))
    assert seen["acknowledged"] > KILLS, "the writers died too soon to store anything: the test says nothing"
    assert seen["cut short"] > KILLS / 60, "the writers died between uploads: the test says nothing"
    async with FilesystemBlobStore(FilesystemConfig(root=root)) as store:
        name = (await store.info(held)).file_name
        assert await read_all(store, held) == content_of(str(name), size_in(str(name)))
    assert _incoming(root) == []


def _kill_some(
    writers: Nursery, root: Path, place: Path, number: int, chance: random.Random, longest_life: float
) -> list[Path]:
    """Start writers side by side, the later sweeping while the earlier upload, and kill each at a random moment."""
    journals = [place / f"journal-{number + index}" for index in range(AT_ONCE)]
    processes = [int(writers.ask("start", root, journal, journal.name)) for journal in journals]
    for process in processes:
        time.sleep(chance.uniform(0, longest_life))
        os.kill(process, signal.SIGKILL)
        assert writers.ask("reap", process) == "reaped"
    return journals


async def _inspect(root: Path, journals: list[Path]) -> Counter[str]:
    """Compare the disk with the journals, then clear it; returns how much there was to see."""
    told = _read(journals)
    assert not told["failed"]
    cut_short = len(_incoming(root)) - 1
    async with FilesystemBlobStore(FilesystemConfig(root=root, durability=False)) as store:
        visible = _visible(root)
        for text in visible:
            info = await store.info(FileId.parse(text))
            expected = content_of(str(info.file_name), size_in(str(info.file_name)))
            assert info.metadata == {"size": str(len(expected))}
            assert await read_all(store, info.file_id) == expected
        assert told["stored"] - told["deleting"] <= visible
        assert not told["deleted"] & visible
        assert len(_incoming(root)) == 1, "leftovers are swept, and an upload in progress is not"
        for text in visible:
            await store.delete(FileId.parse(text))
    return Counter({"acknowledged": len(told["stored"]), "cut short": cut_short})


def _read(journals: list[Path]) -> defaultdict[str, set[str]]:
    told: defaultdict[str, set[str]] = defaultdict(set)
    for journal in journals:
        for line in journal.read_text().splitlines() if journal.exists() else ():
            event, _, subject = line.partition(" ")
            told[event].add(subject)
    return told


def _incoming(root: Path) -> list[Path]:
    return list((root / ".incoming").iterdir())


def _visible(root: Path) -> set[str]:
    paths = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return {f"fs:{path}" for path in paths if path.parts[0] != ".incoming"}
