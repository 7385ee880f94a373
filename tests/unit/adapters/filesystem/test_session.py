"""What an open store holds, and for how long."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from s3py_helper.adapters.filesystem.disk.disk import Disk
from s3py_helper.adapters.filesystem.disk.lease import Lease
from s3py_helper.adapters.filesystem.disk.verified import VerifiedFiles
from s3py_helper.adapters.filesystem.session import Session
from s3py_helper.domain.errors import StorageOperationException

pytestmark = pytest.mark.timeout(20)


class Counted(Lease):
    def __init__(self) -> None:
        super().__init__()
        self.asked = self.ended = 0

    def release(self) -> None:
        self.asked += 1
        super().release()

    def _release(self) -> None:
        self.ended += 1


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[Session]:
    disk = Disk(tmp_path, durability=False)
    disk.open()
    session = Session(disk, VerifiedFiles(0))
    yield session
    await session.close()


async def test_a_system_that_grants_few_threads_is_worked_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submit = ThreadPoolExecutor.submit
    granted: list[object] = []

    def grudging(self: ThreadPoolExecutor, *work: Any, **arguments: Any) -> Any:
        if self._thread_name_prefix == "s3py-disk":
            granted.append(work)
            if len(granted) == 5:
                raise RuntimeError("can't start new thread")
        return submit(self, *work, **arguments)

    barriers: list[Barrier] = []

    def noted(parties: int) -> Barrier:
        barriers.append(Barrier(parties))
        return barriers[-1]

    monkeypatch.setattr("s3py_helper.adapters.filesystem.session.Barrier", noted)
    monkeypatch.setattr(ThreadPoolExecutor, "submit", grudging)
    session = await Session.open(Disk(tmp_path, durability=False), VerifiedFiles(0))
    try:
        assert [barrier.broken for barrier in barriers] == [True], "those that there are wait for no others"
        assert await session.run(lambda: "done") == "done"
    finally:
        barriers[0].abort()
        await session.close()


async def test_a_lease_is_forgotten_after_its_block(session: Session) -> None:
    lease, broken = Counted(), Counted()
    async with session.holding(lease) as held:
        assert held is lease
    with pytest.raises(KeyError):
        async with session.holding(broken):
            raise KeyError
    assert (lease.ended, broken.ended) == (1, 1)
    await session.close()
    assert (lease.asked, broken.asked) == (1, 1)


async def test_one_that_has_ended_by_itself_is_forgotten_too(session: Session) -> None:
    lease = Counted()
    async with session.holding(lease):
        lease.release()
    await session.close()
    assert (lease.asked, lease.ended) == (1, 1)


async def test_closing_takes_back_what_is_held(session: Session) -> None:
    lease = Counted()
    async with session.holding(lease):
        await session.close()
        assert lease.ended == 1
    assert lease.asked == 1


async def test_a_closed_one_holds_nothing_more(session: Session) -> None:
    await session.close()
    lease = Counted()
    with pytest.raises(StorageOperationException, match="not open"):
        async with session.holding(lease):
            pass
    with pytest.raises(StorageOperationException, match="not open"):
        await session.run(lease.release)
    assert lease.asked == 0
