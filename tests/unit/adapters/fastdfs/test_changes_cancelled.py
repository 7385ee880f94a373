"""A change of a file that can grow is finished, however often its caller is cancelled: half of it would stay."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from s3py_helper.adapters.fastdfs.commands import FastdfsCommands
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import leak_guard
from tests.support.cancelling import CleaningUp, cancelled_again

pytestmark = pytest.mark.timeout(30)

APPENDER = FileId.parse("group1/M00/00/00/f2MDA2sHei-EYv_oAAAAAIYzcFo729.bin")


class SlowCommands(FastdfsCommands):
    """Commands of a server that takes its time for each change."""

    def __init__(self, changing: CleaningUp) -> None:
        self.changing = changing

    async def metadata(self, file_id: FileId) -> dict[str, str]:
        return {"a": "b"}

    async def set_metadata(self, file_id: FileId, pairs: Mapping[str, str], *, merge: bool) -> None:
        assert pairs == {"a": "b"}
        self.pairs_set = True

    async def _size(self, file_id: FileId) -> int:
        return 0

    async def _change(self, operation: str, file_id: FileId, change: object) -> Any:
        await self.changing.passed()
        return file_id


@pytest.mark.parametrize(
    "change",
    [
        lambda commands: commands.append(APPENDER, b"abc"),
        lambda commands: commands.modify(APPENDER, 0, b"abc"),
        lambda commands: commands.regenerate(APPENDER),
    ],
    ids=["append", "modify", "regenerate"],
)
async def test_a_change_is_finished(change: Callable[[FastdfsCommands], Awaitable[object]]) -> None:
    commands = SlowCommands(CleaningUp())
    async with leak_guard():
        await cancelled_again(asyncio.ensure_future(change(commands)), commands.changing)


async def test_a_file_that_gets_its_final_id_gets_its_metadata_back() -> None:
    commands = SlowCommands(CleaningUp())
    await cancelled_again(asyncio.ensure_future(commands.regenerate(APPENDER)), commands.changing)
    assert commands.pairs_set
