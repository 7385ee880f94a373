"""From rows to values and back."""

import sqlite3
from typing import Any, Final

from s3py_helper.adapters.sqlite.schema import STATES
from s3py_helper.application.ports.ledger import LedgerFile
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, Level

COLUMNS: Final = (
    "id, kind, state, fence, size, crc32, mtime, attempts, next_at, reason, level, proof, object_key, etag, upload_id, "
    "changed_at, verified_at, accepted"
)


def file_of(row: tuple[Any, ...]) -> LedgerFile:
    """The value of a row of `COLUMNS`."""
    text, kind, state, fence, size, crc32, mtime, attempts, next_at, reason, level, *rest = row
    proof, key, etag, upload_id, changed_at, verified_at, accepted = rest
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


def files_of(cursor: sqlite3.Cursor) -> list[LedgerFile]:
    """The values of all rows of a query for `COLUMNS`."""
    return [file_of(row) for row in cursor]
