"""What kind of file a plan takes an id for, from its name and from what its source says."""

import pytest

from s3py_helper.application.migration.kinds import kind_of, planned
from s3py_helper.application.ports.migration_source import SourceFacts
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import FileKind, FileState

_IN_TRUNK = "f6KUA2sHeOOILQEHAAAAgq-Az6EAAAAAQAAAAAAAAEA279"
_MASTER = "f6xpA2sHdm-AdINpAAAACQ0NXE4217"


def _id(name: str) -> FileId:
    return FileId(Backend.FASTDFS, "group1", f"M00/00/00/{name}")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (f"{_MASTER}.txt", FileKind.NORMAL),
        (f"{_MASTER}1234", FileKind.NORMAL),
        ("f6xpA2sHdm-EM_r2AAAAAPzEP28611.txt", FileKind.APPENDER),
        (f"{_MASTER}_150x150.jpg", FileKind.SLAVE),
        (f"{_MASTER}-big", FileKind.SAME_SHAPE),
        (f"{_MASTER}_", FileKind.SAME_SHAPE),
        (f"{_IN_TRUNK}.txt", FileKind.TRUNK),
        (f"{_IN_TRUNK}_150x150.jpg", FileKind.SLAVE),
        (f"{_IN_TRUNK}-b", FileKind.SAME_SHAPE),
        (f"{_IN_TRUNK}-big", FileKind.UNSERVABLE),
        ("made_up_by_hand.txt", FileKind.SLAVE),
    ],
)
def test_a_name_tells_the_kind(name: str, kind: FileKind) -> None:
    assert kind_of(_id(name)) is kind


_THERE = SourceFacts(exists=True, at_source=True, size=9, mtime=1_700_000_000, crc32=7)
_UNSUMMED = SourceFacts(exists=True, at_source=True, size=11, mtime=1_700_000_000)
_MISSING = SourceFacts(exists=False, at_source=True)
_UNKNOWN = SourceFacts(exists=False, at_source=False)


@pytest.mark.parametrize(
    ("name", "facts", "kind", "state", "reason"),
    [
        (f"{_MASTER}.txt", _THERE, FileKind.NORMAL, FileState.PLANNED, None),
        (f"{_MASTER}.txt", _UNSUMMED, FileKind.SAME_SHAPE, FileState.PLANNED, None),
        (f"{_IN_TRUNK}.txt", _UNSUMMED, FileKind.SAME_SHAPE, FileState.PLANNED, None),
        (f"{_MASTER}-big", _UNSUMMED, FileKind.SAME_SHAPE, FileState.PLANNED, None),
        (f"{_MASTER}_150x150.jpg", _UNSUMMED, FileKind.SLAVE, FileState.PLANNED, None),
        ("f6xpA2sHdm-EM_r2AAAAAPzEP28611.txt", _UNSUMMED, FileKind.APPENDER, FileState.PLANNED, None),
        (f"{_MASTER}.txt", _MISSING, FileKind.NORMAL, FileState.GONE, "not-found"),
        (f"{_MASTER}.txt", _UNKNOWN, FileKind.NORMAL, FileState.PLANNED, None),
        ("f6xpA2sHdm-EM_r2AAAAAPzEP28611.txt", _MISSING, FileKind.LEFTOVER, FileState.GONE, "leftover"),
        ("f6xpA2sHdm-EM_r2AAAAAPzEP28611.txt", _UNKNOWN, FileKind.APPENDER, FileState.PLANNED, None),
        (f"{_IN_TRUNK}-big", _MISSING, FileKind.UNSERVABLE, FileState.QUARANTINED, "unservable"),
        (f"{_IN_TRUNK}-big", _UNKNOWN, FileKind.UNSERVABLE, FileState.QUARANTINED, "unservable"),
    ],
)
def test_what_is_planned_follows_from_name_and_facts(
    name: str, facts: SourceFacts, kind: FileKind, state: FileState, reason: str | None
) -> None:
    file = planned(_id(name), kind_of(_id(name)), facts)
    assert (file.kind, file.state) == (kind, state)
    assert (file.reason or "").partition(":")[0] == (reason or "")
    if facts.exists:
        assert (file.size, file.crc32, file.mtime) == (facts.size, facts.crc32, facts.mtime)
