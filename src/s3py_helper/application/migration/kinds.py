"""The kind of a file, by its name and by what servers know of it."""

from typing import Final

from s3py_helper.application.ports.ledger import PlannedFile
from s3py_helper.application.ports.migration_source import SourceFacts
from s3py_helper.domain.fastdfs_name import NameShape, decoded
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState

_KINDS: Final = {
    NameShape.NORMAL: FileKind.NORMAL,
    NameShape.TRUNK: FileKind.TRUNK,
    NameShape.APPENDER: FileKind.APPENDER,
    NameShape.SLAVE: FileKind.SLAVE,
    NameShape.SHORT_SLAVE: FileKind.SAME_SHAPE,
    NameShape.UNREACHABLE_SLAVE: FileKind.UNSERVABLE,
}


def kind_of(file_id: FileId) -> FileKind:
    """The kind that a file's name shows. A name that no server made is treated like a slave's: it shows nothing."""
    name = decoded(file_id.key)
    return FileKind.SLAVE if name is None else _KINDS[name.shape]


def kind_by_facts(kind: FileKind, facts: SourceFacts) -> FileKind:
    """The kind of a file that exists: a slave may look like a master, with its master's size and sum in the name."""
    passes_for_master = kind in {FileKind.NORMAL, FileKind.TRUNK} and facts.crc32 is None
    return FileKind.SAME_SHAPE if passes_for_master else kind


def planned(file_id: FileId, kind: FileKind, facts: SourceFacts) -> PlannedFile:
    """The entry of a file, from the kind of its name and what a server knows of it."""
    if facts.exists:
        return PlannedFile(file_id, kind_by_facts(kind, facts), facts.size, facts.crc32, facts.mtime)
    if kind is FileKind.UNSERVABLE:
        reason = "unservable: servers take its name for one within a trunk file; copy it from the disk"
        return PlannedFile(file_id, kind, state=FileState.QUARANTINED, reason=reason)
    if not facts.at_source:
        # Its source is down: what a stand-in lacks proves nothing. The copy finds out, or waits.
        return PlannedFile(file_id, kind)
    if kind is FileKind.APPENDER:
        reason = "leftover: the old name of a regenerated appender"
        return PlannedFile(file_id, FileKind.LEFTOVER, state=FileState.GONE, reason=reason)
    return PlannedFile(file_id, kind, state=FileState.GONE, reason="not-found: no server has it")
