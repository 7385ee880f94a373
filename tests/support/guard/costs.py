"""What a small operation costs: counted exactly, and its processor time beside that of bare work."""

import io
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from s3py_helper.storage import FileDownload
from tests.support.guard.counter import Counter
from tests.support.guard.places import CONTENT, Place

_FILES: Final = 40
_COUNTED_ROUNDS: Final = 3
_TIMED_ROUNDS: Final = 20


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one operation on one file.

    Attributes:
        calls: Calls of functions that are written in Python.
        instructions: Instructions of bytecode that were executed.
        work: Processor time as a multiple of that of the place's bare work.
    """

    calls: float
    instructions: float
    work: float

    def least(self, other: "Cost") -> "Cost":
        """The lower of each of the three."""
        return Cost(
            min(self.calls, other.calls), min(self.instructions, other.instructions), min(self.work, other.work)
        )


async def costs_in(place: Place) -> dict[str, Cost]:
    """By place and operation. The least of several rounds, because whatever disturbs a measurement adds to it."""
    files = _Files(place)
    await _timed(files)  # not used: connections, threads and caches are there afterwards
    counts = _least([await _counted(files) for _ in range(_COUNTED_ROUNDS)])
    seconds = _least([await _timed(files) for _ in range(_TIMED_ROUNDS)])
    return {
        f"{place.name} {name}": Cost(
            round(calls / _FILES, 1), round(instructions / _FILES), round(seconds[name][0] / seconds["bare"][0], 2)
        )
        for name, (calls, instructions) in counts.items()
    }


class _Files:
    """Small files on their way through a place: stored, read, described, packed and deleted, in this order."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._ids: list[str] = []
        self.operations: dict[str, Callable[[], Awaitable[None]]] = {
            "put": self._put,
            "get": self._get,
            "info": self._info,
            "zip entry": self._zip,
            "delete": self._delete,
        }

    async def bare(self) -> None:
        for _ in range(_FILES):
            await self._place.bare()

    async def _put(self) -> None:
        upload = self._place.manager.upload_service.upload_bytes
        self._ids = [(await upload("small.bin", CONTENT)).file_id for _ in range(_FILES)]

    async def _get(self) -> None:
        for file_id in self._ids:
            await self._place.manager.download_service.download_bytes(file_id)

    async def _info(self) -> None:
        for file_id in self._ids:
            await self._place.manager.info_service.get_file_info(file_id)

    async def _zip(self) -> None:
        files = [FileDownload(file_id=file_id, file_name=f"{number}.bin") for number, file_id in enumerate(self._ids)]
        await self._place.manager.download_service.download_files_as_zip(files, io.BytesIO())

    async def _delete(self) -> None:
        for file_id in self._ids:
            await self._place.manager.delete_service.delete_file(file_id)


async def _counted(files: _Files) -> dict[str, tuple[float, ...]]:
    counts: dict[str, tuple[float, ...]] = {}
    for name, operation in files.operations.items():
        with Counter() as counter:
            await operation()
        counts[name] = counter.calls, counter.instructions
    return counts


async def _timed(files: _Files) -> dict[str, tuple[float, ...]]:
    seconds: dict[str, tuple[float, ...]] = {}
    for name, operation in {**files.operations, "bare": files.bare}.items():
        begun = time.process_time()
        await operation()
        seconds[name] = (time.process_time() - begun,)
    return seconds


def _least(rounds: list[dict[str, tuple[float, ...]]]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(map(min, *(found[name] for found in rounds))) for name in rounds[0]}
