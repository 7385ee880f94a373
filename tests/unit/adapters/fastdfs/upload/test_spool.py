"""The temporary file of an upload of unknown size."""

import asyncio
import io
from collections.abc import AsyncGenerator

import pytest

from s3py_helper.adapters.fastdfs.upload import spool
from s3py_helper.adapters.fastdfs.upload.blocks import Blocks
from s3py_helper.testing import leak_guard, one_by_one
from tests.support.cancelling import CleaningUpInThread, cancelled_again

pytestmark = pytest.mark.timeout(30)


async def _blocks() -> AsyncGenerator[bytes]:
    async for chunk in one_by_one([b"def", b"ghi"]):
        yield chunk


async def test_a_file_is_not_closed_under_a_thread_that_writes_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    writing = CleaningUpInThread()

    class Slow(io.BytesIO):
        """Its first write takes as long as the test wants."""

    file = Slow()
    held = writing.before(file.write)
    monkeypatch.setattr(file, "write", held)
    monkeypatch.setattr(spool, "_opened", lambda _directory: file)

    async def spooling() -> None:
        async with spool.spooled(Blocks(_blocks()), None):
            pytest.fail("it was cancelled before")

    async with leak_guard():
        await cancelled_again(asyncio.ensure_future(spooling()), writing)
    assert file.closed
