"""From rows to values and back."""

from collections.abc import Iterable
from typing import Any, Final

from s3py_helper.adapters.postgres.states import STATES
from s3py_helper.application.ports.ledger import LedgerFile
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, Level

NAMES: Final = (
    "id", "kind", "state", "fence", "size", "crc32", "mtime", "attempts", "next_at", "reason", "level", "proof",
    "object_key", "etag", "upload_id", "changed_at", "verified_at", "accepted",
)  # fmt: skip
COLUMNS: Final = ", ".join(f"file.{name}" for name in NAMES)


def file_of(row: Iterable[Any]) -> LedgerFile:
    """The value of a row of `COLUMNS`; what follows them is left out."""
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
        accepted=accepted,
    )


def storable(text: str | None) -> str | None:
    """Without what PostgreSQL's texts cannot hold: the character NUL, and halves of surrogate pairs."""
    if text is None or (text.isprintable() and text.isascii()):
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
