"""What a ledger knows of files, of groups, and of itself."""

from dataclasses import dataclass

from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState, Level


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file that a plan has found.

    Attributes:
        file_id: Its FastDFS id.
        kind: What kind of file it is.
        size: Its size in bytes as its source reports it; `None` where nobody knows.
        crc32: CRC-32 of its content, where its id or its source tells the truth about it.
        mtime: Time of modification, Unix seconds.
        state: `PLANNED`; `GONE` where no server has it; `QUARANTINED` where it cannot be copied.
        reason: Why it will not be copied.
    """

    file_id: FileId
    kind: FileKind
    size: int | None = None
    crc32: int | None = None
    mtime: int | None = None
    state: FileState = FileState.PLANNED
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerFile:
    """A row of the ledger.

    Attributes:
        fence: Grows with every claim and with every change from outside; a worker whose fence is older has lost.
        attempts: How often a copy has been tried.
        next_at: Unix seconds before which it is not tried again.
        reason: Why it is where it is, in one line: a code, a colon, words.
        level: How far its copy is verified.
        proof: How it was proven, e.g. `crc32:id`, `crc32:server`, `two-reads`, `md5-etag`, `read-back`.
        key: The object's key.
        etag: The object's ETag.
        upload_id: The multipart upload in progress, to be resumed.
        changed_at: Unix seconds of the last change of state.
        verified_at: Unix seconds of the last successful verification.
        accepted: Quarantined, and accepted as such by an operator.
    """

    file_id: FileId
    kind: FileKind
    state: FileState
    fence: int
    size: int | None = None
    crc32: int | None = None
    mtime: int | None = None
    attempts: int = 0
    next_at: int = 0
    reason: str | None = None
    level: Level | None = None
    proof: str | None = None
    key: str | None = None
    etag: str | None = None
    upload_id: str | None = None
    changed_at: int = 0
    verified_at: int | None = None
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claimed file; takes effect only while the fence is the row's own.

    `None` leaves a fact as it is. `attempts` counts one more when `failed`.
    """

    file_id: FileId
    fence: int
    state: FileState
    reason: str | None = None
    failed: bool = False
    next_at: int | None = None
    size: int | None = None
    crc32: int | None = None
    mtime: int | None = None
    kind: FileKind | None = None
    level: Level | None = None
    proof: str | None = None
    key: str | None = None
    etag: str | None = None
    upload_id: str | None = None
    verified_at: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What a plan has to know of a file that is not new.

    Attributes:
        state: Where it is on its way.
        seen: Whether the run in question has seen it already.
        confirmed: Whether a server has been asked for it: its size is known.
    """

    state: FileState
    seen: bool
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Outlined:
    """How many files of a kind and of about a size are in a state.

    Attributes:
        size_class: Index of the first of `SIZE_CLASSES` that is larger; `None` where the size is not known.
    """

    kind: FileKind
    state: FileState
    size_class: int | None
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How many files of a group are in a state, and their bytes as far as known."""

    group: str
    state: FileState
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What workers keep to; read with every claim. `None` is no limit, `concurrency` None the worker's own default."""

    bytes_per_second: int | None = None
    files_per_second: int | None = None
    concurrency: int | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class ScannedSource:
    """One listing that a plan has read: a store path of a server, a file of ids, a folder, a query.

    Attributes:
        complete: Whether the listing ended as a whole one does. Proves little alone; see `docs/leaving-fastdfs.md`.
    """

    name: str
    group: str | None
    scanned_at: int
    files: int
    complete: bool
