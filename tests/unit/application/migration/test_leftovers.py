"""What is removed of what workers have left that died, and what others go on with."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import pytest

from s3py_helper.application.migration.kinds import kind_of
from s3py_helper.application.migration.leftovers import Leftovers
from s3py_helper.application.ports.ledger import Ledger, LedgerFile
from s3py_helper.application.ports.migration_target import MigrationTarget, TargetObject
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import PROBE, FileState, moved_key
from tests.support.recorder import Recorder

FILE_ID = FileId(Backend.FASTDFS, "group1", "M00/00/00/made_up_by_hand.txt")
KEY = moved_key("moved/", FILE_ID)
NOW = 1_700_000_000


class Target:
    """Has some uploads and objects under way, and remembers what was removed."""

    def __init__(self, uploads: Sequence[tuple[str, str]] = (), objects: Sequence[str] = ()) -> None:
        self.removed: list[str] = []
        self._uploads = uploads
        self._objects = objects

    async def uploads(self, prefix: str) -> Sequence[tuple[str, str]]:
        return [(key, upload_id) for key, upload_id in self._uploads if key.startswith(prefix)]

    async def abort(self, _key: str, upload_id: str) -> None:
        self.removed.append(upload_id)

    @asynccontextmanager
    async def list(self, prefix: str) -> AsyncGenerator[AsyncIterator[TargetObject]]:
        async def objects() -> AsyncIterator[TargetObject]:
            for key in self._objects:
                if key.startswith(prefix):
                    yield TargetObject(key, 1, None)

        yield objects()

    async def delete(self, key: str) -> None:
        self.removed.append(key)


class Row:
    def __init__(self, state: FileState | None, upload_id: str | None = None) -> None:
        self._state = state
        self._upload_id = upload_id

    async def find(self, file_id: FileId) -> LedgerFile | None:
        if self._state is None:
            return None
        return LedgerFile(file_id, kind_of(file_id), self._state, 1, upload_id=self._upload_id)


def leftovers(target: Target, row: Row, recorder: Recorder) -> Leftovers:
    return Leftovers(cast("MigrationTarget", target), cast("Ledger", row), "moved/", recorder, clock=lambda: NOW)


@pytest.mark.parametrize(
    ("row", "is_left"),
    [
        (Row(FileState.PLANNED, "upload"), False),
        (Row(FileState.PLANNED, "another"), True),
        (Row(FileState.PLANNED), True),
        (Row(FileState.COPYING, "another"), False),
        (Row(FileState.COPIED), True),
        (Row(FileState.DELETED, "upload"), True),
        (Row(None), False),
    ],
)
async def test_an_upload_is_aborted_when_nobody_goes_on_with_it(row: Row, is_left: bool) -> None:
    target, recorder = Target([("moved/fastdfs/somebody-elses", "another"), (KEY, "upload")]), Recorder()
    await leftovers(target, row, recorder).remove()
    assert target.removed == (["upload"] if is_left else [])
    assert recorder.events == []


async def test_old_probes_are_removed_and_new_ones_are_not() -> None:
    front = f"moved/{PROBE}"
    old, new = f"{front}{NOW - 601:x}-a", f"{front}{NOW - 600:x}-a"
    target = Target([(old, "old upload"), (new, "new upload")], [old, new, f"{front}no-time"])
    await leftovers(target, Row(None), Recorder()).remove()
    assert target.removed == ["old upload", old]


async def test_what_cannot_be_removed_is_reported() -> None:
    class Refusing(Target):
        async def abort(self, _key: str, upload_id: str) -> None:
            raise StorageException(f"{upload_id} stays")

    recorder = Recorder()
    await leftovers(Refusing([(KEY, "upload")]), Row(FileState.COPIED), recorder).remove()
    [report] = recorder.of(RollbackFailed)
    assert report.reason == "upload stays"
