"""How ledgers in tables keep files: the same numbers and columns in each, so that one can be copied into another."""

from collections.abc import Iterable
from typing import Any, Final

from s3py_helper.application.ports.ledger import LedgerFile
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState, Level

STATES: Final = (
    FileState.PLANNED,
    FileState.COPYING,
    FileState.COPIED,
    FileState.VERIFIED,
    FileState.DRAINED,
    FileState.GONE,
    FileState.MISSING_AT_SOURCE,
    FileState.DELETED,
    FileState.QUARANTINED,
)
"""A state is stored as its position here. New ones go to the end; indexes and queries name some of the numbers."""

NUMBER_OF: Final = {state: number for number, state in enumerate(STATES)}

FILE_COLUMNS: Final = (
    "id", "kind", "state", "fence", "size", "crc32", "mtime", "attempts", "next_at", "reason", "level", "proof",
    "object_key", "etag", "upload_id", "changed_at", "verified_at", "accepted",
)  # fmt: skip


def file_of(row: Iterable[Any]) -> LedgerFile:
    """The value of a row of `FILE_COLUMNS`; what follows them is left out."""
    text, kind, state, fence, size, crc32, mtime, attempts, next_at, reason, level, *rest = row
    proof, key, etag, upload_id, changed_at, verified_at, accepted, *_ = rest
    return LedgerFile(
        file_id=FileId.parse(text),
        kind=FileKind(kind),
        state=STATES[state],
        fence=fence,
        size=size,
        crc32=crc32,
        mtime=mtime,
        attempts=attempts,
        next_at=next_at,
        reason=reason,
        level=None if level is None else Level(level),
        proof=proof,
        key=key,
        etag=etag,
        upload_id=upload_id,
        changed_at=changed_at,
        verified_at=verified_at,
        accepted=bool(accepted),
    )
