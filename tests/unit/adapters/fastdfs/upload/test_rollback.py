"""An upload whose caller has left."""

import asyncio
import gc
from typing import Any

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, Peer, Role
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.adapters.fastdfs.upload.rollback import Rollback
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.file_id import FileId
from tests.support.recorder import Recorder

_STORAGE = Address("127.0.0.1", 23000)


@pytest.mark.timeout(20)
async def test_one_that_fails_after_its_store_was_closed_is_no_error_that_nobody_has_seen() -> None:
    unseen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
    recorder, answer = Recorder(), asyncio.Event()
    session = FastdfsSession(FastdfsConfig(tracker_servers=["127.0.0.1:22122"]), recorder)

    async def ending() -> FileId:
        await answer.wait()
        raise ConnectionFault(Peer(Role.STORAGE, _STORAGE), "it closed the connection")

    upload = asyncio.ensure_future(Rollback(session, _STORAGE).settled(ending()))
    await asyncio.sleep(0)
    await session.clean_up.aclose()
    upload.cancel()
    await asyncio.wait([upload])
    assert [type(event) for event in recorder.events] == [RollbackFailed]
    answer.set()
    for _ in range(5):
        await asyncio.sleep(0)
    del upload  # its error refers to the frames that it came from
    gc.collect()
    assert unseen == []
